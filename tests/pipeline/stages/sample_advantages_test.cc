#include "pipeline/stages/sample_advantages.h"

#include <gmock/gmock.h>

namespace amalgam::pipeline {
namespace {

using ::testing::ElementsAre;

// A sample whose infrastructure failed is not one with a reward of 0: it is not there.
TEST(SampleAdvantagesTest, WhatWasNotScoredIsLeftOutOfItsGroup) {
  std::vector<proto::Trajectory> samples(6);
  const std::vector<double> rewards = {1, 5, 2, 9, 9, 4};
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i].mutable_meta()->set_group(i < 3 ? 0 : 1);
    samples[i].mutable_meta()->set_outcome(proto::OUTCOME_OK);
  }
  samples[1].mutable_meta()->set_outcome(proto::OUTCOME_SANDBOX_FAILED);
  samples[5].mutable_meta()->set_outcome(proto::OUTCOME_TRUNCATED);
  std::vector<size_t> asked;
  const auto advantages = sample_advantages(
      samples, [&](size_t i) { return asked.push_back(i), rewards[i]; },
      learner::AdvantageScale::kNone);
  EXPECT_THAT(asked, ElementsAre(0, 2, 3, 4, 5));
  EXPECT_NEAR(advantages[0], -0.5, 1e-12);
  EXPECT_EQ(advantages[1], 0);
  EXPECT_NEAR(advantages[2], 0.5, 1e-12);
  EXPECT_NEAR(advantages[5], 4 - 22.0 / 3, 1e-12);
}

}  // namespace
}  // namespace amalgam::pipeline
