#include "rewards/programs/plugin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "configs/error.h"
#include "tests/error_of.h"
#include "tests/temp_dir.h"

namespace amalgam::rewards {
namespace {

using testing::HasSubstr;

class PluginTest : public testing::Test {
 protected:
  PluginOptions options(const std::string& source) {
    PluginOptions options;
    options.path = file("reward.py");
    std::ofstream(options.path) << source;
    return options;
  }
  std::string file(const std::string& name) const { return folder_ / name; }
  std::string load_error(const std::string& source, const std::string& function = "") {
    PluginOptions o = options(source);
    o.function = function;
    return tests::error_of([&] { Plugin plugin(o); });
  }

  TempDir folder_;
};

Score ask(Plugin* plugin, const PluginRequest& request) {
  return plugin->score("seed", {request}).at(0);
}
Score ask(Plugin* plugin, const std::string& solution) {
  return ask(plugin, {"gsm8k", solution, "\"4\"", R"({"index": 7})", ""});
}

std::vector<double> rewards_of(const std::vector<Score>& scores) {
  std::vector<double> rewards;
  for (const Score& score : scores) {
    EXPECT_EQ(score.status, Status::kScored) << score.detail;
    rewards.push_back(score.reward);
  }
  return rewards;
}

// Whether a process is there and no zombie.
bool is_alive(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name, state;
  return stat >> number >> name >> state && state != "Z";
}
bool is_gone(pid_t pid) {
  for (int i = 0; i < 500 && is_alive(pid); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return !is_alive(pid);
}

// Among our children.
int num_zombies() {
  std::string out(16, ' ');
  const std::string command = "ps -o stat= --ppid " + std::to_string(::getpid()) + " | grep -c Z";
  FILE* pipe = ::popen(command.c_str(), "r");
  const size_t n = ::fread(out.data(), 1, out.size(), pipe);
  ::pclose(pipe);
  return std::atoi(out.substr(0, n).c_str());
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

TEST_F(PluginTest, ADictHasPartsAndAnAnswer) {
  Plugin plugin(options(R"(
class Number:
    size = 1
    def item(self): return 7
results = {"verl": {"score": 1, "acc": True, "abc": 0.5, "pred": "42", "note": "text", "nan": float("nan"), 3: 4},
           "number": {"score": 0, "pred": Number(), "big": 10 ** 400}, "none": {"score": 0, "pred": None},
           "cut": {"score": 0, "pred": "a" + chr(0xd800) + "x" * 5000}}
def compute_score(data_source, solution_str, ground_truth, extra_info):
    return results[solution_str]
)"));
  const Score verl = ask(&plugin, "verl");
  EXPECT_EQ(verl.answer, "42");
  EXPECT_EQ(verl.parts, (Parts{{"acc", 1}, {"abc", 0.5}}));
  EXPECT_EQ(ask(&plugin, "number").answer, "7");
  EXPECT_EQ(ask(&plugin, "number").parts, (Parts{{"pred", 7}}));
  EXPECT_EQ(ask(&plugin, "none").answer, "");
  EXPECT_EQ(ask(&plugin, "cut").answer.substr(0, 4), "a?xx");
  EXPECT_EQ(ask(&plugin, "cut").answer.size(), 2000u);
}

TEST_F(PluginTest, EveryResultHasItsOutcome) {
  Plugin plugin(options(R"(
class Scalar:
    size = 1
    def item(self): return 0.5
class Tensor:
    def size(self): return (1,)
    def numel(self): return 1
    def item(self): return 0.75
results = {"int": 1, "float": 0.125, "true": True, "false": False, "dict": {"score": 0.75, "acc": 1},
           "scalar": Scalar(), "tensor": Tensor(), "string": "1", "none": None, "list": [1], "no score": {"acc": 1},
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
  EXPECT_EQ(reward("tensor"), 0.75);
  for (const char* key : {"string", "none", "list", "no score", "bad score"})
    EXPECT_EQ(ask(&plugin, key).status, Status::kWrongType) << key;
  for (const char* key : {"nan", "inf", "huge"})
    EXPECT_EQ(ask(&plugin, key).status, Status::kNotFinite) << key;
  const Score raised = ask(&plugin, "unknown");
  EXPECT_EQ(raised.status, Status::kVerifierFailed);
  EXPECT_THAT(raised.detail, HasSubstr("KeyError: 'unknown' (reward.py:13)"));
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
  fails("hang", Status::kTimeout, "no answer within 0.5 s");
  fails("spin", Status::kTimeout, "no answer within 0.5 s");
  // What it started in its process group dies with it.
  const pid_t child = static_cast<pid_t>(ask(&plugin, "child").reward);
  ASSERT_GT(child, 1);
  EXPECT_TRUE(is_alive(child));
  fails("hang", Status::kTimeout, "");
  EXPECT_TRUE(is_gone(child));
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
  Score score = ask(&plugin, {"gsm8k", "abc", "\"4\"", "", R"({"prompt": "p", "answer": 2})"});
  EXPECT_EQ(score.status, Status::kScored) << score.detail;
  EXPECT_EQ(score.reward, 2.5);
  score = ask(&plugin, {"gsm8k", "abc", "\"4\"", "",
                        R"({"prompt": [{"role": "user", "content": "p"}], "answer": 4})"});
  EXPECT_EQ(score.reward, 3.5) << score.detail;
  EXPECT_EQ(plugin.form(), PluginForm::kTrl);
}

// What the sample is comes with extra_info, not with the row's column of that name.
TEST_F(PluginTest, ItsFilesAreThoseOfItsFolder) {
  std::filesystem::create_directories(file("own"));
  std::ofstream(file("own/__init__.py")) << "from . import part\n";
  std::ofstream(file("own/part.py")) << "import json\n";
  std::ofstream(file("other.py")) << "";
  const Plugin plugin(options("import math, own\ndef compute_score(**k): return 1\n"));
  EXPECT_THAT(plugin.facts().files, testing::ElementsAre(file("own/__init__.py"),
                                                         file("own/part.py"), file("reward.py")));
}

TEST_F(PluginTest, TheWorkingDirectoryMayBeTheRoot) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path("/");
  std::vector<std::string> files;
  const std::string error = tests::error_of([&] {
    files = Plugin(options("import math\ndef compute_score(**k): return 1\n")).facts().files;
  });
  std::filesystem::current_path(before);
  EXPECT_EQ(error, "");
  EXPECT_THAT(files, testing::ElementsAre(file("reward.py")));
}

TEST_F(PluginTest, FilesOfTheWorkingDirectoryHideNoModuleOfPythons) {
  const TempDir here;
  std::ofstream(here / "socket.py") << "raise ImportError('not the real one')\n";
  std::ofstream(here / "of_the_project.py") << "score = 3\n";
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(here.path());
  const std::string error = tests::error_of([&] {
    Plugin plugin(
        options("import socket, of_the_project\n"
                "def compute_score(**k): return of_the_project.score\n"));
    EXPECT_EQ(ask(&plugin, "x").reward, 3);
  });
  std::filesystem::current_path(before);
  EXPECT_EQ(error, "");
}

TEST_F(PluginTest, TrlFunctionGetsTheSamplesExtraInfo) {
  Plugin plugin(options(R"(
def a_reward(completions, extra_info, **kwargs):
    return [extra_info[0]["num_turns"]]
)"));
  const Score score = ask(&plugin, {"gsm8k", "abc", "\"4\"", R"({"num_turns": 3})",
                                    R"({"prompt": "p", "extra_info": {"index": 1}})"});
  EXPECT_EQ(score.reward, 3) << score.detail;
}

TEST_F(PluginTest, TrlFunctionThatReturnsSomethingElse) {
  Plugin plugin(options(R"(
def my_reward(completions, **kwargs):
    return {"number": 1.0, "two": [1.0, 2.0], "none": [None], "text": "1", "nan": [float("nan")],
            "tuple": (0.5,)}[completions[0]]
)"));
  for (const char* key : {"number", "two", "text"})
    EXPECT_EQ(ask(&plugin, key).status, Status::kWrongType) << key;
  EXPECT_EQ(ask(&plugin, "none").status, Status::kNoReward);
  EXPECT_EQ(ask(&plugin, "nan").status, Status::kNotFinite);
  EXPECT_EQ(ask(&plugin, "tuple").reward, 0.5);
}

TEST_F(PluginTest, BatchesOfBothForms) {
  Plugin trl(options(R"(
def length_reward(prompts, completions, level, **kwargs):
    assert prompts == ["p"] * 3 and level == [2] * 3, (prompts, level)
    return [len(c) / len(max(completions, key=len)) for c in completions]
)"));
  const std::string row = R"({"prompt": "p", "level": 2})";
  const std::vector<PluginRequest> samples = {
      {"d", "a", "", "", row}, {"d", "bbbb", "", "", row}, {"d", "cc", "", "", row}};
  EXPECT_TRUE(trl.takes_batches());
  EXPECT_EQ(rewards_of(trl.score("s", samples)), (std::vector<double>{0.25, 1, 0.5}));
  Plugin verl(options(R"(
def compute_score(data_sources, solution_strs, ground_truths, extra_infos):
    assert data_sources == ["d"] * 3 and ground_truths == extra_infos == [None] * 3
    return [{"score": len(s)} if s != "a" else None for s in solution_strs]
)"));
  EXPECT_EQ(verl.form(), PluginForm::kVerlBatch);
  const std::vector<Score> scores = verl.score("s", samples);
  EXPECT_EQ(scores.at(0).status, Status::kWrongType);
  EXPECT_EQ(rewards_of({scores.at(1), scores.at(2)}), (std::vector<double>{4, 2}));
}

TEST_F(PluginTest, ABatchFailsAsAWhole) {
  Plugin plugin(options(R"(
def compute_score(data_sources, solution_strs, ground_truths, extra_infos):
    return {"raise": lambda: 1 / 0, "short": lambda: [1]}[solution_strs[0]]()
)"));
  for (const auto& [how, status] :
       {std::pair("raise", Status::kVerifierFailed), std::pair("short", Status::kWrongType)}) {
    const std::vector<Score> scores = plugin.score("s", {{"", how, "", "", ""}, {}});
    ASSERT_EQ(scores.size(), 2u);
    for (const Score& score : scores) EXPECT_EQ(score.status, status) << how;
  }
}

// numpy is a stand-in, which only remembers its seed.
TEST_F(PluginTest, RandomNumbersComeFromTheSeed) {
  std::filesystem::create_directories(file("numpy"));
  std::ofstream(file("numpy/__init__.py")) << R"(
class random:
    def seed(number): random.number = number
)";
  const std::string source = R"(
import random
def compute_score(data_source, solution_str, ground_truth, extra_info):
    import numpy
    return random.random() + numpy.random.number
)";
  Plugin plugin(options(source));
  const auto score = [](Plugin* p, const std::string& seed) {
    return rewards_of(p->score(seed, {{}})).at(0);
  };
  const double first = score(&plugin, "rl/0/0/0");
  EXPECT_NE(score(&plugin, "rl/0/0/1"), first);
  EXPECT_EQ(score(&plugin, "rl/0/0/0"), first);
  Plugin other(options(source));
  EXPECT_EQ(score(&other, "rl/0/0/0"), first);
}

TEST_F(PluginTest, OnlyNamedVariablesReachIt) {
  ::setenv("AMALGAM_SECRET_KEY", "s3cret", 1);
  ::setenv("AMALGAM_WANTED", "yes", 1);
  PluginOptions o = options(R"(
import os
def compute_score(data_source, solution_str, ground_truth, extra_info):
    known = {"HOME", "LANG", "PATH", "TMPDIR", "VIRTUAL_ENV", "PYTHONHASHSEED", "AMALGAM_WANTED",
             "LC_CTYPE"}  # Python's own
    assert set(os.environ) <= known, set(os.environ) - known
    assert "s3cret" not in open("/proc/self/environ").read()
    return os.environ.get("AMALGAM_WANTED") == "yes" and os.environ["PYTHONHASHSEED"] == "0"
)");
  Plugin without(o);
  EXPECT_EQ(rewards_of({ask(&without, "x")}), std::vector<double>{0});
  o.environment = {"AMALGAM_WANTED"};
  Plugin with(o);
  EXPECT_EQ(rewards_of({ask(&with, "x")}), std::vector<double>{1});
  o.environment = {"AMALGAM_NOT_SET"};
  EXPECT_THROW(Plugin{o}, Error);
}

TEST_F(PluginTest, KeywordArguments) {
  const std::string verl = R"(
def compute_score(data_source, solution_str, ground_truth, extra_info, scale=1, names=()):
    return scale * len(names)
)";
  PluginOptions o = options(verl);
  o.kwargs = R"({"scale": 0.5, "names": ["a", "b", "c"]})";
  Plugin plugin(o);
  EXPECT_EQ(ask(&plugin, "x").reward, 1.5);
  o = options("def f(completions, scale, **kwargs): return [scale] * len(completions)\n");
  o.kwargs = R"({"scale": 3})";
  o.function = "f";
  Plugin trl(o);
  EXPECT_EQ(rewards_of(trl.score("s", {{"", "", "", "", R"({"scale": 1})"}})),
            std::vector<double>{3});
  for (const char* wrong : {R"({"scalee": 1})", R"({"ground_truth": 1})"}) {
    o = options(verl);
    o.kwargs = wrong;
    EXPECT_THROW(Plugin{o}, Error) << wrong;
  }
}

// Threads that ask at once have children at once; they may end before the plug-in.
TEST_F(PluginTest, ThreadsDoNotWaitForEachOther) {
  Plugin plugin(options(R"(
import os, time
def compute_score(data_source, solution_str, ground_truth, extra_info):
    with open(extra_info, "a") as file: file.write("x")
    while os.path.getsize(extra_info) < 3: time.sleep(0.01)
    return 1
)"));
  for (int round = 0; round < 2; ++round) {
    const std::string path = "\"" + file(std::to_string(round)) + "\"";
    std::vector<Score> scores(3);
    std::vector<std::thread> threads;
    for (Score& score : scores)
      threads.emplace_back([&] { score = ask(&plugin, {"", "", "", path, ""}); });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(rewards_of(scores), std::vector<double>(3, 1));
  }
}

TEST_F(PluginTest, StopEndsACall) {
  Plugin plugin(options(R"(
import time
def compute_score(data_source, solution_str, ground_truth, extra_info):
    time.sleep(1000)
)"));
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    plugin.stop();
  });
  EXPECT_EQ(ask(&plugin, "x").status, Status::kVerifierFailed);
  stopper.join();
  EXPECT_EQ(ask(&plugin, "x").status, Status::kVerifierFailed);
}

// A hanging function that starts programs leaves neither them nor zombies behind, also where nobody
// else would reap orphans.
TEST_F(PluginTest, NothingPilesUp) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  PluginOptions o = options(R"(
import os, subprocess, time
def compute_score(data_source, solution_str, ground_truth, extra_info):
    for _ in range(2):
        if os.fork() == 0:  # an orphan of an orphan
            subprocess.Popen(["/usr/bin/sleep", "1000"])
            os._exit(0)
    if solution_str == "hang": time.sleep(1000)
    return 1
)");
  o.call_deadline_seconds = 0.3;
  Plugin plugin(o);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask(&plugin, "hang").status, Status::kTimeout);
    EXPECT_EQ(ask(&plugin, "fine").reward, 1);
  }
  EXPECT_EQ(num_zombies(), 0);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

// Its owner is killed: everything of the function goes, at once.
TEST_F(PluginTest, NothingOutlivesAKilledOwner) {
  const PluginOptions o = options(R"(
import os, subprocess
def compute_score(data_source, solution_str, ground_truth, extra_info):
    pids = [os.getpid(), os.getppid(), subprocess.Popen(["/usr/bin/sleep", "1000"]).pid]
    with open(solution_str + ".new", "w") as file: print(*pids, file=file)
    os.rename(solution_str + ".new", solution_str)
    import re; re.match("(a+)+$", "a" * 64 + "b")  # for ever, and never in Python's loop
)");
  const pid_t owner = ::fork();
  if (owner == 0) {
    Plugin plugin(o);
    ask(&plugin, file("pids"));
    ::_exit(0);
  }
  for (int i = 0; i < 2000 && !std::filesystem::exists(file("pids")); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::ifstream pids(file("pids"));
  std::vector<pid_t> all(3);
  for (pid_t& pid : all) {
    ASSERT_TRUE(pids >> pid);
    EXPECT_TRUE(is_alive(pid));
  }
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  for (const pid_t pid : all) EXPECT_TRUE(is_gone(pid)) << pid;
}

TEST_F(PluginTest, AnotherInterpreter) {
  PluginOptions o = options(R"(
import sys
def compute_score(data_source, solution_str, ground_truth, extra_info):
    return "-B" in sys.orig_argv
)");
  std::ofstream(file("python")) << "#!/bin/sh\nexec /usr/bin/python3 -B \"$@\"\n";
  std::filesystem::permissions(file("python"), std::filesystem::perms::owner_all);
  o.python = file("python");
  Plugin plugin(o);
  EXPECT_EQ(ask(&plugin, "x").reward, 1);
  EXPECT_THAT(plugin.facts().python_version, testing::StartsWith("3."));
  EXPECT_EQ(plugin.facts().python, file("python"));
  o.python = file("no_python");
  EXPECT_THROW(Plugin{o}, Error);
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
