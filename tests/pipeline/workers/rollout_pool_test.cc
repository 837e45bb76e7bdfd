// The pool with its worker on a thread of this process, threads that score, and the pool that
// computes: what a run without worker processes does. tests/run_test.py has those.
#include "pipeline/workers/rollout_pool.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "configs/error.h"
#include "learner/step/training_state.h"
#include "model/checkpoint/checkpoint.h"
#include "proto/trajectory.pb.h"
#include "tests/error_of.h"
#include "tests/learner/small_model.h"
#include "tests/rollout/episodes/episode_case.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

constexpr int kGroups = 6, kSamples = 4;

class RolloutPoolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(dir_ / "tokenizer.json") << rollout::small_tokenizer_json();
    // Its reward says whose it is, so that a score at another sample is seen.
    std::ofstream(dir_ / "reward.py")
        << "def compute_score(data_source, solution_str, ground_truth, extra_info):\n"
           "    stage, step, group, sample = extra_info['sample_id'].split('/')\n"
           "    return int(step) * 10000 + int(group) * 100 + int(sample)\n";
    model::save_model(dir_ / "model", model_config_, weights_.weights);
    config_.seed = 7;
    config_.domains.resize(1);
    config_.domains[0].name = "d";
    config_.domains[0].train_file = config_.domains[0].heldout_file = dir_ / "rows.jsonl";
    config_.domains[0].reward_file = dir_ / "reward.py";
  }

  proto::WeightsRef model_weights() const {
    proto::WeightsRef weights;
    weights.set_model_dir(dir_ / "model");
    return weights;
  }
  proto::WeightsRef state_weights(const learner::TrainingState& state) const {
    proto::WeightsRef weights = model_weights();
    weights.set_state_path(dir_ / "state");
    weights.set_state_step(state.step());
    return weights;
  }
  std::vector<proto::SampleGroup> groups(const std::string& domain = "d") const {
    std::vector<proto::SampleGroup> all(kGroups);
    for (int g = 0; g < kGroups; ++g) {
      proto::SampleGroup& group = all[static_cast<size_t>(g)];
      auto& meta = *group.mutable_meta();
      meta.set_prompt_id(domain + "/" + std::to_string(g));
      meta.set_domain(domain);
      meta.set_group(g);
      group.mutable_prompt()->Assign(prompt_.begin(), prompt_.end());
      group.set_row(
          R"({"prompt": "the value of the key", "reward_model": {"style": "rule", "ground_truth": "t"}})");
      for (int i = 0; i < kSamples; ++i) {
        group.add_sample_index(i);
        group.add_seed(static_cast<uint64_t>(g * kSamples + i));
      }
    }
    return all;
  }
  CollectSpec spec(int64_t step, const proto::WeightsRef& weights) const {
    return {.stage = "rl",
            .step = step,
            .weights = weights,
            .stream = 3,
            .max_response_length = 10,
            .max_positions = static_cast<int64_t>(prompt_.size()) + 10};
  }
  static std::vector<std::string> bytes(const std::vector<proto::Trajectory>& all) {
    std::vector<std::string> each;
    for (const proto::Trajectory& t : all) each.push_back(t.SerializeAsString());
    return each;
  }
  // Sampling, an update, sampling again, with so many threads: learner and worker take turns at one
  // pool.
  std::vector<std::string> run(const std::string& run_dir, int threads) {
    RunStore store(run_dir);
    TrajectoryLog log(trajectory_log_path(run_dir, "rl"));
    kernels::ThreadPool pool(threads);
    auto state =
        learner::TrainingState::create(dir_ / "state", model_config_, weights_.weights, pool);
    RolloutPool rollouts(config_, dir_.path(), run_dir, {}, pool, store);
    std::vector<std::string> all;
    for (const int64_t step : {1, 2}) {
      const auto samples =
          rollouts.collect(spec(step, state_weights(state)), groups(), log, nullptr);
      EXPECT_EQ(samples.size(), size_t{kGroups * kSamples});
      for (const proto::Trajectory& t : samples) {
        const auto& meta = t.meta();
        EXPECT_EQ(meta.reward(), step * 10000 + meta.group() * 100 + meta.sample_index());
        EXPECT_EQ(meta.weights_version(), step - 1);
      }
      for (std::string& b : bytes(samples)) all.push_back(std::move(b));
      rollouts.forget("rl", step);
      Other other;
      visit(state.next().params, other);
      state.commit(pool);
    }
    return all;
  }
  // Fills with other random values.
  struct Other {
    uint64_t n = 0;
    void operator()(const std::string&, kernels::Tensor& t, model::Role) {
      for (int64_t i = 0; i < t.size(); ++i)
        t.data[i] = 0.1f * learner::testing::random_value(2, n++);
    }
    void operator()(const std::string&, kernels::IntTensor&) {}
  };

  const TempDir dir_;
  const model::Tokenizer tokenizer_ = rollout::small_tokenizer();
  const std::vector<int32_t> prompt_ =
      tokenizer_.encode("the value of the key", model::SpecialText::kAsTokens);
  const model::ModelConfig model_config_ = [this] {
    model::ModelConfig c = learner::testing::small_config();
    c.vocab_size = tokenizer_.vocab_size();
    c.eos_token_id = tokenizer_.require_added_token(model::kEos);
    return c;
  }();
  const learner::testing::OwnedWeights weights_ =
      learner::testing::random_weights(model_config_, 1);
  configs::RunConfig config_;
};

