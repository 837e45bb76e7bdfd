#include "pipeline/run_store/progress.h"

#include <gtest/gtest.h>

#include <sstream>

namespace amalgam::pipeline {
namespace {

class ProgressTest : public testing::Test {
 protected:
  ProgressOutput output(int columns) {
    return {&console_, columns, [this] { return now_; }};
  }
  std::ostringstream out_;
  log::Console console_{out_};
  double now_ = 100;
};

TEST_F(ProgressTest, PlainLinesComeFirstLastAndEveryTenSeconds) {
  {
    Progress progress("rl math", 40, 0, "step", output(0));
    for (int step = 0; step <= 40; ++step, now_ += 1) progress.update(step, "score 0.5");
  }
  EXPECT_EQ(out_.str(),
            "rl math  0/40  score 0.5\n"
            "rl math  10/40  1.0 step/s  30s left  score 0.5\n"
            "rl math  20/40  1.0 step/s  20s left  score 0.5\n"
            "rl math  30/40  1.0 step/s  10s left  score 0.5\n"
            "rl math  40/40  1.0 step/s  took 40s  score 0.5\n");
}

TEST_F(ProgressTest, ResumedStepsDoNotCountForTheRate) {
  Progress progress("sft", 100, 90, "row", output(0));
  now_ += 8;
  progress.update(94);
  EXPECT_EQ(out_.str(), "sft  94/100  2.0 s/row  12s left\n");
}

TEST_F(ProgressTest, TerminalHasOneLineThatFits) {
  {
    Progress progress("eval", 2, 0, "step", output(16));
    progress.update(0, "a note that is too long");
    now_ += 0.01;
    progress.update(1);  // too soon after the last
    now_ += 0.09;
    progress.update(2);
  }
  EXPECT_EQ(out_.str(), "\reval  0/2  a no\x1b[K\reval  2/2  20.0\x1b[K\n");
}

TEST_F(ProgressTest, OneThatShowedNothingEndsNoLine) {
  {
    Progress progress("eval", 2, 0, "step", output(40));
    progress.update(0);
    { Progress inner("reading", 100, 0, "row", output(40)); }
  }
  EXPECT_EQ(out_.str(), "\reval  0/2\x1b[K\n");
}

TEST(CompactDuration, UsesTwoUnitsAtMost) {
  EXPECT_EQ(compact_duration(-1), "0s");
  EXPECT_EQ(compact_duration(59.4), "59s");
  EXPECT_EQ(compact_duration(59.6), "1m 00s");
  EXPECT_EQ(compact_duration(90), "1m 30s");
  EXPECT_EQ(compact_duration(7500), "2h 05m");
}

}  // namespace
}  // namespace amalgam::pipeline
