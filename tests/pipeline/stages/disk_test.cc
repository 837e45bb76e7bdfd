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
  const auto config = [](const std::string& more) {
    return configs::parse_run_config(
        "[distill]\nsteps = 0\n[[domain]]\nname = \"math\"\ngenerator = \"math\"\n" + more, "test");
  };
  const auto plain = config("");
  const double all = disk_need(plain, {.all = true});
  EXPECT_GT(all, disk_need(plain, {.eval = true}));
  EXPECT_GT(disk_need(config("[domain.rl]\nsteps = 400000\n"), {.all = true}), all + 1e9);
  EXPECT_GT(disk_need(config("[domain.rl.data]\nmax_response_length = 100000\n"), {.all = true}),
            all);
  EXPECT_LT(disk_need(plain, {.eval = true}), disk_need(plain, {.rl_of = &plain.domains[0]}));
}

}  // namespace
}  // namespace amalgam::pipeline
