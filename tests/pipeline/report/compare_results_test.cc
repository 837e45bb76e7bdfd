#include "pipeline/report/compare_results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/load.h"
#include "model/tensors/durable_file.h"
#include "pipeline/report/compare_report.h"
#include "pipeline/run_store/run_store.h"
#include "proto/append_file.h"
#include "tests/error_of.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using tests::error_of;

constexpr char kConfig[] =
    "[[domain]]\nname = 'math'\ngenerator = 'math'\n"
    "[[domain]]\nname = 'code'\ngenerator = 'code'\n"
    "[distill]\nsteps = 2\ndata.train_batch_size = 4\nrollout.n = 8\ntest_freq = 1\n"
    "lr_candidates = [1e-3, 2e-3]\nsweep_steps = 1\n"
    "[[compare]]\nmethod = 'mixed_rl'\n[[compare]]\nmethod = 'slerp'\n"
    "[[compare]]\nmethod = 'exact'\n[[compare]]\nmethod = 'ties'\n";

// Two seeds with invented scores: of a method on a domain x for seed 1, and x + 0.1 for seed 2.
class CompareResultsTest : public testing::Test {
 protected:
  void write(int64_t seed, double more, const std::vector<std::string>& overrides = {},
             bool is_finished = true, const std::string& more_tables = "") {
    const std::string run_dir = seed_dir(dir(), seed);
    RunStore store(run_dir);
    std::vector<std::string> all = {"seed=" + std::to_string(seed)};
    all.insert(all.end(), overrides.begin(), overrides.end());
    model::write_file_durably(run_dir + "/config.toml", configs::to_toml(configs::parse_run_config(
                                                            kConfig + more_tables, "a.toml", all)));
    const std::pair<const char*, double> scores[] = {{"base", 0.2},    {"specialist", 0.8},
                                                     {"student", 0.7}, {"mixed_rl", 0.5},
                                                     {"slerp", 0.4},   {"exact", 0.7}};
    for (const auto& [model, x] : scores)
      for (const char* domain : {"math", "code"}) {
        const double of_domain = x + more + (domain[0] == 'm' ? 0.05 : -0.05);
        store.record_eval({"eval", model, domain, "mean@4", {of_domain, 0.03, true}});
        store.record_eval({"eval", model, domain, "pass@1/greedy", {of_domain / 2, 0.04, true}});
      }
    // The rate that was kept, and the one that was not.
    for (const auto& [stage, steps] : {std::pair{"distill-lr0.001", 1}, {"distill-lr0.002", 2}}) {
      for (int64_t step = 0; step < steps; ++step)
        store.record_metrics(stage, step,
                             {{"training/sampled_tokens", 100}, {"training/trained_tokens", 90}});
      for (int64_t step = 0; step <= steps; ++step)
        store.set_figure(stage, "validation/" + std::to_string(step),
                         0.3 + 0.1 * static_cast<double>(step) + more);
    }
    store.record_sweep({"student", "learning rate", 1e-3, {0.4}});
    store.record_sweep({"student", "learning rate", 2e-3, {0.45}});
    store.start_stage("eval");
    if (is_finished) store.end_stage("eval", StageState::kFinished);
  }

  std::string dir() const { return dir_ / "runs"; }
  TempDir dir_;
};

TEST_F(CompareResultsTest, OneSeedHasTheErrorOverPrompts) {
  write(1, 0);
  const CompareResults r = collect_compare(dir());
  EXPECT_EQ(score_over_seeds(r, "student", "math", Decoding::kSampled).mean, 0.75);
  EXPECT_EQ(score_over_seeds(r, "student", "math", Decoding::kSampled).standard_error, 0.03);
  const Score gain = gain_over_specialist(r, "mixed_rl", "code", Decoding::kGreedy);
  EXPECT_NEAR(gain.mean, (0.45 - 0.75) / 2, 1e-12);
  EXPECT_NEAR(gain.standard_error, 0.04 * std::sqrt(2), 1e-12);
  EXPECT_EQ(gain_over_specialist(r, kSpecialist, "code", Decoding::kGreedy).standard_error, 0)
      << "of a model less itself";
}

