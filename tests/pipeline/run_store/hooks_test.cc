#include "pipeline/run_store/hooks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/append_file.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using testing::HasSubstr;

TEST(HooksTest, ACommandIsToldHowTheRunEnded) {
  const TempDir dir;
  const std::string command =
      "echo \"$AMALGAM_STATE|$AMALGAM_RUN_DIR|$AMALGAM_MESSAGE\" >> " + dir / "said";
  run_hook("", "runs/x", RunEnd::kFinished, "");
  run_hook(command, "runs/x", RunEnd::kFinished, "");
  run_hook(command, "runs/x", RunEnd::kStopped, "go on; with 'this'");
  run_hook(command, "runs/x", RunEnd::kFailed, "no \"rows\" $HOME");
  EXPECT_EQ(
      proto::read_file(dir / "said"),
      "finished|runs/x|\nstopped|runs/x|go on; with 'this'\nfailed|runs/x|no \"rows\" $HOME\n");
}

TEST(HooksTest, AFailureIsAWarning) {
  testing::internal::CaptureStderr();
  run_hook("exit 3", "runs/x", RunEnd::kFinished, "");
  run_hook("kill -9 $$", "runs/x", RunEnd::kStopped, "");
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("on_finish: exit 3: ended with 3"));
  EXPECT_THAT(said, HasSubstr("on_stop: kill -9 $$: was ended by signal 9"));
}

}  // namespace
}  // namespace amalgam::pipeline
