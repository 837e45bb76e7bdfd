#include "pipeline/workers/scoring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "configs/error.h"
#include "configs/load.h"
#include "tests/error_of.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using testing::HasSubstr;

constexpr int kBatches = 6, kBatchSize = 4;

struct Domain {
  std::string name, source;
};

class ScoringTest : public testing::Test {
 protected:
  configs::RunConfig config(const std::vector<Domain>& domains, const std::string& reward) {
    std::string text = "[reward]\n" + reward + "\n";
    for (const Domain& d : domains) {
      std::ofstream(dir_ / (d.name + ".py")) << d.source;
      text += "[[domain]]\nname = '" + d.name + "'\ntrain_file = 't'\nheldout_file = 'h'\n" +
              "reward_file = '" + d.name + ".py'\nreward_function = 'f'\n";
    }
    return configs::parse_run_config(text, dir_ / "config.toml");
  }

  TempDir dir_;
};

std::unique_ptr<ScoreTask> task(const std::string& domain, int group, int first, int count) {
  auto t = std::make_unique<ScoreTask>();
  for (int i = first; i < first + count; ++i) {
    auto& meta = *t->trajectories.emplace_back().mutable_meta();
    meta.set_domain(domain);
    meta.set_group(group);
    meta.set_sample_index(i);
    rewards::ScoreRequest& r = t->requests.emplace_back();
    r.style = "rule";
    r.solution = std::string(static_cast<size_t>(group + i), 'x');
    r.row = R"({"prompt": "p"})";
    r.sample_id = "rl/0/" + std::to_string(group) + "/" + std::to_string(i);
  }
  return t;
}

// All that is there after at most `seconds`.
std::vector<std::unique_ptr<ScoreTask>> take(Scoring* scoring, size_t count, double seconds = 60) {
  std::vector<std::unique_ptr<ScoreTask>> all;
  const auto begin = Clock::now();
  while (all.size() < count && seconds_since(begin) < seconds)
    for (auto& t : scoring->take(50)) all.push_back(std::move(t));
  return all;
}

using Rewards = std::map<std::pair<int64_t, int32_t>, double>;

Rewards rewards_of(const std::vector<std::unique_ptr<ScoreTask>>& tasks) {
  Rewards rewards;
  for (const auto& t : tasks)
    for (const proto::Trajectory& trajectory : t->trajectories) {
      EXPECT_TRUE(trajectory.meta().has_reward()) << trajectory.meta().failure();
      rewards[{trajectory.meta().group(), trajectory.meta().sample_index()}] =
          trajectory.meta().reward();
    }
  return rewards;
}

// Depends on the batch and on random numbers.
const char* const kAdvantages = R"(
import random
def f(completions, **columns):
    scores = [len(c) + random.random() for c in completions]
    return [s - sum(scores) / len(scores) for s in scores]
)";

TEST_F(ScoringTest, TheSameRewardsForAnyNumberOfProcesses) {
  const auto score = [&](const std::string& reward) {
    Scoring scoring(config({{"own", kAdvantages}}, reward), nullptr);
    EXPECT_TRUE(scoring.takes_batches("own"));
    EXPECT_FALSE(scoring.takes_batches("other"));
    scoring.begin("rl step 0", false);
    for (int g = 0; g < kBatches; ++g) scoring.add(task("own", g, 0, kBatchSize));
    return rewards_of(take(&scoring, kBatches));
  };
  const Rewards one = score("processes = 1");
  ASSERT_EQ(one.size(), static_cast<size_t>(kBatches * kBatchSize));
  for (int g = 0; g < kBatches; ++g) {
    double sum = 0;
    for (int i = 0; i < kBatchSize; ++i) sum += one.at({g, i});
    EXPECT_NEAR(sum, 0, 1e-9) << "a batch is not the whole group";
  }
  EXPECT_NE(one.at({0, 0}) - one.at({0, 1}), one.at({1, 0}) - one.at({1, 1})) << "no randomness";
  EXPECT_EQ(score("processes = 4"), one);
}

