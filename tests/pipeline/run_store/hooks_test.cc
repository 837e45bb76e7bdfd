#include "pipeline/run_store/hooks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/append_file.h"
#include "tests/error_of.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using testing::HasSubstr;

TEST(HooksTest, ACommandIsToldHowTheRunEnded) {
  const TempDir dir;
  const std::string command =
      "echo \"$AMALGAM_STATE|$AMALGAM_RUN_DIR|$AMALGAM_MESSAGE\" >> " + dir / "said";
  Hook("", "runs/x", RunEnd::kFinished, "").run_and_warn();
  Hook(command, "runs/x", RunEnd::kFinished, "").run_and_warn();
  Hook(command, "runs/x", RunEnd::kStopped, "go on; with 'this'").run_and_warn();
  Hook(command, "runs/x", RunEnd::kFailed, "no \"rows\" $HOME").run_and_warn();
  EXPECT_EQ(
      proto::read_file(dir / "said"),
      "finished|runs/x|\nstopped|runs/x|go on; with 'this'\nfailed|runs/x|no \"rows\" $HOME\n");
}

TEST(HooksTest, AFailureIsAWarning) {
  testing::internal::CaptureStderr();
  Hook("exit 3", "runs/x", RunEnd::kFinished, "").run_and_warn();
  Hook("kill -9 $$", "runs/x", RunEnd::kStopped, "").run_and_warn();
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("on_finish: exit 3: ended with 3"));
  EXPECT_THAT(said, HasSubstr("on_stop: kill -9 $$: was ended by signal 9"));
}

TEST(HooksTest, ACommandThatDoesNotFitIsRefused) {
  EXPECT_THAT(tests::error_of([] { Hook(std::string(70000, 'x'), "r", RunEnd::kStopped, ""); }),
              HasSubstr("too long; put it into a script"));
}

}  // namespace
}  // namespace amalgam::pipeline
