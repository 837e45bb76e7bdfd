#include "pipeline/run_store/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "configs/check.h"
#include "pipeline/run_store/hooks.h"

namespace amalgam::pipeline {
namespace {

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<size_t>::is_always_lock_free &&
                  std::atomic<int>::is_always_lock_free,
              "used inside a signal handler");

constexpr unsigned kPatienceSeconds = 1;

std::array<char, 4096> stop_notice;
std::atomic<size_t> stop_notice_size{0};
std::atomic<int> exit_code{kInterruptedExit};

std::atomic<const Hook*> stop_hook{nullptr};
std::atomic<bool> hook_runs{false};  // in the handler
std::atomic<bool> works{false};

void say(const char* text, size_t size) {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, size);
}

// Async-signal-safe throughout. SIGALRM: the safe point did not come in time.
void handle(int number) {
  if (stop_requested.exchange(true)) {
    say_stop_notice();
    if (number == SIGALRM) {
      hook_runs = true;
      if (const Hook* hook = works ? stop_hook.exchange(nullptr) : nullptr) hook->run();
    }
    _exit(interrupted_exit());
  }
  static const char kNotice[] =
      "\namalgam: stopping at the next safe point; again to stop at once\n";
  say(kNotice, sizeof kNotice - 1);
  alarm(kPatienceSeconds);
}

}  // namespace

void install_interrupt_handlers() {
  struct sigaction action = {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;  // a write to a log must not fail because of it
  sigemptyset(&action.sa_mask);
  CHECK_EQ(sigaction(SIGINT, &action, nullptr), 0);
  CHECK_EQ(sigaction(SIGTERM, &action, nullptr), 0);
  CHECK_EQ(sigaction(SIGALRM, &action, nullptr), 0);
  struct sigaction hangup = {};
  CHECK_EQ(sigaction(SIGHUP, nullptr, &hangup), 0);
  if (hangup.sa_handler != SIG_IGN) CHECK_EQ(sigaction(SIGHUP, &action, nullptr), 0);  // nohup
}

void set_stop_notice(const std::string& notice) {
  stop_notice_size = 0;
  const size_t size = std::min(notice.size(), stop_notice.size());
  std::copy_n(notice.begin(), size, stop_notice.begin());
  stop_notice_size = size;
  exit_code = kStoppedExit;
}

int interrupted_exit() { return exit_code; }

void say_stop_notice() { say(stop_notice.data(), stop_notice_size.exchange(0)); }

void set_stop_hook(const Hook* hook) { stop_hook = hook; }

void begin_work() { works = true; }

bool has_begun_work() { return works; }

const Hook* take_stop_hook() {
  alarm(0);
  const Hook* hook = works ? stop_hook.exchange(nullptr) : nullptr;
  while (!hook && hook_runs) pause();
  return hook;
}

bool interrupted() { return stop_requested.load(std::memory_order_relaxed); }

}  // namespace amalgam::pipeline
