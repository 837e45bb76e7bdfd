#include "pipeline/stages/run_dirs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

TEST(RunDirs, ByConfigCommandDomainAndModel) {
  const TempDir folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  EXPECT_EQ(command_run_dir("configs/own.toml", "rl", "math", "a/x"), "runs/own-rl-math-x");
  EXPECT_EQ(command_run_dir("configs/own.toml", "eval", "", "/a/x/"), "runs/own-eval-x");
  std::filesystem::create_directories("runs/own-eval-x");
  claim_run_dir("runs/own-eval-x", "a/x");
  for (const char* same : {"a/x", "./a/x/", "b/../a/x"})
    EXPECT_EQ(command_run_dir("own.toml", "eval", "", same), "runs/own-eval-x") << same;
  const std::string other = command_run_dir("own.toml", "eval", "", "b/x");
  EXPECT_THAT(other, testing::MatchesRegex("runs/own-eval-x-[0-9a-f]{6}"));
  EXPECT_NE(command_run_dir("own.toml", "eval", "", "c/x"), other);
  std::filesystem::current_path(before);
}

}  // namespace
}  // namespace amalgam::pipeline
