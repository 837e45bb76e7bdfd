// What the sandbox tests share.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>

#include "sandbox/sandbox.h"

namespace amalgam::sandbox {

inline std::unique_ptr<Sandbox> make(const Limits& limits = {}) {
  std::string error;
  auto sandbox = create_container(limits, &error);
  EXPECT_NE(sandbox, nullptr) << error;
  return sandbox;
}

inline Result python(Sandbox& sandbox, const std::string& code) {
  const Result put = sandbox.put_file("main.py", code);
  if (put.outcome != Outcome::kOk) return put;
  return sandbox.exec({{"/usr/bin/python3", "-I", "-S", "main.py"}, ""});
}

inline Result shell(Sandbox& sandbox, const std::string& script) {
  return sandbox.exec({{"/bin/sh", "-c", script}, ""});
}

// A text and then a descriptor, whose writer is slow and writes more than a pipe holds.
inline void expect_stdin_is_fed(Sandbox& sandbox) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  std::thread writer([&] {
    const std::string chunk(50'000, 'x');
    for (int i = 0; i < 10; ++i)
      EXPECT_EQ(write(fds[1], chunk.data(), chunk.size()), static_cast<ssize_t>(chunk.size()));
    usleep(100'000);
    EXPECT_EQ(write(fds[1], "end", 3), 3);
    close(fds[1]);
  });
  Command command{{"/bin/cat"}, "begin "};
  command.stdin_fd = fds[0];
  const Result r = sandbox.exec(command);
  writer.join();
  close(fds[0]);
  EXPECT_EQ(r.outcome, Outcome::kOk) << r.detail;
  EXPECT_EQ(r.out, "begin " + std::string(500'000, 'x') + "end");
}

inline bool has_cgroup(const std::string& controller) {
  static const std::string cgroups = probe().cgroups;
  return cgroups.find("none") == std::string::npos && cgroups.find(controller) != std::string::npos;
}

}  // namespace amalgam::sandbox
