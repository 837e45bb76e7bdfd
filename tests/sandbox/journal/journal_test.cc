// Sessions with a journal: what survives which death.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <sstream>

#include "sandbox/journal/journaled_sandbox.h"
#include "sandbox/journal/replay.h"
#include "tests/sandbox/images/image_fixture.h"
#include "tests/sandbox/processes.h"

namespace amalgam::sandbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::unique_ptr<Sandbox> session(const std::string& path, const Image& image = {},
                                 const Limits& limits = {}) {
  return open_journaled(path, limits, image);
}

// A line that no second run prints again.
constexpr const char* kNow = "date +%s.%N";

class Journaled : public ImageTest {
 protected:
  std::string path() const { return own_ / "journal"; }
  TempDir own_;
};

TEST_F(Journaled, IsAnsweredWithoutRunningAgain) {
  std::string before, text = "?";
  {
    const auto sandbox = session(path());
    before = sh(*sandbox, kNow);
    EXPECT_EQ(sandbox->put_file("in", "12\n").outcome, Outcome::kOk);
    EXPECT_EQ(shell(*sandbox, "cat in; exit 3").exit_code, 3);
    EXPECT_EQ(sandbox->get_file("in", &text).outcome, Outcome::kOk);
    EXPECT_EQ(sandbox->get_file("absent", &text).exit_code, 1);
  }
  kill_launcher();
  const auto again = session(path());
  const auto size = std::filesystem::file_size(path());
  EXPECT_EQ(sh(*again, kNow), before);
  EXPECT_EQ(again->put_file("in", "12\n").outcome, Outcome::kOk);
  const Result cat = shell(*again, "cat in; exit 3");
  EXPECT_EQ(cat.exit_code, 3);
  EXPECT_EQ(cat.out, "12\n");
  EXPECT_EQ(again->get_file("in", &text).outcome, Outcome::kOk);
  EXPECT_EQ(text, "12\n");
  EXPECT_EQ(again->get_file("absent", &text).exit_code, 1);
  EXPECT_EQ(text, "");
  EXPECT_EQ(std::filesystem::file_size(path()), size);  // what runs is written down
  // The next call is a new one, in the state that the others left.
  EXPECT_NE(sh(*again, kNow), before);
  EXPECT_EQ(sh(*again, "cat in"), "12\n");
}

// The state is put back from the journal: everything that a file tree can hold, with and without an
// image.
TEST_F(Journaled, GoesOnInTheSameState) {
  const std::string scripts[] = {
      "mkdir -p a/b; echo 1 > a/b/x; ln -s b/x a/link; mkfifo a/pipe; echo gone > gone",
      "rm gone; printf '#!/bin/sh\\necho ran' > tool; chmod 555 tool; chmod 500 a/b; echo 2 > 'a "
      "b'",
      "rm -r a/link; mkdir a/link; echo in > a/link/in; mkdir empty; mkdir shut; echo s > shut/s; "
      "chmod 0 shut",
      "truncate -s 20000 hole; echo tail >> hole"};
  const std::string look =
      "chmod 700 shut; ls -lAR --time-style=+ . | while read line; do case $line in total*) ;; "
      "*) echo \"$line\";; esac; done; cat a/b/x a/link/in hole shut/s; ./tool";
  for (const Image& image : {Image{}, *base_}) {
    const std::string journal = path() + image.id;
    std::string expected;
    {
      const auto uninterrupted = session(journal + "-", image);
      for (const std::string& script : scripts) EXPECT_EQ(sh(*uninterrupted, script), "");
      expected = sh(*uninterrupted, look);
      EXPECT_THAT(expected, HasSubstr("\nran"));
    }
    for (size_t done = 0; done <= std::size(scripts); ++done) {  // one call more in each life
      const auto sandbox = session(journal, image);
      for (size_t i = 0; i < done; ++i) EXPECT_EQ(sh(*sandbox, scripts[i]), "") << scripts[i];
    }
    const auto sandbox = session(journal, image);
    for (const std::string& script : scripts) sh(*sandbox, script);
    EXPECT_EQ(sh(*sandbox, look), expected);
  }
}

