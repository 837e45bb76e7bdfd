#include "pipeline/stages/sampling.h"

#include <gtest/gtest.h>

namespace amalgam::pipeline {
namespace {

TEST(Sampling, ChoiceBytesAreAMeanOverAllTokens) {
  std::vector<proto::Trajectory> samples(2);
  for (int k = 0; k < 5; ++k) samples[0].add_ids(k);
  for (int k = 0; k < 3; ++k) samples[1].add_ids(k);
  NamedValues figures;
  add_choice_bytes(samples, &figures);
  EXPECT_TRUE(figures.empty());
  samples[0].set_experts(std::string(8, '\1'));
  samples[1].set_experts(std::string(4, '\1'));
  add_choice_bytes(samples, &figures);
  EXPECT_EQ(figures, (NamedValues{{"rollout/routing_bytes_per_token", 12.0 / 8}}));
  samples[1].add_index_entries(1);
  samples[1].add_index_entries(200);  // two bytes from 128 on
  figures.clear();
  add_choice_bytes(samples, &figures);
  EXPECT_EQ(figures, (NamedValues{{"rollout/routing_bytes_per_token", 12.0 / 8},
                                  {"rollout/index_bytes_per_token", 3.0 / 8}}));
}

}  // namespace
}  // namespace amalgam::pipeline
