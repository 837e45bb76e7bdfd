#include "pipeline/sandbox_commands/bench.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "configs/clock.h"
#include "configs/error.h"
#include "pipeline/sandbox_commands/service.h"
#include "sandbox/function/function.h"
#include "sandbox/service/remote_sandbox.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::ordered_json;

constexpr double kWarmSeconds = 60;
const char* const kProgram = "print(1)";

// One measured thing: `prepare` is not timed.
struct Series {
  std::string name;
  std::function<void()> prepare, run;
  std::vector<double> ms = {};
};

ordered_json quantiles(std::vector<double> ms) {
  if (ms.empty()) return nullptr;
  std::sort(ms.begin(), ms.end());
  const auto at = [&](double q) {
    return ms[std::min(ms.size() - 1, static_cast<size_t>(q * static_cast<double>(ms.size())))];
  };
  return {{"p50", at(0.5)}, {"p99", at(0.99)}};
}

std::unique_ptr<sandbox::Sandbox> create(const char* substrate) {
  std::string error;
  auto box = sandbox::create(substrate, {}, &error);
  if (!box) throw Error("sandbox bench: " + error + "; see `amalgam doctor`");
  return box;
}

void run_in(sandbox::Sandbox& box, const std::vector<std::string>& argv) {
  const sandbox::Result result = box.exec({argv});
  if (result.outcome != sandbox::Outcome::kOk)
    throw Error("sandbox bench: " + argv[0] + " ended with " + to_string(result.outcome) + " " +
                result.detail + result.err);
}

void run_ours(const char* substrate, const std::vector<std::string>& argv) {
  run_in(*create(substrate), argv);
}

// What a careful user of bubblewrap would ask for.
std::vector<std::string> bubblewrap(const std::vector<std::string>& argv) {
  std::vector<std::string> all = {"bwrap",         "--unshare-all", "--die-with-parent",
                                  "--new-session", "--clearenv",    "--ro-bind",
                                  "/usr",          "/usr",          "--symlink",
                                  "usr/bin",       "/bin",          "--symlink",
                                  "usr/lib",       "/lib",          "--symlink",
                                  "usr/lib64",     "/lib64",        "--proc",
                                  "/proc",         "--dev",         "/dev",
                                  "--tmpfs",       "/work",         "--chdir",
                                  "/work",         "--cap-drop",    "ALL"};
  all.insert(all.end(), argv.begin(), argv.end());
  return all;
}

bool has_bubblewrap() { return access("/usr/bin/bwrap", X_OK) == 0; }

