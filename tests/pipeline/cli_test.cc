#include "pipeline/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "configs/load.h"
#include "configs/version.h"
#include "tests/pipeline/run_program.h"

namespace amalgam::pipeline {
namespace {

// Every failure is one line on stderr, exit status 1, nothing on stdout.
void expect_error(const std::string& arguments, const std::string& line) {
  const ProgramResult result = run_program(arguments);
  EXPECT_EQ(result.status, 1) << arguments;
  EXPECT_EQ(result.err, "amalgam: " + line + "\n");
  EXPECT_EQ(result.out, "");
}

TEST(Cli, ErrorsAreOneLineThatSaysWhatToDo) {
  expect_error("", "no command given; see `amalgam --help`");
  expect_error("docter", "unknown command 'docter'; did you mean doctor?");
  expect_error("xyzzyxyzzy", "unknown command 'xyzzyxyzzy'; see `amalgam --help`");
  expect_error("doctor --run-dri x", "doctor: unknown argument --run-dri; did you mean --run-dir?");
  expect_error("doctor --run-dir",
               "doctor: --run-dir: 1 required TEXT missing; see `amalgam doctor --help`");
  expect_error("--nonsense", "unknown argument --nonsense; see `amalgam --help`");
  expect_error("doctor /nonexistent.toml",
               "/nonexistent.toml: cannot read it; give the path of a config file, for example "
               "configs/quickstart.toml");
}

TEST(Cli, VersionIsTheProjects) {
  const ProgramResult result = run_program("--version");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, std::string("amalgam ") + kVersionAndCommit + "\n");
  EXPECT_THAT(result.out,
              testing::MatchesRegex("amalgam [0-9]+\\.[0-9]+\\.[0-9]+( \\([0-9a-f]+\\))?\n"));
  EXPECT_EQ(result.err, "");
}

TEST(Cli, HelpListsCommandsAndEachCommandHasExamples) {
  const ProgramResult all = run_program("--help");
  EXPECT_EQ(all.status, 0);
  const size_t commands = all.out.find("\nSubcommands:\n");
  ASSERT_NE(commands, std::string::npos);
  std::istringstream lines(all.out.substr(commands + 14));
  int num_commands = 0;
  for (std::string line; std::getline(lines, line) && line.rfind("  ", 0) == 0; ++num_commands) {
    const std::string name = line.substr(2, line.find(' ', 2) - 2);
    const ProgramResult help = run_program(name + " --help");
    EXPECT_EQ(help.status, 0) << name;
    const size_t examples = help.out.find("\nExamples:\n");
    ASSERT_NE(examples, std::string::npos) << help.out;
    const size_t example = help.out.find("\n  amalgam ", examples);
    ASSERT_NE(example, std::string::npos) << help.out;
    EXPECT_NE(help.out.find(name, example), std::string::npos) << help.out;  // worker: --workers
  }
  EXPECT_GE(num_commands, 1);
}

TEST(Cli, PrintsTheConfigReference) {
  std::ostringstream out;
  const char* const argv[] = {"amalgam", "--config-reference"};
  EXPECT_EQ(run_cli(2, argv, out), 0);
  EXPECT_EQ(out.str(), configs::config_reference());
}

}  // namespace
}  // namespace amalgam::pipeline
