// `amalgam sandbox run` and `bench`, and sizes on the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "pipeline/command_line/byte_size.h"
#include "tests/paths.h"
#include "tests/pipeline/run_program.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

TEST(ByteSize, Parses) {
  EXPECT_EQ(parse_byte_size("65536", "x"), 65536);
  EXPECT_EQ(parse_byte_size("64K", "x"), 64 << 10);
  EXPECT_EQ(parse_byte_size("64m", "x"), 64 << 20);
  EXPECT_EQ(parse_byte_size("3MB", "x"), 3 << 20);
  EXPECT_EQ(parse_byte_size("2GiB", "x"), int64_t{2} << 30);
  EXPECT_EQ(parse_byte_size("7B", "x"), 7);
  for (const char* bad : {"", "M", "0", "-1", "1.5M", "64T", "64MM", "64 M", "x", "1KBB", "64iB",
                          "9223372036854775807K", "99999999999999999999"})
    EXPECT_THROW(parse_byte_size(bad, "x"), Error) << bad;
}

class SandboxRun : public ::testing::Test {
 protected:
  // Runs a script with these options.
  ProgramResult run(const std::string& options, const std::string& code,
                    const std::string& input = "/dev/null", const std::string& suffix = ".py") {
    const std::string file = testing::TempDir() + "/script_" + std::to_string(getpid()) + suffix;
    std::ofstream(file) << code;
    const ProgramResult result = run_program("sandbox run " + options + " " + file,
                                             "sh -c 'exec \"$0\" \"$@\" <" + input + "'");
    std::remove(file.c_str());
    return result;
  }
  json run_json(const std::string& options, const std::string& code) {
    const ProgramResult result = run("--json " + options, code);
    EXPECT_EQ(result.err, "");
    EXPECT_EQ(result.status, 0);
    return json::parse(result.out, nullptr, /*allow_exceptions=*/false);
  }
};

TEST_F(SandboxRun, PassesStreamsAndExitStatusOn) {
  const ProgramResult r =
      run("", "import sys\nprint('out')\nprint('err', file=sys.stderr)\nexit(3)");
  EXPECT_EQ(r.status, 3);
  EXPECT_EQ(r.out, "out\n");
  EXPECT_EQ(r.err, "err\n");
  EXPECT_EQ(run("", "import os; os.kill(os.getpid(), 11)").status, 128 + 11);
  EXPECT_EQ(run("", "echo \"$0\" | sed 's/_[0-9]*//'", "/dev/null", ".sh").out, "script.sh\n");
}

