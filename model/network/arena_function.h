// A function that lives in an arena: what a tape and its sub-blocks keep to call later. It is gone
// with the arena's memory, without a destructor, so it captures pointers and sizes only.
#pragma once
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "kernels/device/arena.h"

namespace amalgam::model {

class ArenaFunction {
 public:
  template <class F>
  ArenaFunction(kernels::Arena& arena, F f)
      : function_(new (arena.alloc<std::byte>(sizeof(F))) F(std::move(f))),
        call_([](void* p) { (*static_cast<F*>(p))(); }) {
    static_assert(std::is_trivially_destructible_v<F>, "capture pointers and sizes only");
  }
  void operator()() const { call_(function_); }

 private:
  void* function_;
  void (*call_)(void*);
};

}  // namespace amalgam::model
