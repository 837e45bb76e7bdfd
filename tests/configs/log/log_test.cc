#include "configs/log/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "configs/log/line.h"
#include "configs/log/line_pipe.h"
#include "tests/temp_dir.h"

namespace amalgam::log {
namespace {

using Texts = std::vector<std::string>;

std::string digits_as_zeros(std::string text) {
  for (char& ch : text)
    if (ch >= '0' && ch <= '9') ch = '0';
  return text;
}

class LogTest : public testing::Test {
 protected:
  ~LogTest() override { set_levels(Levels()); }

  std::vector<std::string> lines(const std::string& name = "log.txt") {
    std::ifstream file(dir_ / name);
    std::vector<std::string> all;
    for (std::string line; std::getline(file, line);) all.push_back(line);
    return all;
  }
  // Without their times.
  std::vector<std::string> texts() {
    std::vector<std::string> all;
    for (const std::string& line : lines()) all.push_back(line.substr(25));
    return all;
  }
  // What is on the console while f() runs.
  template <class F>
  std::string console(const F& f) {
    testing::internal::CaptureStderr();
    f();
    return testing::internal::GetCapturedStderr();
  }

  TempDir dir_;
};

TEST_F(LogTest, ALineSaysWhenHowBadWhoAndWhere) {
  const RunLog log(dir_.path(), {});
  const std::string shown = console([&] {
    const At at("rl-math", 3);
    info(Part::kRun, "for the file");
    say(Part::kData, "for both");
    warn(Part::kReward, "a warning");
    error(Part::kRun, "an end");
    debug(Part::kRun, "too much");
  });
  info(Part::kRun, "elsewhere");
  EXPECT_EQ(shown, "for both\na warning\n");
  EXPECT_EQ(texts(), (Texts{"info     [main] [rl-math 3] run: for the file",
                            "info     [main] [rl-math 3] data: for both",
                            "warning  [main] [rl-math 3] reward: a warning",
                            "error    [main] [rl-math 3] run: an end",
                            "info     [main] [-] run: elsewhere"}));
  EXPECT_EQ(digits_as_zeros(lines()[0].substr(0, 25)), "0000-00-00T00:00:00.000Z ");
}

TEST_F(LogTest, WhatWasBeforeTheFileIsInItToo) {
  EXPECT_EQ(console([&] { warn(Part::kData, "13 rows are left out"); }), "13 rows are left out\n");
  EXPECT_EQ(console([&] { printed(Part::kReward, "reward own", "loaded\n"); }), "loaded\n");
  const RunLog log(dir_.path(), {});
  EXPECT_EQ(texts(), (Texts{"warning  [main] [-] data: 13 rows are left out",
                            "info     [reward own] [-] reward: loaded"}));
}

TEST_F(LogTest, LevelsOfParts) {
  const RunLog log(dir_.path(), {.level = "warning,sandbox=debug"});
  info(Part::kRun, "no");
  debug(Part::kSandbox, "yes");
  EXPECT_EQ(console([&] { say(Part::kData, "no"); }), "");
  EXPECT_EQ(texts(), (Texts{"debug    [main] [-] sandbox: yes"}));
}

TEST_F(LogTest, WhatChildrenPrintIsTheirs) {
  const RunLog log(dir_.path(), {});
  const At at("rl", 1);
  const auto worker = worker_pipe("worker 1");
  const auto reward = child_pipe(Part::kReward, "reward own");
  const std::string said = relayed({.level = Level::kWarning,
                                    .audience = Audience::kConsole,
                                    .place = {"rl-validation", 2},
                                    .text = "mine"}) +
                           relayed({.audience = Audience::kPrinted,
                                    .process = "reward own",
                                    .place = {"rl", 1},
                                    .text = "its"}) +
                           "terminate called";
  const std::string shown = console([&] {
    EXPECT_GT(::write(worker->child_end(), said.data(), said.size()), 0);
    worker->finish();
    EXPECT_GT(::write(reward->child_end(), "Traceback\n", 10), 0);
    reward->finish();
  });
  EXPECT_EQ(shown, "mine\n");
  EXPECT_EQ(texts(), (Texts{"warning  [worker 1] [rl-validation 2] run: mine",
                            "info     [worker 1, reward own] [rl 1] run: its",
                            "error    [worker 1] [rl 1] rollout: terminate called",
                            "info     [reward own] [rl 1] reward: Traceback"}));
}

TEST_F(LogTest, SecretsAreHidden) {
  const RunLog log(dir_.path(), {.json = true});
  hide("sk-1234");
  hide("sk-1234tail");
  hide("-----BEGIN\nsk-line\n");
  hide("hidden");  // which is what stands in its place
  hide("s");       // would be found everywhere
  const std::string shown = console([&] {
    warn(Part::kReward, "key sk-1234, again sk-1234sk-1234; s");
    printed(Part::kReward, "reward own", std::string(kMaxText - 3, 'x') + "sk-1234");
    printed(Part::kReward, "reward own", "sk-1234tail\n-----BEGIN\nsk-line");
  });
  EXPECT_EQ(shown, "key ((hidden)), again ((hidden))((hidden)); s\n");
  for (const char* name : {"log.txt", "log.jsonl"})
    for (const std::string& line : lines(name))
      EXPECT_TRUE(line.find("sk-") == std::string::npos && line.find("tail") == std::string::npos)
          << name << ": " << line;
}

TEST_F(LogTest, RepeatedLinesAreCounted) {
  {
    const RunLog log(dir_.path(), {});
    console([&] {
      for (int i = 0; i < 42; ++i) warn(Part::kRollout, "no sandbox");
    });
    EXPECT_EQ(lines().size(), 1u);
  }
  EXPECT_EQ(texts(), (Texts{"warning  [main] [-] rollout: no sandbox",
                            "warning  [main] [-] rollout: no sandbox (repeated 41 times)"}));
}

TEST_F(LogTest, RotatesAndKeepsSoManyFiles) {
  const RunLog log(dir_.path(), {.max_mb = 1, .files = 2, .json = true});
  for (int i = 0; i < 1600; ++i) info(Part::kRun, std::to_string(i) + " " + std::string(2000, 'x'));
  std::vector<int> all;
  for (const char* name : {"log.2.txt", "log.1.txt", "log.txt"}) {
    EXPECT_LE(std::filesystem::file_size(dir_ / name), 1u << 20) << name;
    for (const std::string& line : lines(name)) {
      EXPECT_EQ(line.back(), 'x');
      all.push_back(std::stoi(line.substr(line.find("run: ") + 5)));
    }
  }
  EXPECT_FALSE(std::filesystem::exists(dir_ / "log.3.txt"));
  EXPECT_TRUE(std::filesystem::exists(dir_ / "log.2.jsonl"));
  for (size_t i = 1; i < all.size(); ++i) EXPECT_EQ(all[i], all[i - 1] + 1);
  EXPECT_EQ(all.back(), 1599);
}

TEST_F(LogTest, AsJson) {
  const RunLog log(dir_.path(), {.json = true});
  info(Part::kRun, "a \"b\"");
  ASSERT_EQ(lines("log.jsonl").size(), 1u);
  EXPECT_EQ(digits_as_zeros(lines("log.jsonl")[0]),
            R"({"time":"0000-00-00T00:00:00.000Z","level":"info","process":"main","part":"run",)"
            R"("stage":"","step":null,"text":"a \"b\""})");
}

TEST_F(LogTest, HalfALineIsEnded) {
  std::ofstream(dir_ / "log.txt") << "half a li";
  const RunLog log(dir_.path(), {});
  info(Part::kRun, "again");
  const auto all = lines();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0], "half a li");
}

}  // namespace
}  // namespace amalgam::log
