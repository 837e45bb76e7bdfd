#include "pipeline/stages/disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "configs/load.h"

namespace amalgam::pipeline {
namespace {

TEST(DiskTest, SaysInHowManyStepsItIsFull) {
  EXPECT_EQ(steps_to_full_disk(1e9, 1e6, 100), -1);
  EXPECT_EQ(steps_to_full_disk(1e9, 0, 100), -1);
  EXPECT_EQ(steps_to_full_disk(1064e6, 1e7, 1000), 100);  // 64 MB are for figures
  EXPECT_EQ(steps_to_full_disk(1e6, 1e6, 10), 0);
}

TEST(DiskTest, NeedsGrowWithWhatIsMade) {
  const auto need = [](const std::string& more, const std::string& distill = "steps = 0") {
    return disk_need(configs::parse_run_config("[distill]\n" + distill +
                                                   "\n[[domain]]\nname = \"math\"\ngenerator = "
                                                   "\"math\"\n" +
                                                   more,
                                               "test"),
                     {.all = true});
  };
  const DiskNeed plain = need("");
  EXPECT_GT(need("[domain.rl]\nsteps = 400000\n").samples, plain.samples + 1e9);
  EXPECT_EQ(need("[domain.rl]\nsteps = 400000\n").models, plain.models);
  EXPECT_GT(need("[domain.rl.data]\nmax_response_length = 100000\n").samples, plain.samples);
  EXPECT_GT(need("[domain.rl]\nrollout.keep_index = true\n").samples, plain.samples);
  const auto judged = [&](const std::string& more) {
    return disk_need(configs::parse_run_config("[distill]\nsteps = 0\n[[domain]]\nname = \"a\"\n"
                                               "train_file = \"a.jsonl\"\nreward_file = \"a.py\"\n"
                                               "[domain.judge]\n" +
                                                   more,
                                               "test"),
                     {.all = true})
        .samples;
  };
  const std::string points = "form = \"points\"\n";
  const double verdicts = judged(points);
  EXPECT_GT(judged(points + "max_response_length = 100000"), verdicts);
  EXPECT_GT(judged(points + "votes = 8"), verdicts);
  EXPECT_GT(judged(points + "ratio = 100"), verdicts);
  EXPECT_LT(judged("form = \"none\""), verdicts);
  const DiskNeed one = need("", "steps = 5"),
                 two = need("", "steps = 5\ntest_freq = 1\nlr_candidates = [1e-3, 1e-4]");
  EXPECT_GT(one.models, plain.models);
  EXPECT_GT(two.models, one.models);  // a state for each rate
}

}  // namespace
}  // namespace amalgam::pipeline
