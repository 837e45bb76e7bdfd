#include "rollout/tools/tool_result.h"

#include <gtest/gtest.h>

namespace amalgam::rollout {
namespace {

using sandbox::Outcome;
using Status = ToolResult::Status;

sandbox::Result ended(Outcome outcome, int exit_code = 0) {
  sandbox::Result r;
  r.outcome = outcome;
  r.exit_code = exit_code;
  r.out = "one\n\n";
  r.err = "two\n";
  r.detail = "why";
  return r;
}

TEST(CommandResult, ShowsOutputAndHowItEnded) {
  EXPECT_EQ(command_result(ended(Outcome::kOk)).text, "one\nstderr:\ntwo");
  EXPECT_EQ(command_result(ended(Outcome::kOk)).status, Status::kOk);
  EXPECT_EQ(command_result(ended(Outcome::kExit, 3)).text, "one\nstderr:\ntwo\nerror: exit code 3");
  EXPECT_EQ(command_result(ended(Outcome::kSignal, 139)).status, Status::kToolError);
  sandbox::Result quiet = ended(Outcome::kExit, 1);
  quiet.out = quiet.err = "";
  EXPECT_EQ(command_result(quiet).text, "error: exit code 1");
}

// What had been written when a limit struck is a matter of time.
TEST(CommandResult, ALimitShowsNothingElse) {
  for (const Outcome o : {Outcome::kTimeout, Outcome::kMemory, Outcome::kOutputLimit,
                          Outcome::kDiskLimit, Outcome::kProcessLimit, Outcome::kDenied}) {
    const ToolResult r = command_result(ended(o, 1));
    EXPECT_EQ(r.status, Status::kToolError);
    const bool says_why = o == Outcome::kDiskLimit;  // of the journal, which counts bytes
    EXPECT_EQ(r.text, std::string("error: ") + sandbox::to_string(o) + (says_why ? ": why" : ""));
  }
}

TEST(CommandResult, TheWallClockIsNoResult) {
  for (const Outcome o : {Outcome::kTimeout, Outcome::kMemory, Outcome::kProcessLimit}) {
    sandbox::Result late = ended(o, 137);
    late.hit_wall_limit = true;
    late.wall_seconds = 40.2;
    const ToolResult r = command_result(late);
    EXPECT_EQ(r.status, Status::kWallClock);
    EXPECT_EQ(r.text, "");
    EXPECT_EQ(r.detail, "a call took 40 s, and hardly any of it CPU time");
  }
}

TEST(CommandResult, InfrastructureIsNoResult) {
  for (const Outcome o : {Outcome::kSandboxFailed, Outcome::kCancelled}) {
    const ToolResult r = command_result(ended(o));
    EXPECT_EQ(r.status, Status::kSandboxFailed);
    EXPECT_EQ(r.text, "");
    EXPECT_EQ(r.detail, "why");
  }
}

TEST(Shorten, LeavesOutTheMiddle) {
  EXPECT_EQ(shorten("short", 5), "short");
  const std::string text = std::string(500, 'a') + std::string(500, 'b');
  const std::string cut = shorten(text, 100);
  EXPECT_EQ(cut.size(), 100u);
  EXPECT_TRUE(cut.starts_with("aaaa"));
  EXPECT_TRUE(cut.ends_with("bbbb"));
  EXPECT_NE(cut.find("… 1000 bytes in all …"), std::string::npos);
  EXPECT_EQ(shorten(text, 10), "aaaaabbbbb");
}

TEST(Shorten, KeepsWholeCharacters) {
  EXPECT_EQ(shorten("\xff\xfe ok \xc3", 64), "\uFFFD\uFFFD ok \uFFFD");
  std::string text;
  for (int i = 0; i < 200; ++i) text += "é";
  for (size_t n = 60; n < 80; ++n) {
    const std::string cut = shorten(text, n);
    EXPECT_LE(cut.size(), n);
    EXPECT_GE(cut.size(), n - 2);
    EXPECT_EQ(cut.find("\uFFFD"), std::string::npos);
    EXPECT_EQ(shorten(cut, n), cut);
  }
}

}  // namespace
}  // namespace amalgam::rollout
