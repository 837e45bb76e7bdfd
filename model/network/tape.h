// Tape: reverse-mode differentiation over kernels. A forward pass written once serves inference
// (no tape: nothing is kept) and training (each op records its backward step).
//
// Memory: values, gradients and the recorded steps live in the caller's arena and stay valid until
// the arena is reset. Recorded functions are trivially destructible: pointers and sizes only.
#pragma once
#include <utility>
#include <vector>

#include "kernels/device/arena.h"
#include "kernels/device/tensor.h"
#include "model/network/arena_function.h"

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
    steps_.emplace_back(arena_, std::move(f));
  }
  // Runs the steps in reverse; the tape is empty afterwards.
  void backward() {
    for (size_t i = steps_.size(); i-- > 0;) steps_[i]();
    steps_.clear();
  }

 private:
  kernels::Arena& arena_;
  std::vector<ArenaFunction> steps_;
};

}  // namespace amalgam::model