void run_bubblewrap(const std::vector<std::string>& argv) {
  std::vector<std::string> strings = bubblewrap(argv);
  std::vector<char*> pointers;
  for (std::string& s : strings) pointers.push_back(s.data());
  pointers.push_back(nullptr);
  char* environment[] = {nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  int status = -1;
  const int error =
      posix_spawn(&pid, "/usr/bin/bwrap", &actions, nullptr, pointers.data(), environment);
  posix_spawn_file_actions_destroy(&actions);
  if (error == 0) waitpid(pid, &status, 0);
  if (status != 0) throw Error("sandbox bench: bwrap failed; is it allowed here?");
}

// In turn, so that all meet the same machine.
void measure(int64_t runs, std::vector<Series>* all) {
  for (int64_t i = -2; i < runs; ++i) {  // the first two are not counted
    for (Series& s : *all) {
      if (s.prepare) s.prepare();
      const auto begin = Clock::now();
      s.run();
      if (i >= 0) s.ms.push_back(seconds_since(begin) * 1e3);
    }
  }
}

double runs_per_second(int64_t runs, const std::function<void()>& run) {
  const unsigned num_threads = std::max(1u, std::thread::hardware_concurrency());
  std::atomic<int64_t> left{runs};
  std::vector<std::thread> threads;
  std::vector<std::string> errors(num_threads);
  const auto begin = Clock::now();
  for (unsigned t = 0; t < num_threads; ++t)
    threads.emplace_back([&, t] {
      try {
        while (left.fetch_sub(1) > 0) run();
      } catch (const Error& e) {
        errors[t] = e.what();
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& error : errors)
    if (!error.empty()) throw Error(error);
  return static_cast<double>(runs) / seconds_since(begin);
}

// Proportional resident memory of this process's descendants.
double descendants_pss_bytes(pid_t pid) {
  double bytes = 0;
  const std::string p = std::to_string(pid);
  std::ifstream children("/proc/" + p + "/task/" + p + "/children");
  for (pid_t child; children >> child;) {
    std::ifstream rollup("/proc/" + std::to_string(child) + "/smaps_rollup");
    for (std::string word; rollup >> word;) {
      double kib = 0;
      if (word == "Pss:" && rollup >> kib) bytes += kib * 1024;
    }
    bytes += descendants_pss_bytes(child);
  }
  return bytes;
}

double available_bytes() {
  std::ifstream meminfo("/proc/meminfo");
  double kib = 0;
  for (std::string word; meminfo >> word;)
    if (word == "MemAvailable:" && meminfo >> kib) break;
  return kib * 1024;
}

// Per sandbox: resident memory, and by how much that of the machine became less, which has the
// kernel's part in it and whatever other programs do meanwhile.
std::pair<double, double> idle_bytes(int64_t count) {
  std::vector<std::unique_ptr<sandbox::Sandbox>> idle;
  const double resident = descendants_pss_bytes(getpid()), available = available_bytes();
  for (int64_t i = 0; i < count; ++i) idle.push_back(create("container"));
  const auto n = static_cast<double>(std::max<int64_t>(count, 1));
  return {(descendants_pss_bytes(getpid()) - resident) / n, (available - available_bytes()) / n};
}

void print_lines(const ordered_json& figures) {
  for (const auto& [name, value] : figures.items()) {
    if (value.is_object())
      std::printf("%-24s p50 %8.3f   p99 %8.3f\n", name.c_str(), value["p50"].get<double>(),
                  value["p99"].get<double>());
    else if (value.is_null())
      std::printf("%-24s not measured\n", name.c_str());
    else
      std::printf("%-24s %.1f\n", name.c_str(), value.get<double>());
  }
}

}  // namespace

void SandboxBenchOptions::describe(OptionSet& options) {
  options.option("--runs", runs, "runs of each kind");
  options.option("--idle", idle, "idle sandboxes whose memory is measured");
  describe_gateway(options, gateway, key);
  options.flag("--json", json, "print one object");
}

int run_sandbox_bench(const SandboxBenchOptions& options) {
  if (options.runs < 1) throw Error("sandbox bench: --runs must be at least 1");
  const std::vector<std::string> true_argv = {"/bin/true"};
  const std::vector<std::string> python = {"/usr/bin/python3", "-S", "-B", "-c", kProgram};
  const auto ours = [](const std::vector<std::string>& argv) {
    return [=] { run_ours("container", argv); };
  };
  const auto theirs = [](const std::vector<std::string>& argv) {
    return [=] { run_bubblewrap(argv); };
  };
  const auto client = connect_gateway("sandbox bench", options.gateway, options.key);
  const auto remote = [&] { return client->open("container", {}); };
  const std::function<void()> run_remote = [&] { run_in(*remote(), true_argv); };
  const std::shared_ptr<sandbox::Sandbox> here = create("container");
  std::vector<Series> series = {{"container_true_ms", {}, ours(true_argv)},
                                {"container_python_ms", {}, ours(python)},
                                {"container_call_ms", {}, [&] { run_in(*here, true_argv); }}};
  if (client) {
    series.push_back({"gateway_true_ms", {}, run_remote});
    const std::shared_ptr<sandbox::Sandbox> there = remote();
    series.push_back({"gateway_call_ms", {}, [&, there] { run_in(*there, true_argv); }});
  }
  if (has_bubblewrap()) {
    series.push_back({"bubblewrap_true_ms", {}, theirs(true_argv)});
    series.push_back({"bubblewrap_python_ms", {}, theirs(python)});
  }
  measure(options.runs, &series);
  // Apart, so that the pool's refill does not run beside the others.
  std::vector<Series> calls = {
      {"function_call_ms",
       [] {
         if (!sandbox::warm_functions({}, kWarmSeconds))
           throw Error("sandbox bench: the pool of functions does not fill; see `amalgam doctor`");
       },
       [] {
         run_ours("function", sandbox::python_call({"-c", kProgram}));
       }}};
  measure(options.runs, &calls);

  ordered_json figures = {{"container_true_ms", nullptr},  {"container_python_ms", nullptr},
                          {"function_call_ms", nullptr},   {"container_runs_per_s", nullptr},
                          {"bubblewrap_true_ms", nullptr}, {"bubblewrap_python_ms", nullptr},
                          {"idle_sandbox_bytes", nullptr}, {"idle_machine_bytes", nullptr},
                          {"container_call_ms", nullptr},  {"gateway_true_ms", nullptr},
                          {"gateway_call_ms", nullptr},    {"gateway_runs_per_s", nullptr}};
  for (const auto* all : {&series, &calls})
    for (const Series& s : *all) figures[s.name] = quantiles(s.ms);
  figures["container_runs_per_s"] = runs_per_second(options.runs, ours(true_argv));
  if (client) figures["gateway_runs_per_s"] = runs_per_second(options.runs, run_remote);
  std::tie(figures["idle_sandbox_bytes"], figures["idle_machine_bytes"]) = idle_bytes(options.idle);
  if (options.json)
    std::printf("%s\n", figures.dump().c_str());
  else
    print_lines(figures);
  return 0;
}

}  // namespace amalgam::pipeline
