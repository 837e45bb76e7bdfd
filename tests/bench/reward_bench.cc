// Scoring: with a reward function that takes its time, as one that asks a service, and with the
// verifier of mathematics, on one core.
#include <benchmark/benchmark.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "configs/load.h"
#include "pipeline/workers/scoring.h"
#include "rewards/math/math_answer.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

constexpr int kSamples = 256;
constexpr double kCallSeconds = 0.2;

// 256 samples of 0.2 s each. Counters: the seconds, how many times the ideal they are, and that
// ideal. Argument: num_processes; those beyond the first are started as they are needed, which is
// counted.
void reward_of_one_step(benchmark::State& state) {
  const TempDir dir;
  std::ofstream(dir / "reward.py") << "import time\ndef compute_score(**columns):\n    time.sleep("
                                   << kCallSeconds << ")\n    return 1\n";
  const configs::RunConfig config = configs::parse_run_config(
      "[reward]\nprocesses = " + std::to_string(state.range(0)) +
          "\n[[domain]]\nname = 'own'\ntrain_file = 't'\nheldout_file = 'h'\n"
          "reward_file = 'reward.py'\n",
      dir / "config.toml");
  const double ideal = kSamples * kCallSeconds / static_cast<double>(state.range(0));
  for (auto _ : state) {
    Scoring scoring(config, nullptr);
    const auto begin = Clock::now();
    scoring.begin("bench", false);
    for (int i = 0; i < kSamples; ++i) {
      auto task = std::make_unique<ScoreTask>();
      task->trajectories.emplace_back().mutable_meta()->set_domain("own");
      task->requests.emplace_back().style = "rule";
      scoring.add(std::move(task));
    }
    for (size_t done = 0; done < kSamples;) done += scoring.take(1000).size();
    const double seconds = seconds_since(begin);
    state.SetIterationTime(seconds);
    state.counters["seconds"] = seconds;
    state.counters["ideal"] = ideal;
    state.counters["times_ideal"] = seconds / ideal;
  }
}
BENCHMARK(reward_of_one_step)->Arg(8)->Iterations(1)->UseManualTime()->Unit(benchmark::kSecond);

enum class Golds { kAll, kNumbers };

// Every row of tests/golden/rewards/math_dev.jsonl once; or those whose ground truth is a number.
void math_answers(benchmark::State& state, Golds golds) {
  struct Row {
    std::string solution, truth;
  };
  std::vector<Row> rows;
  std::ifstream file(AMALGAM_GOLDEN "/rewards/math_dev.jsonl");
  for (std::string line; std::getline(file, line);) {
    const auto row = nlohmann::json::parse(line);
    const std::string gold = row.at("gold");
    const bool number = gold.find_first_not_of("0123456789.-") == std::string::npos;
    if (golds == Golds::kAll || number) rows.push_back({row.at("solution"), row.at("gold").dump()});
  }
  if (rows.empty()) return state.SkipWithError("no rows in " AMALGAM_GOLDEN);
  for (auto _ : state)
    for (const Row& row : rows)
      benchmark::DoNotOptimize(rewards::score_math_answer(row.solution, row.truth));
  state.counters["answers"] = static_cast<double>(rows.size());
  state.counters["answers/s"] = benchmark::Counter(static_cast<double>(rows.size()),
                                                   benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK_CAPTURE(math_answers, all, Golds::kAll)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(math_answers, numbers, Golds::kNumbers)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace amalgam::pipeline

BENCHMARK_MAIN();
