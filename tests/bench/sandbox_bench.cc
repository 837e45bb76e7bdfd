// Cost of a sandbox: real time per call, and the CPU time of everything it takes: this process, the
// launcher and its slots, the sandboxed program (counter cpu_ms; kernel threads not included).
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>

#include "configs/clock.h"
#include "sandbox/container/launcher.h"
#include "sandbox/container/process_tree.h"
#include "sandbox/sandbox.h"

namespace amalgam::sandbox {
namespace {

double cpu_ms() {
  rusage self;
  getrusage(RUSAGE_SELF, &self);
  const double own = static_cast<double>(self.ru_utime.tv_sec + self.ru_stime.tv_sec) * 1e3 +
                     static_cast<double>(self.ru_utime.tv_usec + self.ru_stime.tv_usec) * 1e-3;
  const pid_t launcher = Launcher::instance().pid();
  return own + (launcher ? static_cast<double>(measure_descendants(launcher).cpu_ns) * 1e-6 : 0);
}

const Command kTrue{{"/bin/true"}, ""};
const Command kPython{{"/usr/bin/python3", "-I", "-S", "-c", "print(1)"}, ""};

std::unique_ptr<Sandbox> make(benchmark::State& state) {
  std::string error;
  auto sandbox = create_container(Limits{}, &error);
  if (!sandbox) state.SkipWithError(error.c_str());
  return sandbox;
}

// Times each call itself, for the median.
template <class Call>
void measure(benchmark::State& state, Call call) {
  std::vector<double> ms;
  const double cpu_before = cpu_ms();
  for (auto _ : state) {
    const auto begin = Clock::now();
    if (call().outcome != Outcome::kOk) {
      state.SkipWithError("the command failed");
      break;
    }
    ms.push_back(seconds_since(begin) * 1e3);
  }
  if (ms.empty()) return;
  state.counters["cpu_ms"] = (cpu_ms() - cpu_before) / static_cast<double>(ms.size());
  std::nth_element(ms.begin(), ms.begin() + static_cast<long>(ms.size() / 2), ms.end());
  state.counters["p50_ms"] = ms[ms.size() / 2];
}

void fresh(benchmark::State& state, const Command& command) {
  make(state);
  measure(state, [&] {
    const auto sandbox = make(state);
    return sandbox ? sandbox->exec(command) : Result{};
  });
}

void persistent(benchmark::State& state, const Command& command) {
  const auto sandbox = make(state);
  if (sandbox) measure(state, [&] { return sandbox->exec(command); });
}

BENCHMARK_CAPTURE(fresh, true, kTrue)->Iterations(300)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(fresh, python, kPython)->Iterations(200)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(persistent, true, kTrue)->Iterations(300)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(persistent, python, kPython)->Iterations(200)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace amalgam::sandbox

BENCHMARK_MAIN();
