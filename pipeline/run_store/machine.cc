#include "pipeline/run_store/machine.h"

#include <sched.h>

#include <algorithm>
#include <fstream>

#include "configs/check.h"

namespace amalgam::pipeline {
namespace {

// What follows the colon of the line that starts with `key`; "" if there is none.
std::string proc_field(const char* file, const std::string& key) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(key, 0) != 0) continue;
    const size_t value = line.find_first_not_of(" \t:", line.find(':'));
    return value == std::string::npos ? "" : line.substr(value);
  }
  return "";
}

int64_t kib_field(const char* file, const std::string& key) {
  return std::strtoll(proc_field(file, key).c_str(), nullptr, 10) * 1024;
}

// Limit and use of this control group, v2 or v1; false when there is none.
bool cgroup_memory(int64_t* limit, int64_t* used) {
  static const char* const kFiles[][2] = {
      {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"},
      {"/sys/fs/cgroup/memory/memory.limit_in_bytes",
       "/sys/fs/cgroup/memory/memory.usage_in_bytes"}};
  for (const auto& [limit_file, use_file] : kFiles) {
    if (std::ifstream(limit_file) >> *limit && std::ifstream(use_file) >> *used) return true;
  }
  return false;
}

}  // namespace

Machine inspect_machine() {
  Machine machine;
  machine.cpu = proc_field("/proc/cpuinfo", "model name");
  __builtin_cpu_init();
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  machine.instruction_set = avx512 ? "AVX-512" : "AVX2";
  cpu_set_t allowed;
  CHECK_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  machine.num_cores = CPU_COUNT(&allowed);
  machine.memory_bytes = kib_field("/proc/meminfo", "MemTotal");
  machine.available_bytes = kib_field("/proc/meminfo", "MemAvailable");
  int64_t limit = 0, used = 0;
  if (cgroup_memory(&limit, &used) && limit < machine.memory_bytes) {
    machine.memory_bytes = limit;
    machine.available_bytes = std::min(machine.available_bytes, std::max<int64_t>(0, limit - used));
  }
  return machine;
}

int64_t free_disk_bytes(const std::filesystem::path& path) {
  std::filesystem::path existing = std::filesystem::absolute(path);
  std::error_code error;
  while (!std::filesystem::exists(existing, error) && existing.has_relative_path()) {
    existing = existing.parent_path();
  }
  return static_cast<int64_t>(std::filesystem::space(existing).available);
}

int num_threads(int64_t requested) {
  return requested > 0 ? static_cast<int>(requested) : inspect_machine().num_cores;
}

}  // namespace amalgam::pipeline
