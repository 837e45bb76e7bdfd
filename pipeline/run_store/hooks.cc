#include "pipeline/run_store/hooks.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "configs/error.h"
#include "configs/log/log.h"

extern char** environ;

namespace amalgam::pipeline {
namespace {

constexpr int kDeadlineSeconds = 60;
constexpr int kLooksPerSecond = 50;

const char* name_of(RunEnd end) {
  switch (end) {
    case RunEnd::kFinished:
      return "finished";
    case RunEnd::kStopped:
      return "stopped";
    default:
      return "failed";
  }
}

// In a process group of its own: Ctrl-C at the terminal is meant for the run.
[[noreturn]] void become(const char* const* argv, const char* const* environment) {
  ::setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDONLY);
  if (null >= 0) ::dup2(null, STDIN_FILENO);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  ::execve("/bin/sh", const_cast<char* const*>(argv), const_cast<char* const*>(environment));
  ::_exit(127);
}

}  // namespace

Hook::Hook(const std::string& command, const std::string& run_dir, RunEnd end,
           const std::string& message)
    : is_empty_(command.empty()),
      what_(std::string(end == RunEnd::kFinished ? "on_finish" : "on_stop") + ": " + command) {
  if (is_empty_) return;
  argv_ = {"sh", "-c", keep(command), nullptr};
  size_t n = 0;
  environment_[n++] = keep("AMALGAM_RUN_DIR=" + run_dir);
  environment_[n++] = keep(std::string("AMALGAM_STATE=") + name_of(end));
  environment_[n++] = keep("AMALGAM_MESSAGE=" + message.substr(0, 4096));
  for (char** v = environ; *v && n + 1 < environment_.size(); ++v)
    if (std::strncmp(*v, "AMALGAM_", 8) != 0) environment_[n++] = *v;
}

const char* Hook::keep(const std::string& text) {
  if (used_ + text.size() + 1 > text_.size())
    throw Error("on_stop and on_finish: the command is too long; put it into a script");
  char* at = text_.data() + used_;
  std::memcpy(at, text.c_str(), text.size() + 1);
  used_ += text.size() + 1;
  return at;
}

int Hook::run() const {
  if (is_empty_) return 0;
  const pid_t pid = ::_Fork();  // fork() runs handlers that may allocate
  if (pid < 0) return kNotStarted;
  if (pid == 0) become(argv_.data(), environment_.data());
  int status = 0;
  for (int looks = 0; ::waitpid(pid, &status, WNOHANG) == 0; ++looks) {
    if (looks > kDeadlineSeconds * kLooksPerSecond) {
      ::kill(-pid, SIGKILL);
      ::waitpid(pid, &status, 0);
      return kTimeout;
    }
    const timespec pause{0, 1000000000 / kLooksPerSecond};
    ::nanosleep(&pause, nullptr);
  }
  return status;
}

void Hook::run_and_warn() const {
  const int status = run();
  const auto warn = [&](const std::string& why) { log::warn(log::Part::kRun, what_ + ": " + why); };
  if (status == kNotStarted) return warn("no process could be made for it");
  if (status == kTimeout) return warn("ran for a minute and was ended");
  if (WIFSIGNALED(status)) warn("was ended by signal " + std::to_string(WTERMSIG(status)));
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
    warn("ended with " + std::to_string(WEXITSTATUS(status)));
}

}  // namespace amalgam::pipeline
