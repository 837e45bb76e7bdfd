#include "pipeline/commands/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <fstream>
#include <map>
#include <sstream>

#include "pipeline/run_store/machine.h"
#include "sandbox/sandbox.h"
#include "tests/gym_python.h"
#include "tests/paths.h"
#include "tests/pipeline/run_program.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using testing::HasSubstr;
using testing::Not;

std::map<std::string, std::string> fields(const std::string& text) {
  std::map<std::string, std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(':');
    const size_t value = line.find_first_not_of(' ', colon + 1);
    found[line.substr(0, colon)] = value == std::string::npos ? "" : line.substr(value);
  }
  return found;
}

const std::string kPreset = tests::golden("../../configs/ci.toml");

TEST(Doctor, SaysWhatTheMachineHas) {
  auto found = fields(run_program("doctor").out);
  for (const char* name : {"version", "cpu", "instruction set", "cores", "memory", "disk"}) {
    EXPECT_NE(found[name], "") << name;
  }
  EXPECT_EQ(found["cores"], std::to_string(inspect_machine().num_cores));
  EXPECT_NE(found["memory"].find(" GiB available"), std::string::npos);
}

TEST(Doctor, TriesASandbox) {
  const ProgramResult result = run_program("doctor");
  auto found = fields(result.out);
  const sandbox::Support support = sandbox::probe();
  EXPECT_EQ(found["user namespaces"], support.user_namespaces ? "yes" : "no");
  EXPECT_EQ(found["cgroups"], support.cgroups);
  std::string error;
  const bool can = sandbox::create_container({}, &error) != nullptr;
  EXPECT_EQ(result.status, can ? 0 : 1) << result.out;
  EXPECT_EQ(found["sandbox"] == "works", can) << result.out;
}

TEST(Doctor, ChecksAConfig) {
  auto found = fields(run_program("doctor '" + kPreset + "' --run-dir /tmp/not/there").out);
  EXPECT_EQ(found["config"], kPreset + " is valid");
  EXPECT_EQ(found["domains"], "math, code, dates");
  EXPECT_EQ(found["run directory"], "/tmp/not/there");
  const ProgramResult bad = run_program("doctor '" + kPreset + "' rl.stepz=3");
  EXPECT_EQ(bad.status, 1);
  EXPECT_EQ(bad.err, "amalgam: command line: rl.stepz: unknown key; did you mean rl.steps?\n");
}