TEST_F(Journaled, ImagesChangedFilesArePutBack) {
  const std::string change =
      "echo more >> /data/lower; rm -r /data/folder; mkdir /data/folder; echo n > /data/folder/n";
  const std::string again = "rm -r /data/folder; mkdir /data/folder; echo n > /data/folder/n";
  const std::string look = "cat /data/lower; ls /data /data/folder";
  {
    const auto sandbox = session(path(), *base_);
    EXPECT_EQ(sh(*sandbox, change), "");
    EXPECT_EQ(sh(*sandbox, again), "");
  }
  const auto sandbox = session(path(), *base_);
  sh(*sandbox, change);
  sh(*sandbox, again);
  EXPECT_EQ(sh(*sandbox, look),
            "from the image\nmore\n/data:\nfolder\nlower\n\n/data/folder:\nn\n");
}

TEST_F(Journaled, AnInterruptedCallIsSaidSoAndHasNoEffect) {
  {
    const auto sandbox = session(path());
    EXPECT_EQ(sh(*sandbox, "echo 1 >> log"), "");
  }
  Journal(path(), {}, {}).begin(to_proto(Command{{"/bin/sh", "-c", "echo 2 >> log"}}));
  const auto sandbox = session(path());
  EXPECT_EQ(sh(*sandbox, "echo 1 >> log"), "");
  const Result interrupted = shell(*sandbox, "echo 2 >> log");
  EXPECT_EQ(interrupted.outcome, Outcome::kSandboxFailed);
  EXPECT_THAT(interrupted.detail, HasSubstr("interrupted"));
  EXPECT_EQ(sh(*sandbox, "echo 2 >> log"), "");
  EXPECT_EQ(sh(*sandbox, "cat log"), "1\n2\n");
}

// An owner that retries until it has a result: from the second time on it is told results only.
TEST_F(Journaled, FailedCallsCanBeSkipped) {
  const auto begin = [&](const char* script) {
    Journal(path(), {}, {}).begin(to_proto(Command{{"/bin/sh", "-c", script}}));
  };
  begin("echo 1 >> log");
  begin("echo 1 >> log");
  sh(*open_journaled(path(), {}, {}, FailedCalls::kSkip), "echo 1 >> log");
  begin("cat log");
  for (int time = 0; time < 2; ++time) {
    const auto sandbox = open_journaled(path(), {}, {}, FailedCalls::kSkip);
    EXPECT_EQ(sh(*sandbox, "echo 1 >> log"), "");
    EXPECT_EQ(sh(*sandbox, "cat log"), "1\n");
    EXPECT_EQ(read_journal(path()).entries.size(), 5u);
  }
  EXPECT_EQ(shell(*session(path()), "echo 1 >> log").outcome, Outcome::kSandboxFailed);
}

TEST_F(Journaled, ADeadSandboxIsReplaced) {
  const auto sandbox = session(path());
  EXPECT_EQ(sh(*sandbox, "echo 1 > x"), "");
  kill_launcher();
  EXPECT_EQ(shell(*sandbox, "echo 2 > x").outcome, Outcome::kSandboxFailed);
  EXPECT_EQ(sh(*sandbox, "cat x"), "1\n");
  kill_launcher();
  std::string content;
  EXPECT_EQ(sandbox->get_file("x", &content).outcome, Outcome::kSandboxFailed);
  EXPECT_EQ(sandbox->get_file("x", &content).outcome, Outcome::kOk);
  EXPECT_EQ(content, "1\n");
}

TEST_F(Journaled, OtherCallsAndSettingsAreRefused) {
  {
    const auto sandbox = session(path());
    EXPECT_EQ(sh(*sandbox, "echo 1"), "1\n");
    EXPECT_THAT(error_of([&] { session(path()); }), HasSubstr("in use"));
  }
  const Result other = shell(*session(path()), "echo 2");
  EXPECT_EQ(other.outcome, Outcome::kSandboxFailed);
  EXPECT_THAT(other.detail, HasSubstr("another call here: /bin/sh -c echo 1"));
  EXPECT_THAT(error_of([&] { session(path(), *base_); }), HasSubstr("another image"));
  EXPECT_THAT(error_of([&] { session(path(), {}, {.cpu_seconds = 3}); }),
              HasSubstr("other limits"));
  write_text(own_ / "text", "not a journal, but long enough to have a header");
  EXPECT_NE(error_of([&] { session(own_ / "text"); }), "");
  EXPECT_NE(error_of([&] { read_journal(own_ / "absent"); }), "");
  proto::JournalRecord later;
  later.mutable_header()->set_version(2);
  const auto keep = [](int64_t, std::string_view) { return true; };
  proto::RecordFile(own_ / "later", keep).append({later.SerializeAsString()});
  EXPECT_THAT(error_of([&] { session(own_ / "later"); }), HasSubstr("journal of this version"));
  EXPECT_THAT(error_of([&] { read_journal(own_ / "later"); }), HasSubstr("of this version"));
  // A record of nothing is not taken for a result: that would be one of exit code 0.
  session(own_ / "empty");
  proto::JournalRecord call;
  call.mutable_call()->set_get_file("x");
  proto::RecordFile(own_ / "empty", keep).append({call.SerializeAsString()});
  proto::RecordFile(own_ / "empty", keep).append({std::string()});
  EXPECT_THAT(error_of([&] { session(own_ / "empty"); }), HasSubstr("no sandbox journal"));
}

