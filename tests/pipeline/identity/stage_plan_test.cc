#include "pipeline/identity/stage_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/error_of.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A stage that writes a model with the text of its only input.
class StagePlanTest : public testing::Test {
 protected:
  StagePlan plan(const std::string& name, std::vector<Input> inputs) {
    const std::string out = folder_ / name;
    return {.name = name,
            .inputs = std::move(inputs),
            .outputs = {{name, out}},
            .has_begun = [this, out] { return has_begun_ || std::filesystem::exists(out); },
            .has_scores = [this] { return has_scores_; },
            .forget =
                [this, name, out] {
                  did_.push_back("forget " + name);
                  std::filesystem::remove_all(out);
                },
            .run =
                [this, name, out] {
                  did_.push_back("run " + name);
                  if (fails_) throw Error("no luck");
                  std::filesystem::create_directories(out);
                  std::ofstream(out + "/model.safetensors") << text_;
                }};
  }
  std::string run(const StagePlan& plan, std::set<std::string> restart = {}) {
    testing::internal::CaptureStderr();
    const std::string error = tests::error_of([&] {
      if (run_stage(plan, restart.empty() ? &anew_ : &restart, store_, digests_) ==
          StageOutcome::kWasDone)
        did_.push_back("nothing");
    });
    said_ = testing::internal::GetCapturedStderr();
    if (!restart.empty()) anew_ = restart;
    return error;
  }
  Input model(const std::string& name) {
    return {.name = "model " + name, .value = digests_.model(folder_ / name), .made_by = name};
  }
  std::vector<std::string> did() { return std::exchange(did_, {}); }

  TempDir folder_;
  RunStore store_{folder_ / "run"};
  kernels::ThreadPool pool_{1};
  Digests digests_{pool_};
  std::set<std::string> anew_;
  std::vector<std::string> did_;
  std::string text_ = "weights", said_;
  bool has_begun_ = false, has_scores_ = true, fails_ = false;
};

TEST_F(StagePlanTest, TheSameIsAnsweredFromTheRecordAndAnythingElseNamed) {
  const Input lr{.name = "rl.lr", .value = "0.1", .is_key = true},
      rows{.name = "rows", .value = "1"};
  EXPECT_EQ(run(plan("rl", {lr, rows})), "");
  EXPECT_EQ(run(plan("rl", {lr, rows})), "");
  EXPECT_THAT(did(), ElementsAre("run rl", "nothing"));
  const Input other_lr{.name = "rl.lr", .value = "0.2", .is_key = true},
      other_rows{.name = "rows", .value = "2"}, more{.name = "helper.py", .value = "3"};
  EXPECT_EQ(
      run(plan("rl", {other_lr, other_rows, more})),
      "rl was begun with other inputs: rl.lr is 0.2, was 0.1; rows changed; helper.py is new; "
      "put that back, or begin the stage anew with --restart rl");
  EXPECT_THAT(run(plan("rl", {lr})), HasSubstr("rows is no longer there"));
  EXPECT_THAT(did(), ElementsAre());
  EXPECT_EQ(run(plan("rl", {other_lr}), {"rl"}), "");
  EXPECT_THAT(did(), ElementsAre("forget rl", "run rl"));
  anew_.clear();
  EXPECT_EQ(run(plan("rl", {other_lr})), "");
  EXPECT_THAT(did(), ElementsAre("nothing"));
}

TEST_F(StagePlanTest, WhatAStageMadeIsChecked) {
  EXPECT_EQ(run(plan("rl", {})), "");
  std::ofstream(folder_ / "rl/model.safetensors") << "damaged";
  EXPECT_THAT(run(plan("rl", {})), HasSubstr("/rl is not what stage rl made"));
  std::filesystem::remove_all(folder_ / "rl");
  EXPECT_EQ(run(plan("rl", {})), "");
  EXPECT_THAT(said_, HasSubstr("/rl is gone; it begins anew"));
  EXPECT_THAT(did(), ElementsAre("run rl", "forget rl", "run rl"));
}