TEST(Doctor, TriesAllThatAConfigNames) {
  const TempDir dir;
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(dir / name) << text;
  };
  const std::string row = R"({"prompt": "p", "reward_model": {"style": "math", "ground_truth": )";
  write("train.jsonl", row + "1}}\n" + row + "{\"one\": 1}}}\n");
  write("heldout.jsonl", row + "2}}\n" + row + "3}}\n");
  write("reward.py",
        "def compute_score(data_source, solution_str, ground_truth, extra_info):\n"
        "    return 0.5 if extra_info['num_turns'] == 1 and solution_str == '0' else 1\n");
  const std::string domain =
      "[[domain]]\nname = \"own\"\nmode = \"chat\"\ntrain_file = "
      "\"train.jsonl\"\nheldout_file = \"heldout.jsonl\"\n";
  write("built_in.toml", domain);
  write("function.toml", domain + "reward_file = \"reward.py\"\n");

  ProgramResult result = run_program("doctor " + dir / "built_in.toml");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out,
              HasSubstr("\n" + dir / "train.jsonl:2: ground truth {\"one\":1} is no number"));
  EXPECT_THAT(fields(result.out)["result"],
              HasSubstr("skip_bad_rows=true leaves the bad rows out (1)"));
  result = run_program("doctor " + dir / "built_in.toml" + " skip_bad_rows=true");
  EXPECT_THAT(result.out, HasSubstr("train.jsonl: 1 of 2 rows cannot be used and are left out"));
  EXPECT_THAT(fields(result.out)["result"], Not(HasSubstr("config")));

  result = run_program("doctor " + dir / "function.toml");
  EXPECT_THAT(fields(result.out)["reward"],
              HasSubstr("reward.py: compute_score gives 0.5 for a trial answer"));
  EXPECT_THAT(fields(result.out)["result"], Not(HasSubstr("config")));
  write("reward.py",
        "def compute_score(data_source, solution_str, ground_truth, extra_info):\n"
        "    return float('nan') if ground_truth == 1 else 1\n");
  result = run_program("doctor " + dir / "function.toml");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, HasSubstr(dir / "reward.py: compute_score does not score a trial answer: "
                                          "not_finite"));

  // Each of what is not there.
  result =
      run_program("doctor " + dir / "function.toml" + " domain.own.heldout_file=/no/rows.jsonl" +
                  " domain.own.reward_function=other model.path=/no/model");
  EXPECT_EQ(result.status, 1);
  for (const char* problem : {"\n/no/rows.jsonl: ", "\n/no/model", "reward.py: has no other"})
    EXPECT_THAT(result.out, HasSubstr(problem));

  // In TRL's form: a column that no row has, and one that some have.
  write("reward.py",
        "def a_reward(completions, colour, **columns): return [colour[0] == 'red']\n"
        "def none_reward(completions, **columns): return [None]\n");
  const std::string function = "doctor " + dir / "function.toml" + " domain.own.reward_function=";
  result = run_program(function + "a_reward");
  EXPECT_EQ(result.status, 1);
  for (const char* file : {"train.jsonl", "heldout.jsonl"})
    EXPECT_THAT(result.out, HasSubstr(dir / file +
                                      ": no row has a column \"colour\", which a "
                                      "function of " +
                                      dir / "reward.py requires"));
  for (const char* file : {"train.jsonl", "heldout.jsonl"})
    write(file, row + "1}, \"colour\": \"red\"}\n" + row + "2}, \"colour\": null}\n");
  result = run_program(function + "a_reward");
  EXPECT_THAT(result.out, Not(HasSubstr("no row has")));
  EXPECT_THAT(fields(result.out)["reward"], HasSubstr("a_reward gives 1.0 for a trial answer"));
  result = run_program(function + "'[\"none_reward\", \"a_reward\"]'");
  EXPECT_THAT(fields(result.out)["reward"],
              HasSubstr("none_reward, a_reward gives 1.0 for a trial answer"));
  result = run_program(function + "none_reward");
  EXPECT_THAT(fields(result.out)["note"],
              HasSubstr("none_reward() returned None: not for this row"));
}

TEST(Doctor, TriesAGeneratorOfReasoningGym) {
  const TempDir dir;
  const std::string python = tests::gym_python(dir / "python");
  std::ofstream(dir / "gym.toml") << "[[domain]]\nname = \"own\"\ngenerator = "
                                     "\"reasoning_gym:sums\"\n";
  ProgramResult result =
      run_program("doctor " + dir / "gym.toml" + " domain.own.reward.python=" + python);
  EXPECT_THAT(fields(result.out)["generator"], HasSubstr("reasoning_gym:sums of reasoning-gym "));
  result = run_program("doctor " + dir / "gym.toml" + " reward.python=/usr/bin/python3");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, HasSubstr("\ngenerator reasoning_gym:sums needs the Python package "
                                    "reasoning-gym, which /usr/bin/python3 does not have"));
}

TEST(Machine, CountsOnlyTheCoresThisProcessMayUse) {
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  int core = 0;
  while (!CPU_ISSET(core, &allowed)) ++core;
  auto found = fields(run_program("doctor", "taskset -c " + std::to_string(core)).out);
  EXPECT_EQ(found["cores"], "1");
}

TEST(Machine, HasPlausibleMemoryAndDisk) {
  const Machine machine = inspect_machine();
  EXPECT_GT(machine.memory_bytes, int64_t{1} << 28);
  EXPECT_GT(machine.available_bytes, 0);
  EXPECT_LE(machine.available_bytes, machine.memory_bytes);
  EXPECT_EQ(free_disk_bytes("/proc"), 0);  // a file system that holds nothing
  EXPECT_GT(free_disk_bytes(testing::TempDir() + "/not/there/yet"), 0);
}

}  // namespace
}  // namespace amalgam::pipeline
