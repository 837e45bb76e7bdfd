// A Python interpreter that has the stand-in for the package reasoning-gym
// (tests/golden/reasoning_gym).
#pragma once
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/paths.h"

namespace amalgam::tests {

// Writes it to this path.
inline std::string gym_python(const std::string& path) {
  std::ofstream(path) << "#!/bin/sh\nPYTHONDONTWRITEBYTECODE=1 PYTHONPATH="
                      << golden("reasoning_gym") << " exec /usr/bin/python3 \"$@\"\n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path;
}

}  // namespace amalgam::tests
