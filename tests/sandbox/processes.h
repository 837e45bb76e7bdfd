// What happens to the processes of sandboxes, and when: a busy machine takes its time.
#pragma once
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <string>
#include <vector>

#include "sandbox/container/launcher.h"
#include "sandbox/container/process_tree.h"
#include "tests/eventually.h"

namespace amalgam::sandbox {

// Kills the launcher, and waits for all below it, which die with it. It is not replaced until a
// sandbox is needed.
inline void kill_launcher() {
  const pid_t launcher = Launcher::instance().pid();
  std::vector<pid_t> all = descendants(launcher);
  all.push_back(launcher);
  kill(launcher, SIGKILL);
  for (const pid_t pid : all)
    EXPECT_TRUE(eventually([&] { return !is_alive(pid); })) << "process " << pid;
}

// Waits until a command of a sandbox has come to a program of this name.
inline void wait_until_runs(const std::string& program) {
  EXPECT_TRUE(eventually([&] {
    for (const pid_t pid : descendants(Launcher::instance().pid())) {
      std::ifstream in("/proc/" + std::to_string(pid) + "/comm");
      std::string name;
      if (std::getline(in, name) && name == program) return true;
    }
    return false;
  })) << program
      << " was not run";
}

}  // namespace amalgam::sandbox