TEST_F(Journaled, DamageIsAnErrorAndATornTailIsCut) {
  sh(*session(path()), "echo 1");
  const std::string whole = read_all(path());
  for (size_t cut = 1; cut < whole.size(); cut += 7) {
    write_text(path(), whole.substr(0, cut));
    EXPECT_EQ(error_of([&] { session(path()); }), "") << cut;
  }
  std::string damaged = whole;
  damaged[20] = static_cast<char>(damaged[20] + 1);
  write_text(path(), damaged);
  EXPECT_THAT(error_of([&] { session(path()); }), HasSubstr("damaged at byte 0"));
}

TEST_F(Journaled, AResultThatTheDiskDoesNotTakeIsNotGiven) {
  const auto sandbox = session(path());
  EXPECT_EQ(sh(*sandbox, "echo 1 >> log"), "");
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_IGN);
  // Room for the call, not for the result.
  const rlimit small{static_cast<rlim_t>(read_all(path()).size() + 80), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Result failed = shell(*sandbox, "echo 2 >> log");
  EXPECT_EQ(shell(*sandbox, "echo 2 >> log").outcome, Outcome::kSandboxFailed);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_DFL);
  EXPECT_EQ(failed.outcome, Outcome::kSandboxFailed);
  EXPECT_THAT(failed.detail, HasSubstr("cannot write"));
  EXPECT_EQ(sh(*sandbox, "cat log"), "1\n");
}

// A client that makes its calls in order, again and again until each is acknowledged. Run in a
// process of its own, which the test below kills.
constexpr int kNumCalls = 12;
TEST(JournalClient, DISABLED_Works) {
  const auto sandbox = open_journaled("/dev/fd/3/journal", {}, {});
  std::string log;
  for (int i = 0; i < kNumCalls; ++i) {
    const std::string n = std::to_string(i);
    Result result;
    do {
      result = shell(*sandbox, "echo " + n + " >> log; cat log; " + kNow);
    } while (result.outcome == Outcome::kSandboxFailed);
    log += result.out;
  }
  std::ofstream("/dev/fd/3/almost") << log;
  std::filesystem::rename("/dev/fd/3/almost", "/dev/fd/3/done");
}

TEST(Journal, AClientThatIsKilledAgainAndAgainRunsEveryCommandOnce) {
  const TempDir folder;
  std::mt19937 random(7);
  int num_kills = 0;
  for (int life = 0; life < 60 && !std::filesystem::exists(folder / "done"); ++life) {
    const int directory = open(folder.path().c_str(), O_RDONLY | O_DIRECTORY);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, directory, 3);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    std::string name = "test_sandbox", disabled = "--gtest_also_run_disabled_tests",
                filter = "--gtest_filter=JournalClient.DISABLED_Works";
    char* argv[] = {name.data(), disabled.data(), filter.data(), nullptr};
    char* environment[] = {nullptr};
    pid_t client = 0;
    ASSERT_EQ(posix_spawn(&client, "/proc/self/exe", &actions, nullptr, argv, environment), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(directory);
    // Later and later, so that it gets to its end on a slow machine as well.
    usleep(1000 * (20 + static_cast<unsigned>(life * life) + random() % 100));
    kill(client, SIGKILL);
    int status = 0;
    waitpid(client, &status, 0);
    num_kills += WIFSIGNALED(status) ? 1 : 0;
  }
  ASSERT_TRUE(std::filesystem::exists(folder / "done"));
  EXPECT_GE(num_kills, 1);
  // What the client was told: in every life the same, each number once and in order.
  std::istringstream told(read_all(folder / "done"));
  const JournalContent journal = read_journal(folder / "journal");
  std::string log;
  int num_acknowledged = 0;
  for (const JournalEntry& entry : journal.entries) {
    if (static_cast<Outcome>(entry.result.outcome()) == Outcome::kSandboxFailed) continue;
    log += std::to_string(num_acknowledged++) + "\n";
    EXPECT_TRUE(entry.result.out().starts_with(log)) << entry.result.out();
    std::string part(entry.result.out().size(), '\0');
    told.read(part.data(), static_cast<std::streamsize>(part.size()));
    EXPECT_EQ(part, entry.result.out());
  }
  EXPECT_EQ(num_acknowledged, kNumCalls);
  EXPECT_EQ(told.peek(), EOF);
}

