// What the sandbox tests share.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>

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

inline bool has_cgroup(const std::string& controller) {
  static const std::string cgroups = probe().cgroups;
  return cgroups.find("none") == std::string::npos && cgroups.find(controller) != std::string::npos;
}

}  // namespace amalgam::sandbox