TEST_F(RolloutPoolTest, EverySampleHasItsOwnScoreForAnyNumberOfThreads) {
  const auto want = run(dir_ / "one", 1);
  EXPECT_EQ(run(dir_ / "three", 3), want);
}

// Of some samples a score is wanted, of the others none; a function in TRL's form gets those alone.
TEST_F(RolloutPoolTest, OnlyMarkedSamplesAreScored) {
  for (const bool is_trl : {false, true}) {
    std::ofstream(dir_ / "reward.py") << (is_trl ? "def lengths(completions, **columns):\n    "
                                                   "return [len(completions)] * len(completions)\n"
                                                 : "def compute_score(data_source, solution_str, "
                                                   "ground_truth, extra_info):\n    return 1\n");
    if (is_trl) config_.domains[0].reward_function = {"lengths"};
    const std::string run_dir = dir_ / (is_trl ? "trl" : "verl");
    RunStore store(run_dir);
    TrajectoryLog log(trajectory_log_path(run_dir, "rl"));
    kernels::ThreadPool pool(2);
    const auto marked = [&] {
      std::vector<proto::SampleGroup> all = groups();
      for (size_t g = 0; g < all.size(); ++g)
        for (int i = 0; i < kSamples; ++i)  // none of the first, all of the last, …
          all[g].add_scored(i < static_cast<int>(g));
      return all;
    };
    std::vector<std::string> want;
    {
      RolloutPool rollouts(config_, dir_.path(), run_dir, {}, pool, store);
      const auto samples = rollouts.collect(spec(1, model_weights()), marked(), log, nullptr);
      ASSERT_EQ(samples.size(), size_t{kGroups * kSamples});
      for (const proto::Trajectory& t : samples) {
        const bool is_scored = t.meta().sample_index() < t.meta().group();
        EXPECT_EQ(t.meta().has_reward(), is_scored);
        const auto num_scored = std::min<int64_t>(kSamples, t.meta().group());
        EXPECT_EQ(t.meta().reward(), !is_scored ? 0 : is_trl ? static_cast<double>(num_scored) : 1);
      }
      want = bytes(samples);
    }
    // Gone on with: each of a group's samples in turn was the only one that was finished.
    for (int kept = 0; kept < kSamples; ++kept) {
      const std::string other = run_dir + std::to_string(kept);
      RunStore others(other);
      TrajectoryLog part(trajectory_log_path(other, "rl"));
      for (const std::string& b : want) {
        proto::Trajectory t;
        t.ParseFromString(b);
        if (t.meta().sample_index() == kept) part.append({t});
      }
      RolloutPool rollouts(config_, dir_.path(), other, {}, pool, others);
      EXPECT_EQ(bytes(rollouts.collect(spec(1, model_weights()), marked(), part, nullptr)), want);
    }
  }
}

TEST_F(RolloutPoolTest, FinishedSamplesAreNotSampledAgain) {
  RunStore store(dir_ / "run");
  TrajectoryLog log(trajectory_log_path(dir_ / "run", "rl"));
  kernels::ThreadPool pool(2);
  std::vector<std::string> want;
  for (const bool again : {false, true}) {
    RolloutPool rollouts(config_, dir_.path(), dir_ / "run", {}, pool, store);
    CollectFigures figures;
    const auto all = rollouts.collect(spec(1, model_weights()), groups(), log, &figures);
    EXPECT_EQ(figures.sampled_tokens == 0, again);
    if (!again) want = bytes(all);
    EXPECT_EQ(bytes(all), want);
  }
}

TEST_F(RolloutPoolTest, ARowThatCannotBeScoredStopsTheRun) {
  RunStore store(dir_ / "run");
  TrajectoryLog log(trajectory_log_path(dir_ / "run", "rl"));
  kernels::ThreadPool pool(2);
  RolloutPool rollouts(config_, dir_.path(), dir_ / "run", {}, pool, store);
  const std::string error = tests::error_of(
      [&] { rollouts.collect(spec(1, model_weights()), groups("other"), log, nullptr); });
  EXPECT_NE(error.find("of domain other cannot be scored"), std::string::npos) << error;
}

}  // namespace
}  // namespace amalgam::pipeline
