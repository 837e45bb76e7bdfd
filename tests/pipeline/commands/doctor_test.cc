#include "pipeline/commands/doctor.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <map>
#include <sstream>

#include "pipeline/run_store/machine.h"
#include "sandbox/sandbox.h"
#include "tests/paths.h"
#include "tests/pipeline/run_program.h"

namespace amalgam::pipeline {
namespace {

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
