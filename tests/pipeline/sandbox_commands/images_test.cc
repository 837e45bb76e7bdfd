// `amalgam sandbox build`, `images`, `replay` and `changes`, and `run` on an image and with a
// journal, as a user calls them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "configs/error.h"
#include "sandbox/journal/journal.h"
#include "tests/paths.h"
#include "tests/pipeline/run_program.h"

namespace amalgam::pipeline {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class SandboxImages : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/sandbox_images_" + std::to_string(getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string store() const { return " --store " + path("store") + " "; }
  std::string write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name)) << text;
    return path(name);
  }

  std::string folder_;
};

TEST_F(SandboxImages, PythonImageHoldsPythonAndNothingOfThisMachine) {
  const ProgramResult built = run_program("sandbox build" + store());
  ASSERT_EQ(built.status, 0) << built.err;
  EXPECT_THAT(built.out, MatchesRegex("[0-9a-f]{12}  1 layer  python\n"));
  const std::string secret = write("secret", "of this machine");
  const std::string script = write("script.py",
                                   "import json, os, sys\n"
                                   "print(json.dumps({'a': 1}), sys.argv[1:])\n"
                                   "print([p for p in ('/home', '/root', '/etc/shadow', '" +
                                       secret + "') if os.path.exists(p)])\n");
  const ProgramResult run =
      run_program("sandbox run --image python" + store() + script + " argument");
  EXPECT_EQ(run.err, "");
  EXPECT_EQ(run.out, "{\"a\": 1} ['argument']\n[]\n");
  EXPECT_EQ(run.status, 0);

  // A layer on top, and both in the list; the journal of a run on it finds the image by its id.
  write("more/opt/data", "from the layer\n");
  const ProgramResult more =
      run_program("sandbox build --name more --from " + path("more") + " --base python" + store());
  EXPECT_THAT(more.out, MatchesRegex("[0-9a-f]{12}  2 layers  more\n")) << more.err;
  const std::string reads = write("reads.py",
                                  "print(open('/opt/data').read())\n"
                                  "open('/opt/data', 'w').write('changed')\n");
  const std::string journal = " --journal " + path("journal") + " ";
  EXPECT_EQ(run_program("sandbox run --image more" + store() + journal + reads).out,
            "from the layer\n\n");
  const ProgramResult replay = run_program("sandbox replay" + store() + path("journal"));
  EXPECT_EQ(replay.out, "2 calls made again, 0 skipped, 0 differences\n") << replay.err;
  EXPECT_EQ(replay.status, 0);
  EXPECT_EQ(run_program("sandbox changes " + path("journal") + " opt/data").out,
            "call 1  wrote 7 bytes  opt/data  (/usr/bin/python3 reads.py)\n");

  EXPECT_EQ(run_program("sandbox images --verify" + store()).status, 0);
  std::string lines = run_program("sandbox images" + store()).out;
  EXPECT_THAT(lines, HasSubstr(built.out.substr(0, 12) + "  1 layer  python\n"));
  EXPECT_THAT(lines, HasSubstr(more.out.substr(0, 12) + "  2 layers  more\n"));
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
}

TEST_F(SandboxImages, DamageIsFound) {
  write("tree/x", "1");
  const std::string build = "sandbox build --name x --from " + path("tree") + store();
  ASSERT_EQ(run_program(build).status, 0);
  for (const auto& layer : std::filesystem::directory_iterator(path("store/layers"))) {
    std::filesystem::permissions(layer.path() / "x", std::filesystem::perms(0600));
    std::ofstream(layer.path() / "x") << "2";
  }
  const ProgramResult r = run_program("sandbox images --verify" + store());
  EXPECT_EQ(r.status, 1);
  EXPECT_THAT(r.err, HasSubstr("is damaged"));
}

TEST_F(SandboxImages, MistakesAreOneLine) {
  const std::string script = write("script.py", "");
  EXPECT_THAT(run_program("sandbox run --image absent" + store() + script).err,
              HasSubstr("has no image absent; `amalgam sandbox images` lists them"));
  EXPECT_THAT(run_program("sandbox run --substrate function --image x" + store() + script).err,
              HasSubstr("--image and --journal need --substrate container"));
  EXPECT_THAT(run_program("sandbox build --from " + folder_ + store()).err,
              HasSubstr("name the image with --name"));
  EXPECT_THAT(run_program("sandbox build --name x --from /nonexistent" + store()).err,
              HasSubstr("/nonexistent"));
  for (const char* command : {"replay", "changes"})
    EXPECT_THAT(run_program(std::string("sandbox ") + command + " " + script).err,
                HasSubstr("no sandbox journal"))
        << command;
}

