// One whole GRPO step on the tiny model, as the peer's script has it (tests/bench/peers): 8 prompts
// × 8 samples × 64 new tokens, reward = number of distinct tokens, one AdamW update. Sampled tokens
// per second of real time, everything included: sampling with its token log, scoring, advantages,
// loss, gradients, update, repacked weights.
#include <benchmark/benchmark.h>

#include <set>

#include "learner/estimators/advantage.h"
#include "learner/step/policy_step.h"
#include "proto/trajectory.pb.h"
#include "rollout/engine/engine.h"
#include "rollout/engine/streams.h"
#include "rollout/log/wal.h"
#include "tests/bench/bench_model.h"
#include "tests/temp_dir.h"

namespace amalgam::bench {
namespace {

constexpr int64_t kPrompts = 8, kSamples = 8, kNewTokens = 64;
constexpr int64_t kPromptTokens = 15;  // what the peer's tokenizer makes of its prompts
constexpr int64_t kMicroBatchTokens = 2048;

learner::TrainingState create_state(const std::string& path, const model::ModelConfig& config) {
  const model::Model initial = random_model(config);
  return learner::TrainingState::create(path, config, initial.weights, pool());
}

class GrpoRun {
 public:
  GrpoRun()
      : config_(size_config("tiny")),
        state_(create_state(directory_ / "state", config_)),
        network_(config_, pool()),
        trainer_(network_, state_, {.kind = configs::OptimKind::kAdamW}, kMicroBatchTokens) {}

  void step() {
    const std::vector<proto::Trajectory> trajectories = sample();
    std::vector<learner::PolicySample> samples;
    for (size_t group = 0; group < trajectories.size(); group += kSamples) {
      std::vector<double> rewards;
      for (size_t i = group; i < group + kSamples; ++i)
        rewards.push_back(num_distinct(trajectories[i]));
      const auto advantages = learner::group_advantages(rewards, learner::AdvantageScale::kStd);
      for (size_t i = 0; i < advantages.size(); ++i)
        samples.push_back({&trajectories[group + i], advantages[i]});
    }
    figures_ = learner::accumulate_policy_loss(trainer_, samples, {}, kNewTokens, 1.0);
    (void)trainer_.step(1e-6);
  }
  const learner::PolicyFigures& figures() const { return figures_; }

 private:
  static double num_distinct(const proto::Trajectory& t) {
    return static_cast<double>(
        std::set<int32_t>(t.ids().begin() + kPromptTokens, t.ids().end()).size());
  }

  std::vector<proto::Trajectory> sample() {
    rollout::Engine engine(network_, trainer_.weights(), kPromptTokens + kNewTokens, {});
    rollout::WalWriter wal(directory_ / "tokens");
    std::vector<proto::Trajectory> trajectories(kPrompts * kSamples);
    for (int64_t p = 0; p < kPrompts; ++p) {
      const auto prompt = random_ids(kPromptTokens, config_.vocab_size, static_cast<uint64_t>(p));
      std::vector<rollout::SamplingParams> params;
      for (int64_t i = p * kSamples; i < (p + 1) * kSamples; ++i) {
        proto::Trajectory& t = trajectories[static_cast<size_t>(i)];
        t.mutable_ids()->Add(prompt.begin(), prompt.end());
        t.mutable_writer()->assign(prompt.size(), static_cast<char>(proto::WRITER_PROMPT));
        params.push_back({.key = {.seed = static_cast<uint64_t>(state_.step()),
                                  .stream = rollout::kStreamRollout,
                                  .request = static_cast<uint64_t>(i)}});
      }
      engine.open(prompt, params);  // numbers its sequences from 0 in this order
    }
    std::vector<rollout::Engine::Sampled> out;
    while (engine.step(&out)) {
      for (const auto& o : out)
        wal.sampled(static_cast<uint32_t>(o.id),
                    static_cast<size_t>(trajectories[static_cast<size_t>(o.id)].logprobs_size()),
                    o.token);
      wal.flush();
      for (const auto& o : out) {
        proto::Trajectory& t = trajectories[static_cast<size_t>(o.id)];
        t.add_ids(o.token.id);
        t.add_logprobs(o.token.logprob);
        t.mutable_writer()->push_back(static_cast<char>(proto::WRITER_POLICY));
        if (t.logprobs_size() < kNewTokens)
          engine.resume(o.id);
        else
          engine.close(o.id);
      }
      out.clear();
    }
    return trajectories;
  }

  TempDir directory_;
  model::ModelConfig config_;
  learner::TrainingState state_;
  model::Network network_;
  learner::Trainer trainer_;
  learner::PolicyFigures figures_;
};

void grpo_step(benchmark::State& state) {
  static GrpoRun run;
  for (auto _ : state) {
    run.step();
    if (run.figures().probs_diff_max != 0)
      state.SkipWithError("sampler and learner give different probabilities");
  }
  state.counters["tok/s"] =
      benchmark::Counter(static_cast<double>(kPrompts * kSamples * kNewTokens),
                         benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(grpo_step)
    ->Iterations(1)
    ->Repetitions(5)
    ->ReportAggregatesOnly()
    ->UseRealTime()
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace amalgam::bench

BENCHMARK_MAIN();
