#include "pipeline/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "configs/check.h"

namespace amalgam::pipeline {
namespace {

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "used inside a signal handler");

void handle(int) {
  if (stop_requested.exchange(true)) _exit(kInterruptedExit);
  static const char kNotice[] =
      "\namalgam: stopping at the next safe point; again to stop at once\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kNotice, sizeof kNotice - 1);
}

}  // namespace

void install_interrupt_handlers() {
  struct sigaction action = {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;  // a write to a log must not fail because of it
  sigemptyset(&action.sa_mask);
  CHECK_EQ(sigaction(SIGINT, &action, nullptr), 0);
  CHECK_EQ(sigaction(SIGTERM, &action, nullptr), 0);
}

bool interrupted() { return stop_requested.load(std::memory_order_relaxed); }

}  // namespace amalgam::pipeline