TEST_F(ScoringTest, ASlowFunctionHoldsUpNoOther) {
  Scoring scoring(config({{"slow", "import time\ndef f(solution_str, **k): time.sleep(1000)\n"},
                          {"fast", "def f(solution_str, **k): return 1\n"}},
                         "processes = 1"),
                  nullptr);
  scoring.begin("rl step 0", false);
  for (int i = 0; i < 4; ++i) {
    scoring.add(task("slow", 0, i, 1));
    scoring.add(task("fast", 1, i, 1));
    auto built_in = task("other", 2, i, 1);
    built_in->requests[0].style = "math";
    built_in->requests[0].ground_truth = "\"1\"";
    built_in->requests[0].content = "1";
    scoring.add(std::move(built_in));
  }
  const auto done = take(&scoring, 8);
  EXPECT_EQ(rewards_of(done).size(), 8u);
  // It is not waited for either when this ends.
}

TEST_F(ScoringTest, FailuresAreTriedAgainAndCounted) {
  Scoring scoring(config({{"own",
                           "import time\n"
                           "def f(solution_str, **k):\n"
                           "    if len(solution_str) == 1: raise ValueError('one')\n"
                           "    if len(solution_str) == 2: time.sleep(1000)\n"
                           "    return 1\n"}},
                         "deadline_s = 1"),
                  nullptr);
  scoring.begin("rl step 0", false);
  testing::internal::CaptureStderr();
  for (int i = 0; i < 4; ++i) scoring.add(task("own", 0, i, 1));
  scoring.add(task("own", 1, 0, 1));
  const auto done = take(&scoring, 5);
  const std::string said = testing::internal::GetCapturedStderr();
  ASSERT_EQ(done.size(), 5u);
  for (const auto& t : done) {
    const proto::TrajectoryMetadata& meta = t->trajectories[0].meta();
    const size_t size = t->requests[0].solution.size();
    EXPECT_EQ(meta.has_reward(), size != 1 && size != 2);
    const std::map<std::string, int64_t> expected =
        size == 1   ? std::map<std::string, int64_t>{{"verifier_failed", 4}}
        : size == 2 ? std::map<std::string, int64_t>{{"timeout", 2}}
                    : std::map<std::string, int64_t>{};
    EXPECT_EQ(t->failures, expected);
    if (meta.has_reward()) continue;
    EXPECT_EQ(meta.outcome(), proto::OUTCOME_VERIFIER_FAILED);
    EXPECT_THAT(meta.failure(), HasSubstr(size == 1 ? "ValueError: one" : "no answer within 1 s"));
  }
  // Each kind once, though two samples raise four times.
  size_t num_said = 0;
  for (size_t at = 0; (at = said.find(" has no score: ", at)) != std::string::npos; ++at)
    ++num_said;
  EXPECT_EQ(num_said, 2u) << said;
  EXPECT_THAT(said, HasSubstr("rl step 0: sample rl/0/0/2 of domain own has no score: timeout: no "
                              "answer within 1 s; it is tried again"));
}

// A sample whose tools failed is one of its batch, and stays without a reward.
TEST_F(ScoringTest, ABatchWithAFailedSample) {
  Scoring scoring(config({{"own",
                           "def f(completions, **k):\n"
                           "    return [len(completions)] * len(completions)\n"}},
                         ""),
                  nullptr);
  scoring.begin("rl step 0", false);
  auto batch = task("own", 0, 0, 3);
  batch->trajectories[1].mutable_meta()->set_outcome(proto::OUTCOME_SANDBOX_FAILED);
  scoring.add(std::move(batch));
  const auto done = take(&scoring, 1);
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0]->trajectories[0].meta().reward(), 3);
  EXPECT_FALSE(done[0]->trajectories[1].meta().has_reward());
  EXPECT_EQ(done[0]->trajectories[1].meta().outcome(), proto::OUTCOME_SANDBOX_FAILED);
}