class SandboxJournal : public SandboxImages {
 protected:
  std::string run_arguments(const std::string& script) const {
    return "sandbox run --journal " + path("journal") + " " + script;
  }
};

TEST_F(SandboxJournal, TheSameCommandIsAnsweredWithoutRunning) {
  const std::string script = write("script.py",
                                   "import sys, time\n"
                                   "print(time.time_ns(), sys.stdin.read())\n"
                                   "open('result.txt', 'w').write('12345')\n"
                                   "sys.exit(3)\n");
  const std::string feed = "sh -c 'echo input | exec \"$0\" \"$@\"'";
  const ProgramResult first = run_program(run_arguments(script), feed);
  EXPECT_EQ(first.status, 3) << first.err;
  EXPECT_THAT(first.out, HasSubstr(" input\n"));
  const ProgramResult again = run_program(run_arguments(script), feed);
  EXPECT_EQ(again.out, first.out);  // the time, too
  EXPECT_EQ(again.status, 3);
  EXPECT_EQ(run_program("sandbox changes " + path("journal")).out,
            "call 0  wrote " + std::to_string(std::filesystem::file_size(script)) +
                " bytes  script.py  (put script.py)\n"
                "call 1  wrote 5 bytes  result.txt  (/usr/bin/python3 script.py)\n");

  const ProgramResult replay = run_program("sandbox replay " + path("journal"));
  EXPECT_EQ(replay.status, 1);  // another time
  EXPECT_THAT(replay.out, HasSubstr("call 1 (/usr/bin/python3 script.py): stdout differs"));
  EXPECT_THAT(replay.out, HasSubstr("2 calls made again, 0 skipped, 1 differences\n"));

  // Another command is not the one that the journal holds.
  const ProgramResult other = run_program(run_arguments(script), "");
  EXPECT_EQ(other.status, 1);
  EXPECT_THAT(other.err, HasSubstr("the journal has another call here: /usr/bin/python3 script.py; "
                                   "use a new journal"));
  EXPECT_THAT(run_program(run_arguments("--timeout 5 " + script)).err,
              HasSubstr("was started with other limits"));
}

// Killed while the script runs: the same command runs it once more, from the beginning.
TEST_F(SandboxJournal, AKilledRunIsMadeAgain) {
  const std::string script = write("script.py",
                                   "import os, time\n"
                                   "print(os.path.exists('half'))\n"
                                   "open('half', 'w').close()\n"
                                   "time.sleep(1)\n"
                                   "print(time.time_ns())\n");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int fd : {0, 1, 2})
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", fd == 0 ? O_RDONLY : O_WRONLY, 0);
  std::vector<std::string> words = {tests::kBinary, "sandbox",       "run",
                                    "--journal",    path("journal"), script};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  ASSERT_EQ(posix_spawn(&child, tests::kBinary, &actions, nullptr, argv.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  const auto num_calls = [&] {
    try {
      return sandbox::read_journal(path("journal")).entries.size();
    } catch (const Error&) {  // not there yet
      return size_t{0};
    }
  };
  for (int i = 0; i < 2000 && num_calls() < 2; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_EQ(kill(child, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "was over before it was killed";
  ASSERT_EQ(num_calls(), 2u);

  const ProgramResult again = run_program(run_arguments(script));
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.out, MatchesRegex("False\n[0-9]+\n"));
  EXPECT_EQ(num_calls(), 3u);
  EXPECT_EQ(run_program(run_arguments(script)).out, again.out);
  EXPECT_EQ(num_calls(), 3u);
  EXPECT_EQ(run_program("sandbox changes " + path("journal") + " half").out,
            "call 2  wrote 0 bytes  half  (/usr/bin/python3 script.py)\n");
}

}  // namespace
}  // namespace amalgam::pipeline
