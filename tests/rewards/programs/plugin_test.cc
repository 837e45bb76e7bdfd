#include "rewards/programs/plugin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "configs/error.h"

namespace amalgam::rewards {
namespace {

using testing::HasSubstr;

class PluginTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) /
              (std::string("plugin_") + test->name() + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  PluginOptions options(const std::string& source) {
    PluginOptions options;
    options.path = folder_ / "reward.py";
    std::ofstream(options.path) << source;
    return options;
  }
  std::string file(const std::string& name) const { return folder_ / name; }
  std::string load_error(const std::string& source, const std::string& function = "") {
    PluginOptions o = options(source);
    o.function = function;
    try {
      Plugin plugin(o);
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }

  std::filesystem::path folder_;
};

Score ask(Plugin* plugin, const std::string& solution) {
  return plugin->score({"gsm8k", solution, "\"4\"", R"({"index": 7})", ""});
}

TEST_F(PluginTest, VerlFunctionGetsItsFourArguments) {
  Plugin plugin(options(R"(
def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    print("to stdout, which is not the protocol")
    return 0.25 if (data_source, solution_str, ground_truth, extra_info) == (
        "gsm8k", "so 4\n\u00e9", "4", {"index": 7}) else 0
)"));
  const Score score = ask(&plugin, "so 4\n\u00e9");
  EXPECT_EQ(score.status, Status::kScored) << score.detail;
  EXPECT_EQ(score.reward, 0.25);
  EXPECT_EQ(ask(&plugin, "5").reward, 0);
  EXPECT_EQ(plugin.form(), PluginForm::kVerl);
  EXPECT_EQ(ask(&plugin, "cut \xc3").status, Status::kScored);
}

TEST_F(PluginTest, EveryResultHasItsOutcome) {
  Plugin plugin(options(R"(
class Scalar:
    size = 1
    def item(self): return 0.5
results = {"int": 1, "float": 0.125, "true": True, "false": False, "dict": {"score": 0.75, "acc": 1},
           "scalar": Scalar(), "string": "1", "none": None, "list": [1], "no score": {"acc": 1},
           "bad score": {"score": "x"}, "nan": float("nan"), "inf": -float("inf"), "huge": 10 ** 400}
def compute_score(data_source, solution_str, ground_truth, extra_info):
    return results[solution_str]
)"));
  const auto reward = [&](const char* key) {
    const Score score = ask(&plugin, key);
    EXPECT_EQ(score.status, Status::kScored) << key << ": " << score.detail;
    return score.reward;
  };
  EXPECT_EQ(reward("int"), 1);
  EXPECT_EQ(reward("float"), 0.125);
  EXPECT_EQ(reward("true"), 1);
  EXPECT_EQ(reward("false"), 0);
  EXPECT_EQ(reward("dict"), 0.75);
  EXPECT_EQ(reward("scalar"), 0.5);
  for (const char* key : {"string", "none", "list", "no score", "bad score"})
    EXPECT_EQ(ask(&plugin, key).status, Status::kWrongType) << key;
  for (const char* key : {"nan", "inf", "huge"})
    EXPECT_EQ(ask(&plugin, key).status, Status::kNotFinite) << key;
  const Score raised = ask(&plugin, "unknown");
  EXPECT_EQ(raised.status, Status::kVerifierFailed);
  EXPECT_THAT(raised.detail, HasSubstr("KeyError: 'unknown' (reward.py:9)"));
  EXPECT_EQ(reward("int"), 1);  // it lives on
}

TEST_F(PluginTest, CrashesAndTimeoutsAreOutcomesAndItStartsAgain) {
  PluginOptions o = options(R"(
import ctypes, os, subprocess, sys, time
def compute_score(data_source, solution_str, ground_truth, extra_info):
    if solution_str == "exit": os._exit(3)
    if solution_str == "sys.exit": sys.exit(0)
    if solution_str == "segv": os.kill(os.getpid(), 11)
    if solution_str == "hang": time.sleep(1000)
    if solution_str == "spin":
        while True: pass
    if solution_str == "child": return subprocess.Popen(["/usr/bin/sleep", "1000"]).pid
    return 1
)");
  o.call_deadline_seconds = 0.5;
  Plugin plugin(o);
  const auto fails = [&](const char* how, Status status, const char* detail) {
    const Score score = ask(&plugin, how);
    EXPECT_EQ(score.status, status) << how;
    EXPECT_THAT(score.detail, HasSubstr(detail));
    EXPECT_EQ(ask(&plugin, "fine").reward, 1) << "after " << how;
  };
  fails("exit", Status::kVerifierFailed, "exit code 3");
  fails("sys.exit", Status::kVerifierFailed, "SystemExit");
  fails("segv", Status::kVerifierFailed, "signal 11");
  fails("hang", Status::kTimeout, "no score within 0.5");
  fails("spin", Status::kTimeout, "no score within 0.5");
  // What it started in its process group dies with it.
  const pid_t child = static_cast<pid_t>(ask(&plugin, "child").reward);
  ASSERT_GT(child, 1);
  EXPECT_EQ(::kill(child, 0), 0);
  fails("hang", Status::kTimeout, "");
  for (int i = 0; i < 500 && ::kill(child, 0) == 0; ++i) {
    // A killed orphan may stay a zombie for as long as its new parent likes.
    std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
    std::string pid, name, state;
    stat >> pid >> name >> state;
    if (state == "Z") return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_NE(::kill(child, 0), 0);
}

TEST_F(PluginTest, TrlFunctionGetsColumnsAsLists) {
  std::ofstream(file("helper.py")) << "def half(x): return x / 2\n";
  Plugin plugin(options(R"(
from helper import half
def _not_this_reward(x): return 0
def length_reward(completions, prompts, answer, **kwargs):
    assert kwargs["ground_truth"] == ["4"] and kwargs["data_source"] == ["gsm8k"], kwargs
    if isinstance(prompts[0], str):
        return [half(len(c) + int(a)) for c, a in zip(completions, answer)]
    return [half(len(c[0]["content"]) + int(a)) for c, a in zip(completions, answer)]
)"));
  Score score = plugin.score({"gsm8k", "abc", "\"4\"", "", R"({"prompt": "p", "answer": 2})"});
  EXPECT_EQ(score.status, Status::kScored) << score.detail;
  EXPECT_EQ(score.reward, 2.5);
  score = plugin.score({"gsm8k", "abc", "\"4\"", "",
                        R"({"prompt": [{"role": "user", "content": "p"}], "answer": 4})"});
  EXPECT_EQ(score.reward, 3.5) << score.detail;
  EXPECT_EQ(plugin.form(), PluginForm::kTrl);
}

// What the sample is comes with extra_info, not with the row's column of that name.
TEST_F(PluginTest, TrlFunctionGetsTheSamplesExtraInfo) {
  Plugin plugin(options(R"(
def a_reward(completions, extra_info, **kwargs):
    return [extra_info[0]["num_turns"]]
)"));
  const Score score = plugin.score({"gsm8k", "abc", "\"4\"", R"({"num_turns": 3})",
                                    R"({"prompt": "p", "extra_info": {"index": 1}})"});
  EXPECT_EQ(score.reward, 3) << score.detail;
}

TEST_F(PluginTest, TrlFunctionThatReturnsSomethingElse) {
  Plugin plugin(options(R"(
def my_reward(completions, **kwargs):
    return {"number": 1.0, "two": [1.0, 2.0], "none": [None], "text": "1", "nan": [float("nan")],
            "tuple": (0.5,)}[completions[0]]
)"));
  for (const char* key : {"number", "two", "none", "text"})
    EXPECT_EQ(ask(&plugin, key).status, Status::kWrongType) << key;
  EXPECT_EQ(ask(&plugin, "nan").status, Status::kNotFinite);
  EXPECT_EQ(ask(&plugin, "tuple").reward, 0.5);
}

TEST_F(PluginTest, LoadErrorsSayWhatIsWrong) {
  PluginOptions missing;
  missing.path = file("no.py");
  EXPECT_THROW(Plugin{missing}, Error);
  EXPECT_THAT(load_error("def compute_score(:"), HasSubstr("SyntaxError"));
  EXPECT_THAT(load_error("import no_such_module"), HasSubstr("ModuleNotFoundError"));
  EXPECT_THAT(load_error("x = 1"), HasSubstr("no compute_score"));
  EXPECT_THAT(load_error("def a_reward(completions): pass\ndef b_reward(completions): pass"),
              HasSubstr("a_reward, b_reward: name the function"));
  EXPECT_THAT(load_error("def a_reward(completions): pass", "c_reward"), HasSubstr("c_reward"));
  EXPECT_THAT(load_error("import os\nos._exit(5)"), HasSubstr("exit code 5"));
}

TEST_F(PluginTest, AFileThatDoesNotLoadInTime) {
  PluginOptions o = options("import time\ntime.sleep(1000)");
  o.start_deadline_seconds = 0.3;
  EXPECT_THROW(Plugin{o}, Error);
}

TEST_F(PluginTest, LargeTextsAndManyThreads) {
  Plugin plugin(options(R"(
def compute_score(data_source, solution_str, ground_truth, extra_info):
    return len(solution_str)
)"));
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const size_t size = i == 0 ? 3000000 : static_cast<size_t>(100 * t + i);
        const Score score = ask(&plugin, std::string(size, 'x'));
        wrong[static_cast<size_t>(t)] += score.reward != static_cast<double>(size);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace amalgam::rewards