TEST_F(StagePlanTest, LaterStagesAreDoneAgainWhereTheirModelsAreOthers) {
  const Input reward{.name = "reward", .value = "1"}, other{.name = "reward", .value = "2"};
  const auto both = [&](const Input& r, std::set<std::string> restart) {
    anew_.clear();
    const std::string error = run(plan("rl", {r}), restart);
    return error.empty() ? run(plan("distill", {model("rl"), r})) : error;
  };
  EXPECT_EQ(both(reward, {}), "");
  EXPECT_EQ(both(reward, {"rl"}), "");
  EXPECT_THAT(did(), ElementsAre("run rl", "run distill", "forget rl", "run rl", "nothing"));
  text_ = "other weights";
  EXPECT_EQ(both(reward, {"rl"}), "");
  EXPECT_THAT(did(), ElementsAre("forget rl", "run rl", "forget distill", "run distill"));
  EXPECT_NE(both(other, {}), "");
  EXPECT_EQ(both(other, {"rl"}), "");
  EXPECT_THAT(did(), ElementsAre("forget rl", "run rl", "forget distill", "run distill"));
}

TEST_F(StagePlanTest, BeforeAnythingIsThereAnythingMayChange) {
  const Input reward{.name = "reward", .value = "1", .is_of_scoring = true},
      other{.name = "reward", .value = "2", .is_of_scoring = true};
  const auto rows = [](const char* value) { return Input{.name = "rows", .value = value}; };
  fails_ = true;
  EXPECT_EQ(run(plan("rl", {reward, rows("1")})), "no luck");
  EXPECT_EQ(run(plan("rl", {reward, rows("2")})), "no luck");
  has_begun_ = true;
  EXPECT_THAT(run(plan("rl", {reward, rows("1")})), HasSubstr("rows changed"));
  EXPECT_THAT(run(plan("rl", {other, rows("2")})), HasSubstr("reward changed"));
  has_scores_ = false;
  EXPECT_EQ(run(plan("rl", {other, rows("2")})), "no luck");
}

TEST_F(StagePlanTest, AKeyMayExtendIt) {
  bool may = true;
  const auto steps = [&](const char* n) {
    StagePlan p = plan("rl", {{.name = "steps", .value = n, .is_key = true}});
    p.extensible["steps"] = [&](int64_t before, int64_t now) {
      EXPECT_LT(before, now);
      return may ? "" : "it decays";
    };
    p.reopen = [&] { did_.push_back("reopen"); };
    return p;
  };
  EXPECT_EQ(run(steps("10")), "");
  EXPECT_THAT(run(steps("9")), HasSubstr("steps is 9, was 10;"));
  EXPECT_EQ(run(steps("12")), "");
  EXPECT_EQ(said_, "rl: steps is 12, was 10; it goes on\n");
  EXPECT_THAT(did(), ElementsAre("run rl", "reopen", "run rl"));
  may = false;
  EXPECT_THAT(run(steps("14")), HasSubstr("steps is 14, was 12 (it decays);"));
  EXPECT_THAT(run(steps("10")), HasSubstr("steps is 10, was 12;"));
}

TEST_F(StagePlanTest, APartOfAStageBeginsAnewWithOtherInputs) {
  bool is_done = false;
  const auto part = [&](const char* value) {
    StagePlan p = plan("eval", {{.name = "rows", .value = value}});
    p.outputs.clear();
    p.is_done = [&] { return is_done; };
    return p;
  };
  EXPECT_EQ(run(part("1")), "");
  is_done = true;
  EXPECT_EQ(run(part("1")), "");
  EXPECT_THAT(did(), ElementsAre("run eval", "nothing"));
  StagePlan other = part("2");
  other.forget = [&] { is_done = false; };
  EXPECT_EQ(run(other), "");
  EXPECT_EQ(said_, "eval: rows changed; it begins anew\n");
  EXPECT_THAT(did(), ElementsAre("run eval"));
  EXPECT_TRUE(store_.stages().empty());
}

}  // namespace
}  // namespace amalgam::pipeline
