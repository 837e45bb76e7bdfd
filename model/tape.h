// Tape: reverse-mode differentiation over kernels. A forward pass written once serves inference
// (no tape: nothing is kept) and training (each op records its backward step).
//
// Memory: values, gradients and the recorded steps live in the caller's arena and stay valid until
// the arena is reset. Recorded functions are trivially destructible: pointers and sizes only.
#pragma once
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/arena.h"
#include "kernels/tensor.h"

namespace amalgam::model {

// A value and, while recording, its gradient (zero at first; consumers add to it).
struct Var {
  kernels::Tensor v;
  float* g = nullptr;
};

class Tape {
 public:
  explicit Tape(kernels::Arena& arena) : arena_(arena) {}

  template <class F>
  void record(F f) {
    static_assert(std::is_trivially_destructible_v<F>, "a step holds pointers and sizes only");
    F* kept = new (arena_.alloc<std::byte>(sizeof(F))) F(std::move(f));
    steps_.push_back({kept, [](void* p) { (*static_cast<F*>(p))(); }});
  }
  // Runs the steps in reverse; the tape is empty afterwards.
  void backward() {
    for (size_t i = steps_.size(); i-- > 0;) steps_[i].run(steps_[i].function);
    steps_.clear();
  }

 private:
  struct Step {
    void* function;
    void (*run)(void*);
  };
  kernels::Arena& arena_;
  std::vector<Step> steps_;
};

}  // namespace amalgam::model
