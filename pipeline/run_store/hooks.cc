#include "pipeline/run_store/hooks.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "configs/check.h"
#include "configs/clock.h"
#include "configs/log/log.h"

extern char** environ;

namespace amalgam::pipeline {
namespace {

constexpr double kDeadlineSeconds = 60;
constexpr int kLookMicroseconds = 20000;

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

// In a process group of its own: Ctrl-C at the terminal is meant for the run. 0: not started.
pid_t start(const std::string& command, const std::vector<std::string>& variables) {
  std::vector<char*> environment;
  for (const std::string& v : variables) environment.push_back(const_cast<char*>(v.c_str()));
  for (char** v = environ; *v; ++v)
    if (std::strncmp(*v, "AMALGAM_", 8) != 0) environment.push_back(*v);
  environment.push_back(nullptr);
  posix_spawnattr_t attributes;
  CHECK_EQ(posix_spawnattr_init(&attributes), 0);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  posix_spawn_file_actions_t files;
  CHECK_EQ(posix_spawn_file_actions_init(&files), 0);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
  const char* argv[] = {"sh", "-c", command.c_str(), nullptr};
  pid_t pid = 0;
  if (posix_spawn(&pid, "/bin/sh", &files, &attributes, const_cast<char* const*>(argv),
                  environment.data()) != 0)
    pid = 0;
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  return pid;
}

}  // namespace

void run_hook(const std::string& command, const std::string& run_dir, RunEnd end,
              const std::string& message) {
  if (command.empty()) return;
  const std::string what = end == RunEnd::kFinished ? "on_finish" : "on_stop";
  const auto warn = [&](const std::string& why) {
    log::warn(log::Part::kRun, what + ": " + command + ": " + why);
  };
  const pid_t pid =
      start(command, {"AMALGAM_RUN_DIR=" + run_dir, std::string("AMALGAM_STATE=") + name_of(end),
                      "AMALGAM_MESSAGE=" + message});
  if (pid == 0) return warn("/bin/sh could not be started");
  const auto begin = Clock::now();
  int status = 0;
  while (::waitpid(pid, &status, WNOHANG) == 0) {
    if (seconds_since(begin) > kDeadlineSeconds) {
      ::kill(-pid, SIGKILL);
      ::waitpid(pid, &status, 0);
      return warn("ran for a minute and was ended");
    }
    ::usleep(kLookMicroseconds);
  }
  if (WIFSIGNALED(status)) warn("was ended by signal " + std::to_string(WTERMSIG(status)));
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
    warn("ended with " + std::to_string(WEXITSTATUS(status)));
}

}  // namespace amalgam::pipeline