// What is for no function is not tried again, but for the sake of another of its batch.
TEST_F(ScoringTest, NoRewardIsNotTriedAgain) {
  Scoring scoring(config({{"none", "def f(completions, **k): return [None, 1]\n"},
                          {"both", "def f(completions, **k): return [None, 'x']\n"}},
                         ""),
                  nullptr);
  scoring.begin("rl step 0", false);
  scoring.add(task("none", 0, 0, 2));
  scoring.add(task("both", 1, 0, 2));
  const auto done = take(&scoring, 2);
  ASSERT_EQ(done.size(), 2u);
  using Failures = std::map<std::string, int64_t>;
  for (const auto& t : done) {
    const proto::TrajectoryMetadata& meta = t->trajectories[0].meta();
    EXPECT_FALSE(meta.has_reward());
    EXPECT_EQ(meta.outcome(), proto::OUTCOME_VERIFIER_FAILED);
    EXPECT_EQ(meta.failure_kind(), "no_reward");
    EXPECT_EQ(t->failures, meta.domain() == "none"
                               ? (Failures{{"no_reward", 1}})
                               : (Failures{{"no_reward", 4}, {"wrong_type", 4}}));
  }
}

// Calls watch() until it throws or everything is done.
std::string watch(Scoring* scoring, size_t count) {
  size_t done = 0;
  return tests::error_of([&] {
    while (done < count) {
      scoring->watch();
      done += scoring->take(20).size();
    }
  });
}

TEST_F(ScoringTest, AFunctionThatNeverAnswersEndsTheRequest) {
  const configs::RunConfig c =
      config({{"own", "import time\ndef f(solution_str, **k): time.sleep(1000)\n"}},
             "processes = 2\ndeadline_s = 0.5");
  const Patience patience{.notice_s = 0.4, .no_score_s = 1.5, .no_other_s = 1000};
  Scoring scoring(c, nullptr, patience);
  scoring.begin("rl step 0", false);
  for (int i = 0; i < 100; ++i) scoring.add(task("own", 0, i, 1));
  testing::internal::CaptureStderr();
  const auto begin = Clock::now();
  const std::string error = watch(&scoring, 100);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_LT(seconds_since(begin), 20);
  EXPECT_THAT(error, HasSubstr("rl step 0: the reward function of own gave no score for "));
  EXPECT_THAT(error, HasSubstr("the last: no answer within 0.5 s; mend that"));
  EXPECT_THAT(said, HasSubstr("rl step 0: 100 reward calls wait, the first for "));
  // What is left of a step that has scores may be just what cannot be scored.
  scoring.begin("rl step 0", true);
  for (int i = 0; i < 6; ++i) scoring.add(task("own", 0, i, 1));
  EXPECT_EQ(watch(&scoring, 6), "");
}

TEST_F(ScoringTest, AFunctionThatStopsAnsweringEndsTheRequest) {
  const configs::RunConfig c =
      config({{"own",
               "import time\ndef f(solution_str, **k):\n    if solution_str: time.sleep(1000)\n"
               "    return 1\n"}},
             "processes = 2\ndeadline_s = 0.2");
  Scoring scoring(c, nullptr, {.notice_s = 1000, .no_score_s = 0, .no_other_s = 1});
  scoring.begin("rl step 0", false);
  for (int i = 0; i < 100; ++i) scoring.add(task("own", 0, i, 1));
  EXPECT_THAT(watch(&scoring, 100), HasSubstr("the reward function of own gave no score for "));
}

TEST_F(ScoringTest, NothingComesOfAnEarlierRequest) {
  Scoring scoring(config({{"own",
                           "import time\ndef f(solution_str, **k):\n"
                           "    time.sleep(0.3)\n    return len(solution_str)\n"}},
                         "processes = 1"),
                  nullptr);
  scoring.begin("rl step 0", false);
  for (int i = 0; i < 3; ++i) scoring.add(task("own", 0, i, 1));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  scoring.begin("rl step 1", false);
  scoring.add(task("own", 7, 0, 1));
  EXPECT_EQ(rewards_of(take(&scoring, 1)), (Rewards{{{7, 0}, 7}}));
  EXPECT_EQ(scoring.take(500).size(), 0u);
}

}  // namespace
}  // namespace amalgam::pipeline
