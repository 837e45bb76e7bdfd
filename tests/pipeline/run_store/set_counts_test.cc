#include "pipeline/run_store/set_counts.h"

#include <gtest/gtest.h>

#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

TEST(SetCounts, SayHowManyOfWhatAndWhy) {
  EXPECT_EQ(set_text({.used = 20}), "20 prompts");
  EXPECT_EQ(set_text({.used = 10, .too_long = 10, .max_prompt_length = 256}),
            "10 of 20 prompts: 10 longer than 256 tokens");
  EXPECT_EQ(set_text({.used = 1, .bad = 2, .repeated = 3, .not_asked = 4, .not_scored = 5}),
            "1 of 15 prompts: 2 that cannot be used, 3 whose prompt is in an earlier set, 4 more "
            "than the config asks for, 5 without an answer that could be scored");
  EXPECT_EQ(set_text({.used = 2, .masked_samples = 3}),
            "2 prompts; 3 of their samples could not be scored");
}

TEST(SetCounts, AreFiguresOfTheStage) {
  const TempDir dir;
  RunStore store(dir.path());
  const SetCounts counts{.used = 7,
                         .bad = 1,
                         .repeated = 2,
                         .too_long = 3,
                         .not_asked = 4,
                         .not_scored = 5,
                         .max_prompt_length = 64,
                         .masked_samples = 6};
  record_set(store, {"eval-base-a-sampled", "test", "a", {.used = 9}});
  record_set(store, {"eval-base-a-sampled", "test", "a", counts});
  record_set(store, {"rl-a", "train", "a", {.used = 8}});
  const auto rows = recorded_sets(store);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].stage + rows[0].set + rows[0].domain, "eval-base-a-sampledtesta");
  EXPECT_EQ(set_text(rows[0].counts), set_text(counts));
  EXPECT_EQ(rows[0].counts.max_prompt_length, 64);
  EXPECT_EQ(rows[1].counts.used, 8);
  EXPECT_EQ(store.figure("eval-base-a-sampled", "prompts_too_long/test/a"), 3);
  EXPECT_EQ(
      counts_of(rows, {.stage = "rl-a", .model = "", .domain = "a", .metric = "", .score = {}})
          .used,
      8);
  EXPECT_EQ(left_out_by_reason(counts).size(), 6u);
  EXPECT_EQ(counts.left_out(), 15);
}

}  // namespace
}  // namespace amalgam::pipeline