TEST_F(Journaled, ReplayComparesEverything) {
  {
    const auto sandbox = session(path(), *base_);
    sh(*sandbox, "echo 1 > x; rm /data/lower; mkdir d");
    sandbox->put_file("in", "12\n");
    shell(*sandbox, "cat in; echo bad >&2; exit 3");
    std::string text;
    sandbox->get_file("in", &text);
  }
  JournalContent content = read_journal(path());
  content.image.store = store_->folder();
  const Replay same = replay(content);
  EXPECT_EQ(same.num_calls, 4u);
  EXPECT_THAT(same.differences, IsEmpty());

  content.entries[1].call.mutable_put_file()->set_content("13\n");
  content.entries[2].result.set_exit_code(4);
  content.entries[2].result.set_err("good\n");
  content.entries[3].result.set_outcome(static_cast<int>(Outcome::kTimeout));
  std::vector<std::string> found;
  for (const auto& difference : replay(content).differences)
    found.push_back(std::to_string(difference.call) + " " + difference.what);
  EXPECT_THAT(found,
              ElementsAre("1 file work/in came out differently", "2 exit code 4 became 3",
                          "2 stdout differs at byte 1: \"2\\x0a\" became \"3\\x0a\"",
                          "2 stderr differs at byte 0: \"good\\x0a\" became \"bad\\x0a\"",
                          "3 outcome timeout became ok",
                          "3 the file read differs at byte 1: \"2\\x0a\" became \"3\\x0a\""));
}

TEST_F(Journaled, ProvenanceNamesTheCallOfEveryChange) {
  {
    const auto sandbox = session(path(), *base_);
    sh(*sandbox, "echo 1 > x; echo 1 > y");
    sh(*sandbox, "cat x");
    sh(*sandbox, "echo 2 > x; rm y");
    sh(*sandbox, "rm /data/lower");
  }
  const JournalContent content = read_journal(path());
  const auto lines = [&](const std::string& of) {
    std::vector<std::string> all;
    for (const FileOrigin& origin : provenance(content, of))
      all.push_back(std::to_string(origin.call) + (origin.mode ? " set " : " removed ") +
                    origin.path);
    return all;
  };
  EXPECT_THAT(lines(""), ElementsAre("0 set work/x", "0 set work/y", "2 removed work/y",
                                     "2 set work/x", "3 removed data/lower", "3 set data"));
  EXPECT_THAT(lines("work/x"), ElementsAre("0 set work/x", "2 set work/x"));
  EXPECT_THAT(lines("data"), ElementsAre("3 removed data/lower", "3 set data"));
}

TEST_F(Journaled, EveryUseLeavesAnAccessTime) {
  for (const Image& image : {Image{}, *base_}) {
    const auto sandbox = session(path() + image.id, image);
    sandbox->put_file("x", "1");
    EXPECT_EQ(sh(*sandbox,
                 "for i in 1 2; do before=$(stat -c %x x); sleep 0.05; cat x; "
                 "[ \"$before\" = \"$(stat -c %x x)\" ] && echo none; done; true"),
              "11");
  }
}

