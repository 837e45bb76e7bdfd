// Pools of containers in which an interpreter waits for its program, one pool per set of limits.
// Thread-safe.
#pragma once
#include <condition_variable>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "configs/clock.h"
#include "sandbox/container/container.h"

namespace amalgam::sandbox {

class FunctionPool {
 public:
  // Never destroyed: its thread lives as long as the process.
  static FunctionPool& instance();

  // A container with a started interpreter (Container::run_started): from the pool, else made here.
  // Without one when the interpreter does not start within these limits, which the call is to find
  // out. Null with one line in *error.
  std::unique_ptr<Container> take(const Limits& limits, std::string* error);
  int num_idle(const Limits& limits);
  bool wait_full(const Limits& limits, double deadline_seconds);

 private:
  struct Pool {
    Limits limits;
    std::deque<std::unique_ptr<Container>> idle;
    // After a failure to start one (no processes, no memory) its refill rests.
    Clock::time_point rest_until{};
    Clock::time_point last_taken{};
  };

  FunctionPool();
  Pool& open(const Limits& limits);
  const Pool* find(const Limits& limits) const;
  const Pool* first_short() const;
  [[noreturn]] void refill();

  std::mutex mutex_;
  std::condition_variable taken_, filled_;
  std::list<Pool> pools_;  // the most recently used one first
};

}  // namespace amalgam::sandbox
