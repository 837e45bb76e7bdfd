#include "learner/step/anticipatory_routing.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "learner/step/expert_choice.h"
#include "tests/learner/small_model.h"

namespace amalgam::learner {
namespace {

using testing::bits, testing::flatten, testing::random_weights, testing::small_config;
using Experts = std::vector<std::string>;

constexpr int64_t kSteps = 58, kBadStep = 45;

// Two sequences a step that are soon learned by heart; those of kBadStep are others.
std::vector<int32_t> ids_of(int64_t step, int64_t sequence) {
  std::vector<int32_t> ids;
  for (int64_t t = 0; t < 24 - 5 * sequence; ++t)
    ids.push_back(static_cast<int32_t>(
        (step == kBadStep ? 3 + 5 * t * t + 11 * sequence : 7 * t + sequence) % 37));
  return ids;
}

enum class Moment { kAfterPrepare, kAfterStep };

class AnticipatoryRoutingTest : public ::testing::Test {
 protected:
  AnticipatoryRoutingTest() {
    config_.num_nextn_predict_layers = 0;
    for (int64_t step = 0; step < kSteps; ++step)
      for (int64_t i = 0; i < 2; ++i) ids_.push_back(ids_of(step, i));
  }

  std::vector<TrainSequence> batch_of(int64_t step) const {
    std::vector<TrainSequence> batch;
    for (int64_t i = 0; i < 2 && step < kSteps; ++i) {
      const auto& ids = ids_[static_cast<size_t>(2 * step + i)];
      batch.push_back({ids, std::vector<bool>(ids.size(), true)});
    }
    return batch;
  }

  // Mean loss of the batch; its gradients are in the trainer.
  double accumulate(Trainer& trainer, std::span<const TrainSequence> batch) {
    double loss = 0, n = 0;
    for (const TrainSequence& s : batch) n += static_cast<double>(s.ids.size() - 1);
    trainer.accumulate(batch, 0, [&](const MicroBatch& micro, const model::Var& hidden) {
      const std::vector<float> logprob =
          trainer.cross_entropy(micro, hidden, static_cast<float>(1 / n));
      for (size_t t = 0; t < logprob.size(); ++t)
        if (micro.targets[t] >= 0) loss -= static_cast<double>(logprob[t]) / n;
    });
    return loss;
  }

  struct Run {
    std::vector<uint32_t> weights;
    std::vector<int64_t> steps;    // that were begun, in order
    std::vector<Experts> experts;  // of each of them
    int spikes = 0;
  };
  // Trains in `directory`. At each of `kills` the program is gone, once, and another one goes on.
  Run train(const std::string& directory, const configs::AnticipatoryConfig& config,
            std::set<std::pair<int64_t, Moment>> kills = {}) {
    Run run;
    std::filesystem::create_directories(directory);
    const std::string path = directory + "/state";
    for (;;) {
      TrainingState state =
          std::filesystem::exists(path)
              ? TrainingState::open(path, config_, pool_)
              : TrainingState::create(path, config_, random_weights(config_, 1).weights, pool_);
      model::Network network(config_, pool_);
      Trainer trainer(network, state, {.kind = configs::OptimKind::kAdamW}, 64);
      AnticipatoryRouting routing(config, path, trainer);
      const auto killed = [&](Moment m) { return kills.erase({run.steps.back(), m}) > 0; };
      bool reopen = false;
      while (!reopen && state.step() < kSteps) {
        run.steps.push_back(state.step());
        run.experts.push_back(routing.prepare([&](int64_t s) { return batch_of(s); }));
        if ((reopen = killed(Moment::kAfterPrepare))) break;
        auto batch = batch_of(state.step());
        for (size_t i = 0; i < run.experts.back().size(); ++i)
          batch[i].choices.experts = run.experts.back()[i];
        const double loss = accumulate(trainer, batch);
        if (routing.watch(loss) == AnticipatoryRouting::Verdict::kSpike) {
          routing.roll_back(pool_);
          ++run.spikes;
          reopen = true;
          break;
        }
        EXPECT_EQ(trainer.step(1e-2).outcome, StepOutcome::kDone);
        reopen = killed(Moment::kAfterStep);
      }
      if (reopen) continue;
      run.weights = bits(flatten(trainer.weights()));
      return run;
    }
  }