// Same size, and times set back: a write, one through a memory map, one through another name. Files
// that no call touches are not read again, so each is let settle before.
TEST_F(Journaled, NoRewriteIsHidden) {
  const std::string rewrites[] = {
      "import os\ns = os.stat(P)\nwith open(P, 'r+b') as f: f.write(b'writes')\n"
      "os.utime(P, ns=(s.st_atime_ns, s.st_mtime_ns))\n",
      "import os, mmap\ns = os.stat(P)\nf = os.open(P, os.O_RDWR)\n"
      "m = mmap.mmap(f, 0)\nm[:] = b'mapped'\n",
      "import mmap, os\nf = open(P, 'r+b')\nm = mmap.mmap(f.fileno(), 0)\nf.close()\n"
      "m[:] = b'closed'\nos.utime(P, ns=(1, 1))\n",
      "import os\nos.rename(P, P + '2')\nos.link(P + '2', 'l')\n"
      "with open('l', 'r+b') as f: f.write(b'linked')\nos.rename(P + '2', P)\nos.unlink('l')\n"};
  for (const Image& image : {Image{}, *base_}) {
    const std::string journal = path() + image.id;
    // The image has no Python; its files are the sandbox's own all the same.
    const auto run = [&](Sandbox& sandbox, const std::string& code) {
      if (image.layers.empty()) {
        const Result r = python(sandbox, "P = 'x'\n" + code);
        EXPECT_EQ(r.exit_code, 0) << r.err;
      } else {
        EXPECT_EQ(sh(sandbox, code), "");
      }
    };
    std::vector<std::string> codes(std::begin(rewrites), std::end(rewrites));
    if (!image.layers.empty())
      codes = {"touch -r x t; printf writes | dd of=x conv=notrunc status=none; touch -r t x",
               "cp -p x y; printf copied > y; touch -r x y; mv y x"};
    std::vector<size_t> expected = {0};
    {
      const auto sandbox = session(journal, image);
      sandbox->put_file("x", "before");
      sandbox->put_file("untouched", "before");
      size_t num_calls = 2;
      for (const std::string& code : codes) {
        usleep(30'000);
        EXPECT_EQ(shell(*sandbox, ":").outcome, Outcome::kOk);  // finds all settled
        usleep(30'000);
        run(*sandbox, code);
        num_calls += image.layers.empty() ? 3 : 2;
        expected.push_back(num_calls - 1);
      }
    }
    const std::string top = image.layers.empty() ? "" : "work/";
    std::vector<size_t> calls;
    for (const FileOrigin& origin : provenance(read_journal(journal), top + "x"))
      calls.push_back(origin.call);
    EXPECT_EQ(calls, expected);
    EXPECT_EQ(provenance(read_journal(journal), top + "untouched").size(), 1u);
  }
}

// A large session does not stay in memory.
TEST_F(Journaled, ContentsAreReadWhenTheyArePutBack) {
  {
    const auto sandbox = session(path());
    EXPECT_EQ(sh(*sandbox, "printf %0100000d 7 > x; rm -f y"), "");
  }
  EXPECT_EQ(read_journal(path()).entries[0].result.changes_size(), 1);
  EXPECT_EQ(Journal(path(), {}, {}).entries()[0].result.changes_size(), 0);
}

// Commands on an image may put anything in the place of the directory.
TEST_F(Journaled, ALinkInThePlaceOfTheDirectoryIsNotFollowed) {
  const auto sandbox = session(path(), *base_);
  EXPECT_EQ(sh(*sandbox, "cd /; rmdir work; ln -s /data work"), "");
  std::string content;
  EXPECT_EQ(sandbox->get_file("lower", &content).outcome, Outcome::kExit);
  EXPECT_EQ(content, "");
  EXPECT_EQ(sandbox->put_file("lower", "written through the link").outcome, Outcome::kExit);
  EXPECT_EQ(sh(*sandbox, "cat /data/lower"), "from the image\n");
}

TEST_F(Journaled, AFileWithTwoNamesIsOne) {
  {
    const auto sandbox = session(path());
    sandbox->put_file("a/b/x", "1");
    EXPECT_EQ(sh(*sandbox, "ln a/b/x y"), "");
    EXPECT_EQ(sandbox->put_file("y", "2").outcome, Outcome::kOk);
    EXPECT_EQ(sandbox->put_file("../z", "2").outcome, Outcome::kDenied);
    sandbox->put_file("a/c", "3");
  }
  std::vector<std::string> found;
  for (const FileOrigin& origin : provenance(read_journal(path()), ""))
    found.push_back(std::to_string(origin.call) + " " + origin.path);
  EXPECT_THAT(found, ElementsAre("0 a", "0 a/b", "0 a/b/x", "1 y", "2 a/b/x", "2 y", "4 a/c"));
}

TEST_F(Journaled, HolesCannotFillTheJournal) {
  const auto sandbox = session(path(), {}, {.disk_bytes = 1 << 20});
  EXPECT_EQ(sh(*sandbox, "echo 1 > x"), "");
  EXPECT_EQ(shell(*sandbox, "for i in 1 2 3 4; do truncate -s 1000000 $i; done").outcome,
            Outcome::kDiskLimit);
  EXPECT_EQ(sh(*sandbox, "ls"), "x\n");
  EXPECT_LT(std::filesystem::file_size(path()), 10'000u);
  const Replay again = replay(read_journal(path()));
  EXPECT_EQ(again.num_calls, 3u);
  for (const auto& difference : again.differences) ADD_FAILURE() << difference.what;
}

// It says so, leaves nothing, and the session goes on, in every life alike.
TEST_F(Journaled, ACallThatDoesNotFitTheJournalIsUndone) {
  const Limits limits{.journal_bytes = 1 << 20};
  const auto life = [&] {
    const auto sandbox = session(path(), {}, limits);
    EXPECT_EQ(sh(*sandbox, "head -c 700K /dev/zero > a; echo 1 > n"), "");
    const Result full = shell(*sandbox, "head -c 700K /dev/zero > b; echo 2 > n; echo said");
    EXPECT_EQ(full.outcome, Outcome::kDiskLimit);
    EXPECT_EQ(full.out, "");
    EXPECT_THAT(full.detail, HasSubstr("more than 1 MiB"));
    EXPECT_EQ(sh(*sandbox, "ls; cat n"), "a\nn\n1\n");
    EXPECT_EQ(sandbox->put_file("c", std::string(200'000, 'x')).outcome, Outcome::kDiskLimit);
    EXPECT_EQ(sh(*sandbox, "echo 3 > n; ls"), "a\nn\n");
  };
  life();
  const auto size = std::filesystem::file_size(path());
  EXPECT_LT(size, (1u << 20) + 10'000u);
  life();
  EXPECT_EQ(std::filesystem::file_size(path()), size);  // nothing ran again
  const JournalContent content = read_journal(path());
  EXPECT_EQ(content.entries.size(), 5u);
  EXPECT_EQ(content.limits, limits);
  const Replay again = replay(content);
  for (const auto& difference : again.differences) ADD_FAILURE() << difference.what;
}

// Or a kill or a broken sandbox would decide what fits.
TEST_F(Journaled, CallsThatFailedOrWereInterruptedTakeNoRoom) {
  const Limits limits{.journal_bytes = 1 << 20};
  Command large{{"/bin/true"}};
  large.stdin_text = std::string(900'000, 'x');
  {
    Journal journal(path(), limits, {});
    journal.begin(to_proto(large));
    journal.end(to_proto(sandbox_failure("broke")));
    journal.begin(to_proto(large));
  }
  const auto sandbox = open_journaled(path(), limits, {}, FailedCalls::kSkip);
  EXPECT_EQ(sandbox->exec(large).outcome, Outcome::kOk);
  EXPECT_EQ(sandbox->exec(large).outcome, Outcome::kDiskLimit);
}

// What a call may leave can always be put back, or the session would end with the next crash.
TEST_F(Journaled, WhatIsTakenFitsANewSandbox) {
  const std::vector<std::string> scripts = {
      "truncate -s 700K a; truncate -s 700K b",
      "head -c 600K /dev/zero > a; ln a b",
      "for i in $(seq 260); do truncate -s 1 f$i; done",
      "n=$(printf %200s | tr ' ' x); for i in $(seq 25); do mkdir $n; cd $n; done; echo 1 > x",
      "head -c 1M /dev/zero > a",
  };
  for (const std::string& script : scripts) {
    const std::string journal = path() + std::to_string(script.size());
    Outcome outcome;
    {
      const auto sandbox = session(journal, {}, {.disk_bytes = 1 << 20});
      outcome = shell(*sandbox, script).outcome;
    }
    const auto sandbox = session(journal, {}, {.disk_bytes = 1 << 20});
    EXPECT_EQ(shell(*sandbox, script).outcome, outcome) << script;
    EXPECT_EQ(shell(*sandbox, "true").outcome, Outcome::kOk) << script;
    EXPECT_EQ(outcome == Outcome::kOk, script == scripts.back()) << script;
  }
}

}  // namespace
}  // namespace amalgam::sandbox