TEST_F(SandboxRun, PassesStdinOn) {
  const std::string input = testing::TempDir() + "/input_" + std::to_string(getpid());
  std::ofstream(input) << std::string(300'000, 'x') << "\nlast\n";
  for (const char* substrate : {"container", "function"}) {
    const ProgramResult r =
        run(std::string("--substrate ") + substrate,
            "import sys\ntext = sys.stdin.read()\nprint(len(text), text[-5:])", input);
    EXPECT_EQ(r.out, "300006 last\n\n") << r.err;
  }
  std::remove(input.c_str());
}

TEST_F(SandboxRun, InAVirtualMachine) {
  if (run_program("doctor").out.find("virtual machines: no") != std::string::npos)
    GTEST_SKIP() << "needs QEMU and a guest kernel";
  const std::filesystem::path store =
      std::filesystem::path(tests::kBinary).parent_path() / "test_images";
  const ProgramResult r =
      run("--substrate microvm --timeout 200 --store " + store.string(),
          "import os\nprint(input(), os.uname().nodename)\nexit(3)", "/etc/hostname");
  EXPECT_EQ(r.status, 3) << r.err;
  EXPECT_THAT(r.out, HasSubstr(" sandbox\n")) << r.err;
}

TEST_F(SandboxRun, ArgumentsFollowTheFile) {
  const std::string file = testing::TempDir() + "/arguments.py";
  std::ofstream(file) << "import sys; print(sys.argv)";
  EXPECT_EQ(run_program("sandbox run " + file + " a 'b c'").out, "['arguments.py', 'a', 'b c']\n");
  std::remove(file.c_str());
}

TEST_F(SandboxRun, JsonHoldsTheOutcome) {
  const json ok = run_json("", "print('out'); import sys; sys.stderr.write('err')");
  EXPECT_EQ(ok["outcome"], "ok");
  EXPECT_EQ(ok["exit_code"], 0);
  EXPECT_EQ(ok["stdout"], "out\n");
  EXPECT_EQ(ok["stderr"], "err");
  EXPECT_GT(ok["wall_ms"].get<double>(), 0);
  EXPECT_GT(ok["peak_memory_bytes"].get<int64_t>(), 1 << 20);
  EXPECT_EQ(run_json("", "exit(3)")["exit_code"], 3);
  EXPECT_EQ(run_json("--cpu 0.3", "while True: pass")["outcome"], "timeout");
  EXPECT_EQ(run_json("--timeout 0.5", "import time; time.sleep(60)")["outcome"], "timeout");
  EXPECT_EQ(run_json("--output 1K", "print('x' * 2000)")["outcome"], "output_limit");
  EXPECT_EQ(run_json("--output 1K", "print('x' * 2000)")["stdout"].get<std::string>().size(),
            1024u);
  EXPECT_EQ(
      run_json("--disk 1M",
               "open('f','wb').write(bytes(1<<20)); open('g','wb').write(bytes(9999))")["outcome"],
      "disk_limit");
  EXPECT_EQ(run_json("--pids 4",
                     "import os, time\nfor i in range(9): os.fork() or time.sleep(9)")["outcome"],
            "process_limit");
  EXPECT_EQ(run_json("", "import os; os.write(1, b'\\xff\\xfe')")["stdout"], "\uFFFD\uFFFD");
}

TEST_F(SandboxRun, BadOptionsAreOneLine) {
  EXPECT_EQ(run("--memory lots", "").err,
            "amalgam: sandbox run: --memory: 'lots' is not a size; write for example 65536, 64K, "
            "64M or 2G\n");
  EXPECT_THAT(run("--substrate containr", "").err, HasSubstr("did you mean container?"));
  EXPECT_THAT(run("--memory 512K", "").err, HasSubstr("--memory must be at least 1M"));
  EXPECT_THAT(run("--timeout 0", "").err, HasSubstr("--timeout must be positive"));
  EXPECT_THAT(run_program("sandbox run /nonexistent.py").err, HasSubstr("/nonexistent.py"));
  EXPECT_EQ(run_program("sandbox rum").err,
            "amalgam: unknown command 'sandbox rum'; did you mean sandbox run?\n");
  EXPECT_THAT(run_program("sandbox").err, HasSubstr("see `amalgam sandbox --help`"));
  EXPECT_THAT(run_program("sandbox run --jsn x.py").err,
              HasSubstr("sandbox run: unknown argument --jsn; did you mean --json?"));
}

TEST(SandboxHelp, FamiliesAndTheirCommandsHaveExamples) {
  for (const char* name : {"sandbox", "sandbox run", "sandbox bench", "sandbox build",
                           "sandbox images", "sandbox replay", "sandbox changes", "sandbox serve",
                           "sandbox shell", "sandbox ps", "sandbox rm", "sandbox logs"}) {
    const ProgramResult help = run_program(std::string(name) + " --help");
    EXPECT_EQ(help.status, 0) << name;
    EXPECT_THAT(help.out, HasSubstr("\nExamples:\n  amalgam sandbox ")) << name;
  }
}

TEST(SandboxBench, PrintsItsFigures) {
  const ProgramResult r = run_program("sandbox bench --json --runs 3 --idle 3");
  ASSERT_EQ(r.status, 0) << r.err;
  const json figures = json::parse(r.out);
  for (const char* name : {"container_true_ms", "container_python_ms", "function_call_ms"}) {
    EXPECT_GT(figures[name]["p50"].get<double>(), 0) << name;
    EXPECT_GE(figures[name]["p99"].get<double>(), figures[name]["p50"].get<double>()) << name;
  }
  EXPECT_GT(figures["container_runs_per_s"].get<double>(), 0);
  // Shares of memory and what is left of it: other programs, the other tests too, move both.
  for (const char* name : {"idle_sandbox_bytes", "idle_machine_bytes"})
    EXPECT_TRUE(figures[name].is_number()) << name;
  for (const char* name : {"bubblewrap_true_ms", "bubblewrap_python_ms"}) {
    ASSERT_TRUE(figures.contains(name));
    EXPECT_EQ(figures[name].is_null(), access("/usr/bin/bwrap", X_OK) != 0) << name;
  }
}

}  // namespace
}  // namespace amalgam::pipeline
