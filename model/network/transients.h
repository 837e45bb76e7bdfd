// Transients: memory that a sub-block (hc_pre … hc_post) of a recorded pass needs in the forward
// and again in the backward, but not in between: gradients of its inner values, and values that are
// cheap to compute again. All sub-blocks use the same memory in turn.
//
// end() records a step that runs before all backward steps of the sub-block: it zeroes the
// gradients and computes the values again, in the order and at the addresses of the forward. So
// backward steps find what they would find had it been kept, to the bit.
#pragma once
#include <cstddef>
#include <new>
#include <utility>

#include "kernels/device/arena.h"
#include "kernels/device/zero.h"
#include "model/network/arena_function.h"
#include "model/network/tape.h"

namespace amalgam::model {

class Transients {
 public:
  // `shared` is the memory that is used in turn; the functions stay in `kept`.
  Transients(kernels::Arena& kept, kernels::Arena& shared) : kept_(kept), shared_(shared) {}

  bool active() const { return active_; }  // inside a sub-block of a recorded pass
  void begin() {
    mark_ = shared_.mark();
    first_ = last_ = nullptr;
    active_ = true;
  }
  float* value(size_t n) { return shared_.alloc<float>(n); }
  float* gradient(kernels::ThreadPool& pool, size_t n) {
    float* p = shared_.alloc<float>(n);
    again([p, n, pool = &pool] { kernels::zero(*pool, p, static_cast<int64_t>(n)); });
    return p;
  }
  // f runs before the backward steps, after those that were given before it.
  template <class F>
  void again(F f) {
    auto* step = new (kept_.alloc<std::byte>(sizeof(Step))) Step{{kept_, std::move(f)}, nullptr};
    (first_ ? last_->next : first_) = step;
    last_ = step;
  }
  void end(Tape& tape) {
    tape.record([first = first_] {
      for (const Step* s = first; s; s = s->next) s->run();
    });
    shared_.reset(mark_);
    active_ = false;
  }

 private:
  struct Step {
    ArenaFunction run;
    Step* next;
  };
  kernels::Arena &kept_, &shared_;
  kernels::Arena::Mark mark_{};
  Step *first_ = nullptr, *last_ = nullptr;
  bool active_ = false;
};

}  // namespace amalgam::model