TEST_F(CompareResultsTest, SeveralSeedsHaveTheErrorOverSeeds) {
  write(1, 0), write(2, 0.1);
  const auto json = nlohmann::json::parse(compare_json(collect_compare(dir())));
  EXPECT_EQ(json["seeds"], nlohmann::json::parse("[1, 2]"));
  const auto& math = json["compare"]["student"]["math"];
  EXPECT_NEAR(math["sampled"].get<double>(), 0.8, 1e-12);
  // Half of the difference of two: sd / √2.
  EXPECT_NEAR(math["sampled_se"].get<double>(), 0.05, 1e-12);
  EXPECT_NEAR(math["greedy"].get<double>(), 0.4, 1e-12);
  EXPECT_NEAR(json["mean"]["student"]["sampled"].get<double>(), 0.75, 1e-12);
  // It loses as much on both seeds.
  EXPECT_NEAR(json["less_than_specialist"]["student"]["math"]["sampled"].get<double>(), 0.1, 1e-12);
  EXPECT_NEAR(json["less_than_specialist"]["student"]["math"]["sampled_se"].get<double>(), 0,
              1e-12);
  EXPECT_NEAR(json["per_seed"]["2"]["student"]["math"]["sampled"].get<double>(), 0.85, 1e-12);
}

TEST_F(CompareResultsTest, CostsAreThoseOfTheRateThatWasKept) {
  write(1, 0);
  const CompareResults r = collect_compare(dir());
  for (const char* method : {"student", "exact"}) {  // one model under two names
    const MethodCost c = mean_cost(r, method);
    EXPECT_EQ(c.updates, 2);
    EXPECT_EQ(c.samples, 2 * 4 * 8);
    EXPECT_EQ(c.sampled_tokens, 200);
    EXPECT_EQ(c.trained_tokens, 180);
    EXPECT_EQ(c.search_updates, 1);
    EXPECT_EQ(c.search_sampled_tokens, 100);
    EXPECT_EQ(c.candidates, 3);
  }
  const auto& curve = r.seeds[0].curves.at("student");
  ASSERT_EQ(curve.size(), 3u);
  EXPECT_EQ(curve[2].trained_tokens, 180);
  EXPECT_NEAR(curve[2].score, 0.5, 1e-12);
}

TEST_F(CompareResultsTest, WhatIsNotComparableIsLeftOutAndSaid) {
  write(1, 0), write(2, 0.1), write(3, 0, {"eval.n=5"}), write(4, 0, {}, /*is_finished=*/false);
  write(5, 0, {"threads=1"});
  const CompareResults r = collect_compare(dir());
  EXPECT_EQ(r.seeds.size(), 3u);
  EXPECT_EQ(r.left_out.at("seed 3"), "has another eval.n than seed 1");
  EXPECT_EQ(r.left_out.at("seed 4"), "not finished; run amalgam compare with seed=4 again");
  EXPECT_EQ(r.left_out.at("ties"), "not scored on seed 1, 2, 5");
  EXPECT_THAT(r.methods,
              testing::ElementsAre("base", "specialist", "student", "mixed_rl", "slerp", "exact"));
  const std::string text = compare_text(r);
  EXPECT_THAT(text, testing::HasSubstr("left out: seed 3: has another eval.n than seed 1\n"));
  EXPECT_THAT(text, testing::HasSubstr("seeds 1, 2, 5; ± standard error over seeds"));
}

TEST_F(CompareResultsTest, SettingsAreComparedInBothDirections) {
  write(1, 0), write(2, 0.1, {"distill.teacher_memory=1000"});
  write(3, 0, {}, true, "[[domain]]\nname = 'third'\ngenerator = 'math'\n");
  write(4, 0, {}, true, "[[compare]]\nmethod = 'dare'\n");
  const CompareResults r = collect_compare(dir());
  EXPECT_EQ(r.seeds.size(), 3u);
  EXPECT_THAT(r.left_out.at("seed 3"), testing::StartsWith("has another domain.third."));
  EXPECT_EQ(r.left_out.at("dare"), "not among the methods of seed 1");
}

TEST_F(CompareResultsTest, ASeedThatCannotBeReadIsLeftOut) {
  write(1, 0), write(2, 0.1), write(3, 0.2);
  model::write_file_durably(seed_dir(dir(), 2) + "/run.sqlite", std::string(4096, 'x'));
  model::write_file_durably(seed_dir(dir(), 3) + "/config.toml", "[nothing]\nx = 1\n");
  const CompareResults r = collect_compare(dir());
  EXPECT_EQ(r.seeds.size(), 1u);
  EXPECT_THAT(r.left_out.at("seed 2"), testing::HasSubstr("run.sqlite"));
  EXPECT_THAT(r.left_out.at("seed 3"), testing::HasSubstr("config.toml"));
}

