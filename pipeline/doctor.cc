#include "pipeline/doctor.h"

#include <spdlog/fmt/fmt.h>

#include <iostream>

#include "pipeline/machine.h"

namespace amalgam::pipeline {
namespace {

constexpr double kGib = 1 << 30;

void print(const std::string& name, const std::string& value) {
  std::cout << fmt::format("{:<18}{}\n", name + ":", value);
}

std::string gib(int64_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / kGib);
}

void print_config(const configs::RunConfig& config) {
  std::string names;
  for (const configs::DomainConfig& domain : config.domains) {
    names += (names.empty() ? "" : ", ") + domain.name;
  }
  print("domains", names);
  print("run directory", config.run_dir);
}

}  // namespace

int run_doctor(const DoctorOptions& options) {
  std::string run_dir = options.config.run_dir.empty() ? "." : options.config.run_dir;
  print("version", AMALGAM_VERSION);
  if (!options.config.config.empty()) {
    const configs::RunConfig config = options.config.load();
    print("config", options.config.config + " is valid");
    print_config(config);
    run_dir = config.run_dir;
  }
  const Machine machine = inspect_machine();
  print("cpu", machine.cpu);
  print("instruction set", machine.instruction_set);
  print("cores", std::to_string(machine.num_cores));
  print("memory", gib(machine.memory_bytes) + ", " + gib(machine.available_bytes) + " available");
  print("disk", gib(free_disk_bytes(run_dir)) + " free for " + run_dir);
  return 0;
}

}  // namespace amalgam::pipeline
