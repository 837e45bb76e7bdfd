#include "pipeline/sandbox_commands/limit_options.h"

#include "configs/error.h"
#include "pipeline/command_line/byte_size.h"

namespace amalgam::pipeline {

void LimitOptions::describe(OptionSet& options) {
  options.option("--memory", memory, "memory limit of all processes and files of a run");
  options.option("--pids", pids, "processes and threads at a time");
  options.option("--disk", disk, "size of the writable directory");
  options.option("--output", output, "limit of stdout and of stderr");
}

sandbox::Limits LimitOptions::limits(const std::string& command) const {
  if (pids < 1 || pids > 1'000'000) throw Error(command + ": --pids must be between 1 and 1000000");
  sandbox::Limits l;
  l.memory_bytes = parse_byte_size(memory, command + ": --memory");
  if (l.memory_bytes < sandbox::kMinMemoryBytes)
    throw Error(command + ": --memory must be at least 1M");
  l.disk_bytes = parse_byte_size(disk, command + ": --disk");
  l.output_bytes = parse_byte_size(output, command + ": --output");
  l.max_processes = static_cast<int>(pids);
  return l;
}

sandbox::Limits LimitOptions::limits(const std::string& command, double wall_seconds,
                                     double cpu_seconds) const {
  // Written so that NaN is refused.
  if (!(wall_seconds > 0 && wall_seconds < 1e9))
    throw Error(command + ": --timeout must be positive");
  if (!(cpu_seconds >= 0 && cpu_seconds < 1e9))
    throw Error(command + ": --cpu must not be negative");
  sandbox::Limits l = limits(command);
  l.wall_seconds = wall_seconds;
  l.cpu_seconds = cpu_seconds > 0 ? cpu_seconds : wall_seconds;
  return l;
}

}  // namespace amalgam::pipeline