TEST_F(CompareResultsTest, AStageThatEveryMethodNeedsMustBeFinished) {
  write(1, 0), write(2, 0.1);
  RunStore(seed_dir(dir(), 2)).start_stage("rl-code");
  const CompareResults r = collect_compare(dir());
  EXPECT_EQ(r.seeds.size(), 1u);
  EXPECT_EQ(r.left_out.at("seed 2"), "not finished; run amalgam compare with seed=2 again");
}

TEST_F(CompareResultsTest, AMethodWhoseStageIsNotFinishedIsLeftOut) {
  write(1, 0), write(2, 0.1);
  RunStore(seed_dir(dir(), 2)).start_stage("compare-slerp");
  const CompareResults r = collect_compare(dir());
  EXPECT_EQ(r.seeds.size(), 2u);
  EXPECT_EQ(r.left_out.at("slerp"), "on seed 2 its stage is not finished; run without --methods");
  EXPECT_THAT(r.methods,
              testing::ElementsAre("base", "specialist", "student", "mixed_rl", "exact"));
}

// What the stages of a run recorded that read the same: then one of it is another.
class MethodAgeTest : public CompareResultsTest {
 protected:
  void record(RunStore* store) {
    for (const std::string domain : {"math", "code"}) {
      for (const auto& [model, digest] :
           {std::pair{"base", "b"}, {"specialist", domain == "math" ? "m" : "c"}, {"slerp", "s"}})
        store->record_inputs("eval of " + std::string(model) + " on " + domain,
                             {{std::string("model ") + model, digest}, {"eval.n", "4"}});
    }
    store->record_inputs("compare-slerp", made_of_);
    store->record_outputs("compare-slerp", {{"slerp", "s"}});
  }
  // Empty: it counts.
  std::string why() {
    const CompareResults r = collect_compare(dir());
    const auto it = r.left_out.find("slerp");
    return it == r.left_out.end() ? "" : it->second;
  }

  std::vector<RecordedInput> made_of_ = {{"distill.test_freq", "1"},
                                         {"model base", "b"},
                                         {"model specialist-code", "c"},
                                         {"model specialist-math", "m"}};
  const std::string other_ = "on seed 1 made with other settings; run without --methods";
};

TEST_F(MethodAgeTest, ScoresOfNowCount) {
  write(1, 0);
  RunStore store(seed_dir(dir(), 1));
  record(&store);
  EXPECT_EQ(why(), "");
}

TEST_F(MethodAgeTest, AModelOfOtherInputsDoesNotCount) {
  write(1, 0);
  RunStore store(seed_dir(dir(), 1));
  for (RecordedInput& input : made_of_) {
    const std::string value = input.value;
    input.value = "7";
    record(&store);
    EXPECT_EQ(why(), other_) << input.name;
    input.value = value;
  }
  made_of_.pop_back();
  record(&store);
  EXPECT_EQ(why(), other_) << "a further specialist";
}

TEST_F(MethodAgeTest, OldScoresDoNotCount) {
  write(1, 0);
  RunStore store(seed_dir(dir(), 1));
  record(&store);
  store.record_inputs("eval of slerp on code", {{"model slerp", "s"}, {"eval.n", "3"}});
  EXPECT_EQ(why(), other_);
  store.record_inputs("eval of slerp on code", {{"model slerp", "older"}, {"eval.n", "4"}});
  EXPECT_EQ(why(), other_);
}

TEST_F(CompareResultsTest, WithoutAFinishedSeedThereIsNoTable) {
  write(4, 0, {}, /*is_finished=*/false);
  EXPECT_TRUE(is_compare_dir(dir()));
  EXPECT_EQ(error_of([&] { collect_compare(dir()); }),
            dir() +
                ": no seed in it is finished; seed 4: not finished; run amalgam compare with "
                "seed=4 again");
  EXPECT_FALSE(is_compare_dir(seed_dir(dir(), 4)));
}

TEST_F(CompareResultsTest, TheReportHasEveryMethodAndBothPlots) {
  write(1, 0), write(2, 0.1);
  write_compare_report(dir());
  const std::string html = proto::read_file(dir() + "/report.html");
  for (const char* part : {"id=\"results\"", "id=\"tokens\"", "id=\"losses\"", "id=\"costs\"",
                           "mixed rl: -0.300 ± 0.000", "student: 0.55 after 180 tokens"})
    EXPECT_NE(html.find(part), std::string::npos) << part;
  EXPECT_EQ(proto::read_file(dir() + "/results.json"), compare_json(collect_compare(dir())));
}

}  // namespace
}  // namespace amalgam::pipeline
