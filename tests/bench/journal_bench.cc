// What a journal adds to a command: plain and journaled calls take turns, so that the load of the
// machine meets both. Counters: medians, and the overhead in percent of the plain one's.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "configs/clock.h"
#include "sandbox/journal/journaled_sandbox.h"
#include "tests/temp_dir.h"

namespace amalgam::sandbox {
namespace {

double median(std::vector<double>* values) {
  const auto middle = values->begin() + static_cast<long>(values->size() / 2);
  std::nth_element(values->begin(), middle, values->end());
  return *middle;
}

double timed_ms(Sandbox& sandbox, const Command& command, benchmark::State& state) {
  const auto begin = Clock::now();
  const Result result = sandbox.exec(command);
  const double seconds = seconds_since(begin);
  if (result.outcome != Outcome::kOk) state.SkipWithError((result.detail + result.err).c_str());
  return seconds * 1e3;
}

// num_files: of 1 KiB each in the working directory, none of which the command touches.
void journaled_python(benchmark::State& state) {
  const TempDir folder;
  std::string error;
  const auto plain = create_container({}, &error);
  const auto journaled = open_journaled(folder / "journal", {}, {});
  for (int i = 0; plain && i < state.range(0); ++i)
    for (Sandbox* sandbox : std::initializer_list<Sandbox*>{plain.get(), journaled.get()})
      sandbox->put_file("f" + std::to_string(i), std::string(1024, 'x'));
  const Command command{
      {"/usr/bin/python3", "-I", "-S", "-c", "open('out', 'w').write('1' * 999)"}};
  std::vector<double> plain_ms, journaled_ms;
  for (auto _ : state) {
    if (!plain) {
      state.SkipWithError(error.c_str());
      break;
    }
    plain_ms.push_back(timed_ms(*plain, command, state));
    journaled_ms.push_back(timed_ms(*journaled, command, state));
  }
  if (!plain_ms.empty()) {
    state.counters["plain_p50_ms"] = median(&plain_ms);
    state.counters["journaled_p50_ms"] = median(&journaled_ms);
    state.counters["overhead_percent"] = (median(&journaled_ms) / median(&plain_ms) - 1) * 100;
  }
}
BENCHMARK(journaled_python)->Arg(0)->Arg(100)->Iterations(200)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace amalgam::sandbox

BENCHMARK_MAIN();