  model::ModelConfig config_ = small_config();
  kernels::ThreadPool pool_{1};
  TempDir directory_;
  std::vector<std::vector<int32_t>> ids_;
};

// A detector that sees the bad step, after which routing is anticipatory for 12 steps.
const configs::AnticipatoryConfig kDetector{
    .delay = 2, .spike_factor = 1.4, .spike_window = 4, .rollback_steps = 4, .active_steps = 12};

TEST_F(AnticipatoryRoutingTest, IndicesOfTheSameWeightsAreNormalTraining) {
  const auto train_with = [&](bool given) {
    TrainingState state = TrainingState::create(directory_ / (given ? "given" : "chosen"), config_,
                                                random_weights(config_, 1).weights, pool_);
    model::Network network(config_, pool_);
    Trainer trainer(network, state, {.kind = configs::OptimKind::kAdamW}, 64);
    for (int64_t step = 0; step < 4; ++step) {
      auto batch = batch_of(step);
      Experts experts;
      if (given) experts = choose_experts(network, trainer.weights(), batch, 64);
      for (size_t i = 0; i < experts.size(); ++i) batch[i].choices.experts = experts[i];
      accumulate(trainer, batch);
      EXPECT_EQ(trainer.step(1e-2).outcome, StepOutcome::kDone);
    }
    return bits(flatten(trainer.weights()));
  };
  EXPECT_EQ(train_with(true), train_with(false));
  EXPECT_EQ(train(directory_ / "off", {}).experts[3], Experts{});  // no delay: off
}

TEST_F(AnticipatoryRoutingTest, IndicesAreThoseOfOlderWeights) {
  constexpr int64_t kDelay = 3;
  const Run run = train(directory_ / "run", {.delay = kDelay});
  // The same training again by hand, keeping every step's weights.
  TrainingState state = TrainingState::create(directory_ / "state", config_,
                                              random_weights(config_, 1).weights, pool_);
  model::Network network(config_, pool_);
  Trainer trainer(network, state, {.kind = configs::OptimKind::kAdamW}, 64);
  std::vector<Experts> early(kSteps);  // by θ of max(0, step - Δ)
  int differ = 0;
  for (int64_t step = 0; step < kSteps; ++step) {
    for (int64_t s = step == 0 ? 0 : step + kDelay; s <= step + kDelay && s < kSteps; ++s)
      early[static_cast<size_t>(s)] = choose_experts(network, trainer.weights(), batch_of(s), 64);
    const Experts& want = early[static_cast<size_t>(step)];
    ASSERT_EQ(run.experts[static_cast<size_t>(step)], want) << step;
    auto batch = batch_of(step);
    differ += choose_experts(network, trainer.weights(), batch, 64) != want;
    for (size_t i = 0; i < batch.size(); ++i) batch[i].choices.experts = want[i];
    accumulate(trainer, batch);
    EXPECT_EQ(trainer.step(1e-2).outcome, StepOutcome::kDone);
  }
  EXPECT_GT(differ, 3);
  EXPECT_EQ(bits(flatten(trainer.weights())), run.weights);
}

TEST_F(AnticipatoryRoutingTest, ASpikeRollsBackAndSwitchesItOn) {
  const Run run = train(directory_ / "run", kDetector);
  EXPECT_EQ(run.spikes, 1);
  std::vector<int64_t> want;
  for (int64_t s = 0; s <= kBadStep; ++s) want.push_back(s);
  for (int64_t s = 40; s < kSteps; ++s) want.push_back(s);  // a snapshot at least 4 steps back
  ASSERT_EQ(run.steps, want);
  for (size_t i = 0; i < run.steps.size(); ++i) {
    const bool on = i > static_cast<size_t>(kBadStep) && run.steps[i] < 40 + 12;
    EXPECT_EQ(!run.experts[i].empty(), on) << i;
  }
  // Without a detector the bad step trains: another run.
  EXPECT_NE(train(directory_ / "off", {}).weights, run.weights);
}

TEST_F(AnticipatoryRoutingTest, KilledAnywhereItGivesTheSameBytes) {
  const Run whole = train(directory_ / "whole", kDetector);
  std::set<std::pair<int64_t, Moment>> kills;
  for (int64_t s = 0; s < kSteps; ++s)
    kills.insert({s, Moment::kAfterPrepare}), kills.insert({s, Moment::kAfterStep});
  const std::string dir = directory_ / "killed";
  std::filesystem::create_directories(dir);
  // What a kill inside a rollback or a copy leaves.
  std::ofstream(dir + "/state.rolled-back") << "half";
  std::ofstream(dir + "/snapshot-0-4.tmp") << "half";
  const Run killed = train(dir, kDetector, kills);
  EXPECT_EQ(killed.spikes, 1);
  EXPECT_GT(killed.steps.size(), 2 * whole.steps.size() - 10);
  EXPECT_EQ(killed.weights, whole.weights);

  const configs::AnticipatoryConfig always{.delay = 2};
  EXPECT_EQ(train(directory_ / "always killed", always, kills).weights,
            train(directory_ / "always", always).weights);
}

// Neither copies nor indices pile up.
TEST_F(AnticipatoryRoutingTest, OldFilesGo) {
  train(directory_ / "run", kDetector);
  int snapshots = 0, experts = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_ / "run")) {
    const std::string name = entry.path().filename();
    snapshots += name.starts_with("snapshot");
    experts += name.starts_with("experts");
  }
  EXPECT_EQ(snapshots, 2);
  EXPECT_EQ(experts, 0);
}

}  // namespace
}  // namespace amalgam::learner
