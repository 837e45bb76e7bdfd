#include "configs/log/crash.h"

#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "configs/check.h"
#include "configs/log/console.h"

namespace amalgam::log {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
constexpr int kMaxFrames = 64;

// Async-signal-safe, as all that the handler does; what does not fit is left out.
class Text {
 public:
  Text& add(const char* text) {
    const size_t n = std::min(std::strlen(text), sizeof bytes_ - size_);
    std::memcpy(bytes_ + size_, text, n);
    size_ += n;
    return *this;
  }
  Text& add(int64_t number, int digits) {
    char text[24] = {};
    for (int i = digits; i-- > 0; number /= 10) text[i] = static_cast<char>('0' + number % 10);
    return add(text);
  }
  void write_to(int fd) const { [[maybe_unused]] const ssize_t n = ::write(fd, bytes_, size_); }

 private:
  char bytes_[4096];
  size_t size_ = 0;
};

// Read by the handler at any moment.
char crash_path[4096], said_head[1024], frame_head[1024];
std::atomic<pid_t> crashed_thread{0};

void copy(const std::string& from, char* to, size_t size) {
  const size_t n = std::min(from.size(), size - 1);
  std::memcpy(to, from.data(), n);
  to[n] = '\0';
}

const char* name_of_signal(int number) {
  switch (number) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGILL:
      return "SIGILL";
    default:
      return "SIGABRT";
  }
}

// As LogFile writes it. (gmtime_r is not async-signal-safe.)
void add_time(Text* text) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  int64_t days = now.tv_sec / 86400, year = 1970;
  const int64_t seconds = now.tv_sec % 86400;
  const auto is_leap = [&] { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); };
  for (; days >= 365 + is_leap(); ++year) days -= 365 + is_leap();
  const int lengths[] = {31, 28 + is_leap(), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int month = 0;
  for (; days >= lengths[month]; ++month) days -= lengths[month];
  text->add(year, 4).add("-").add(month + 1, 2).add("-").add(days + 1, 2).add("T");
  text->add(seconds / 3600, 2).add(":").add(seconds / 60 % 60, 2).add(":").add(seconds % 60, 2);
  text->add(".").add(now.tv_nsec / 1000000, 3).add("Z ");
}

void write_backtrace(int fd, bool has_time) {
  void* frames[kMaxFrames];
  const int n = ::backtrace(frames, kMaxFrames);
  for (int i = 0; i < n; ++i) {
    Text head;
    if (has_time) add_time(&head);
    head.add(frame_head).add("#").add(i, 2).add(" ").write_to(fd);
    ::backtrace_symbols_fd(frames + i, 1, fd);
  }
}

void handle(int number) {
  pid_t before = 0;
  if (!crashed_thread.compare_exchange_strong(before, ::gettid())) {
    while (before != ::gettid()) ::pause();  // the other one ends the process
    ::_exit(128 + number);                   // this handler itself failed
  }
  const int file = crash_path[0] ? ::open(crash_path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
  const int fd = file >= 0 ? file : STDERR_FILENO;
  Text line;
  if (file >= 0) add_time(&line);
  if (file < 0 && !said_head[0]) line.add("amalgam: ");
  line.add(said_head).add("crashed (").add(name_of_signal(number)).add(")");
  if (const char* check = failed_check) line.add(": ").add(check);
  line.add(said_head[0] ? "\n" : "; its backtrace:\n").write_to(fd);
  write_backtrace(fd, file >= 0);
  if (file >= 0) {
    Text console;
    console.add(standard_error().has_status() ? "\r\x1b[Kamalgam: crashed (" : "amalgam: crashed (")
        .add(name_of_signal(number))
        .add("); its backtrace is in ")
        .add(crash_path)
        .add("\n")
        .write_to(STDERR_FILENO);
  }
  ::signal(number, SIG_DFL);
  ::raise(number);  // when this returns
}

}  // namespace

void install_crash_handlers() {
  void* frame;
  ::backtrace(&frame, 1);  // loads what it needs
  standard_error();
  static char stack[64 << 10];  // of this thread, should its own be full
  const stack_t alternative{.ss_sp = stack, .ss_flags = 0, .ss_size = sizeof stack};
  CHECK_EQ(::sigaltstack(&alternative, nullptr), 0);
  struct sigaction action = {};
  action.sa_handler = handle;
  action.sa_flags = SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (const int number : kSignals) CHECK_EQ(::sigaction(number, &action, nullptr), 0);
}

void set_crash_log(const CrashLog& log) {
  copy(log.path, crash_path, sizeof crash_path);
  copy(log.said, said_head, sizeof said_head);
  copy(log.frame, frame_head, sizeof frame_head);
}

}  // namespace amalgam::log
