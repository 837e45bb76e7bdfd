#include "pipeline/commands/doctor.h"

#include <spdlog/fmt/fmt.h>

#include <iostream>
#include <optional>

#include "configs/version.h"
#include "pipeline/run_store/machine.h"
#include "pipeline/stages/inputs_check.h"
#include "sandbox/sandbox.h"

namespace amalgam::pipeline {
namespace {

constexpr double kGib = 1 << 30;

void print(const std::string& name, const std::string& value) {
  std::cout << fmt::format("{:<18}{}\n", name + ":", value);
}

std::string gib(int64_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / kGib);
}

void print_config(const std::string& file, const configs::RunConfig& config) {
  std::string names;
  for (const configs::DomainConfig& domain : config.domains) {
    names += (names.empty() ? "" : ", ") + domain.name;
  }
  print("config", file + " is valid");
  print("domains", names);
  print("run directory", config.run_dir);
}

void print_machine(const std::string& run_dir) {
  const Machine machine = inspect_machine();
  print("cpu", machine.cpu);
  print("instruction set", machine.instruction_set);
  print("cores", std::to_string(machine.num_cores));
  print("memory", gib(machine.memory_bytes) + ", " + gib(machine.available_bytes) + " available");
  print("disk", gib(free_disk_bytes(run_dir)) + " free for " + run_dir);
}

// Runs one line of Python in a container. Returns "" if that works, or what is wrong.
std::string try_sandbox(const std::string& python) {
  if (python.empty()) return "no /usr/bin/python3; install the package python3";
  std::string error;
  const std::unique_ptr<sandbox::Sandbox> box = sandbox::create_container({}, &error);
  if (!box) return error;
  const sandbox::Result result = box->exec({{python, "-c", "print(6 * 7)"}, ""});
  if (result.outcome == sandbox::Outcome::kOk && result.out == "42\n") return "";
  return fmt::format("a trial command ended with {}: {}{}", sandbox::to_string(result.outcome),
                     result.detail, result.err);
}

bool print_sandbox() {
  const sandbox::Support support = sandbox::probe();
  print("user namespaces", support.user_namespaces ? "yes" : "no");
  print("seccomp", support.seccomp ? "yes" : "no");
  print("cgroups", support.cgroups);
  print("sandbox /proc",
        support.why_no_proc.empty() ? "each its own" : "synthetic: " + support.why_no_proc);
  print("python", support.python.empty() ? "none" : support.python);
  print("virtual machines", sandbox::machine_support());
  const std::string problem = try_sandbox(support.python);
  print("sandbox", problem.empty() ? "works" : "FAILS: " + problem);
  return problem.empty();
}

// Returns "" if all can be used.
std::string print_inputs(const configs::RunConfig& config) {
  kernels::ThreadPool pool(num_threads(config.threads));
  const InputReport report = inspect_inputs(config, pool, {.calls_rewards = true});
  for (const auto& [kind, text] : report.usable) print(kind, text);
  for (const std::string& note : report.notes) print("note", note);
  for (const std::string& problem : report.problems) std::cout << problem << '\n';
  if (report.problems.empty()) return "";
  std::string text = "not all that the config names can be used; see above";
  if (report.num_bad_rows > 0)
    text += fmt::format("; skip_bad_rows=true leaves the bad rows out ({})", report.num_bad_rows);
  return text;
}

}  // namespace

int run_doctor(const DoctorOptions& options) {
  std::string run_dir = options.config.run_dir.empty() ? "." : options.config.run_dir;
  std::optional<configs::RunConfig> config;
  if (!options.config.config.empty()) {
    config = options.config.load();
    print_config(options.config.config, *config);
    run_dir = config->run_dir;
  }
  print("version", kVersionAndCommit);
  print_machine(run_dir);
  std::string result =
      print_sandbox() ? "" : "model-written code cannot run here; see sandbox above";
  if (config) {
    const std::string problem = print_inputs(*config);
    if (!problem.empty()) result += (result.empty() ? "" : "; ") + problem;
  }
  print("result", result.empty() ? "ready" : result);
  return result.empty() ? 0 : 1;
}

}  // namespace amalgam::pipeline
