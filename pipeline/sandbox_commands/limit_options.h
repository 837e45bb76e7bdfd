// The limits that every command that runs programs in sandboxes takes.
#pragma once
#include <cstdint>
#include <string>

#include "pipeline/command_line/options.h"
#include "sandbox/sandbox.h"

namespace amalgam::pipeline {

// For --substrate.
inline constexpr const char* kSubstrateHelp =
    "container, function (started ahead, -S), microvm or vm (virtual machines)";

struct LimitOptions {
  std::string memory = "256M", disk = "64M", output = "1M";
  int64_t pids = 64;
  void describe(OptionSet& options);
  // With the times of a default Limits. Error that begins with `command` for a bad value.
  sandbox::Limits limits(const std::string& command) const;
  // With these times, from --timeout and --cpu; cpu 0: as much as wall.
  sandbox::Limits limits(const std::string& command, double wall_seconds, double cpu_seconds) const;
};

}  // namespace amalgam::pipeline
