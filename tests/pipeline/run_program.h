// Runs the program under test and collects what it printed.
#pragma once
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/paths.h"

namespace amalgam::pipeline {

struct ProgramResult {
  int status = -1;  // exit status, or 128 + signal
  std::string out, err;
};

// `arguments` is a piece of shell; `launcher` is put before the program.
inline ProgramResult run_program(const std::string& arguments, const std::string& launcher = "") {
  const std::string base = testing::TempDir() + "/program_" + std::to_string(getpid());
  const int status =
      std::system(("timeout 120 " + launcher + " " + std::string(tests::kBinary) + " " + arguments +
                   " >" + base + ".out 2>" + base + ".err </dev/null")
                      .c_str());
  const auto take = [](const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    std::remove(path.c_str());
    return text.str();
  };
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), take(base + ".out"),
          take(base + ".err")};
}

}  // namespace amalgam::pipeline
