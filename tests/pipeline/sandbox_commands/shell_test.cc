// `amalgam sandbox shell` on a real pseudo-terminal, and `ps`, `logs` and `rm` of what runs.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "sandbox/container/process_tree.h"
#include "sandbox/files/fd.h"
#include "tests/eventually.h"
#include "tests/paths.h"
#include "tests/pipeline/run_program.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using sandbox::Fd;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kWaitMs = 30'000;

// A user at a terminal.
class Session {
 public:
  explicit Session(const std::vector<std::string>& arguments) {
    winsize size{40, 100, 0, 0};
    int outer, inner;
    EXPECT_EQ(openpty(&outer, &inner, nullptr, nullptr, &size), 0);
    outer_ = Fd(outer);
    inner_ = Fd(inner);
    EXPECT_EQ(tcgetattr(inner, &settings_), 0);
    pid_ = fork();
    if (pid_ == 0) {
      login_tty(inner);
      std::vector<char*> argv = {const_cast<char*>(tests::kBinary)};
      for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
      argv.push_back(nullptr);
      execv(tests::kBinary, argv.data());
      _exit(99);
    }
  }
  ~Session() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  pid_t pid() const { return pid_; }
  void type(const std::string& text) {
    EXPECT_EQ(write(outer_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // Reads until this has appeared since the last time.
  bool sees(const std::string& text) {
    for (;;) {
      if (const size_t at = shown_.find(text); at != std::string::npos) {
        shown_.erase(0, at + text.size());
        return true;
      }
      pollfd p{outer_.get(), POLLIN, 0};
      char buffer[4096];
      if (poll(&p, 1, kWaitMs) <= 0) break;
      const ssize_t n = read(outer_.get(), buffer, sizeof buffer);
      if (n <= 0) break;
      shown_.append(buffer, static_cast<size_t>(n));
    }
    ADD_FAILURE() << "no " << text << " in " << shown_;
    return false;
  }
  void resize(unsigned short rows, unsigned short columns) {
    const winsize size{rows, columns, 0, 0};
    EXPECT_EQ(ioctl(outer_.get(), TIOCSWINSZ, &size), 0);
  }
  // Exit status, 128 + signal.
  int wait() {
    int status = -1;
    EXPECT_TRUE(eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; }));
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  bool is_restored() const {
    termios now;
    return tcgetattr(inner_.get(), &now) == 0 && now.c_lflag == settings_.c_lflag &&
           now.c_iflag == settings_.c_iflag && now.c_oflag == settings_.c_oflag;
  }

 private:
  Fd outer_, inner_;
  termios settings_{};
  pid_t pid_ = 0;
  std::string shown_;
};

class SandboxHeld : public ::testing::Test {
 protected:
  void SetUp() override { setenv("XDG_RUNTIME_DIR", runtime_.path().c_str(), 1); }
  void TearDown() override {
    for (const json& entry : ps("--all")) run_program("sandbox rm " + id_of(entry));
    unsetenv("XDG_RUNTIME_DIR");
  }
  static std::string id_of(const json& entry) { return entry["id"].get<std::string>(); }
  static json ps(const std::string& options = "") {
    const ProgramResult r = run_program("sandbox ps --json " + options);
    EXPECT_EQ(r.status, 0) << r.err;
    return json::parse(r.out, nullptr, /*allow_exceptions=*/false);
  }
  std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(runtime_.path() + "/amalgam/sandboxes"))
      names.push_back(entry.path().filename());
    return names;
  }
  std::string script(const std::string& code) {
    const std::string path = files_.path() + "/script.sh";
    std::ofstream(path) << code;
    return path;
  }
  std::string detach(const std::string& arguments) {
    const ProgramResult r = run_program("sandbox run --detach " + arguments);
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_EQ(r.out.size(), 13u) << r.out;
    return r.out.substr(0, 12);
  }
  TempDir runtime_, files_;
};

using SandboxShell = SandboxHeld;

TEST_F(SandboxShell, IsATerminalLikeAnyOther) {
  Session session({"sandbox", "shell"});
  ASSERT_TRUE(session.sees("$ "));
  session.type("tty; stty size\r");
  session.sees("/dev/pts/0\r\n40 100\r\n");
  EXPECT_FALSE(session.is_restored()) << "raw while the shell runs";
  session.resize(50, 120);
  session.type("sleep 0.2; stty size\r");
  session.sees("50 120\r\n");
  session.type("sleep 100\r");
  session.sees("sleep 100\r\n");
  usleep(200'000);
  session.type("\x03");  // ends the sleep, not the session
  session.type("echo status $?\r");
  session.sees("status 130\r\n");
  const json all = ps();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]["command"], "shell");
  EXPECT_EQ(all[0]["pid"], session.pid());
  session.type("exit 5\r");
  EXPECT_EQ(session.wait(), 5);
  EXPECT_TRUE(session.is_restored());
  EXPECT_THAT(entries(), IsEmpty());
}

// Whatever ends it: the terminal is as it was and nothing lives on.
TEST_F(SandboxShell, LeavesNothingWhenKilled) {
  for (const int signal : {SIGKILL, SIGTERM, SIGHUP}) {
    Session session({"sandbox", "shell"});
    ASSERT_TRUE(session.sees("$ "));
    session.type("(trap '' HUP TERM INT; sleep 1000) & echo started\r");
    session.sees("started\r\n");
    std::vector<pid_t> all;
    EXPECT_TRUE(eventually([&] {
      all = sandbox::descendants(session.pid());
      return all.size() >= 6;  // launcher, slot, init, shell, its child, who restores the terminal
    }));
    kill(session.pid(), signal);
    EXPECT_GE(session.wait(), 128);
    EXPECT_TRUE(eventually([&] { return session.is_restored(); })) << signal;
    for (const pid_t pid : all) EXPECT_TRUE(eventually([&] { return !is_alive(pid); })) << signal;
    EXPECT_EQ(ps().size(), 0u);
    EXPECT_THAT(entries(), IsEmpty());
  }
}

TEST_F(SandboxShell, RunsCommandsFromStdin) {
  const ProgramResult r =
      run_program("sandbox shell",
                  "sh -c 'printf \"echo out; echo err >&2\\ntest -t 0 || exit 4\" | \"$@\"' x");
  EXPECT_EQ(r.status, 4);
  EXPECT_EQ(r.out, "out\n");
  EXPECT_EQ(r.err, "err\n");
  EXPECT_EQ(run_program("sandbox shell echo 'a  b'").out, "a  b\n");
  EXPECT_EQ(run_program("sandbox shell no_such_program").status, 127);
  EXPECT_EQ(run_program("sandbox shell --timeout 0.3 sleep 100").status, 124);
  EXPECT_EQ(run_program("sandbox shell --save x").err,
            "amalgam: sandbox shell: --save needs --image\n");
}

TEST_F(SandboxShell, SavesWhatWasMade) {
  const std::string store = " --store " + files_.path() + "/store ";
  ASSERT_EQ(run_program("sandbox build" + store).status, 0);
  EXPECT_EQ(run_program("sandbox shell --image python --save mine" + store +
                        "-- sh -c 'echo made > /work/made; exit 3'")
                .status,
            3);
  EXPECT_EQ(run_program("sandbox shell --image mine" + store + "cat /work/made").out, "made\n");
}

using SandboxPs = SandboxHeld;

TEST_F(SandboxPs, ADetachedRunIsListedReadAndRemoved) {
  const std::string id =
      detach("--memory 64M " + script("echo first; echo err >&2; sleep 1000") + " argument");
  EXPECT_TRUE(eventually([&] { return run_program("sandbox logs " + id).out == "first\nerr\n"; }));
  json all = ps();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]["id"], id);
  EXPECT_EQ(all[0]["status"], "running");
  EXPECT_EQ(all[0]["substrate"], "container");
  EXPECT_THAT(all[0]["command"].get<std::string>(), HasSubstr("script.sh argument"));
  EXPECT_GT(all[0]["memory_bytes"].get<int64_t>(), 0);
  EXPECT_EQ(run_program("sandbox ps -q").out, id + "\n");
  EXPECT_THAT(run_program("sandbox ps").out, HasSubstr("MEMORY\n" + id + "  container  -  "));
  const pid_t holder = all[0]["pid"];
  std::vector<pid_t> processes = sandbox::descendants(holder);
  processes.push_back(holder);
  EXPECT_GE(processes.size(), 5u);
  EXPECT_EQ(run_program("sandbox rm " + id.substr(0, 6)).out, id + "\n");
  for (const pid_t pid : processes) EXPECT_FALSE(is_alive(pid));
  EXPECT_EQ(ps("--all").size(), 0u);
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(SandboxPs, AnEndedRunKeepsItsOutputUntilItIsRemoved) {
  const std::string id = detach(script("sleep 0.5; echo last; exit 3"));
  EXPECT_EQ(run_program("sandbox logs --follow " + id).out, "last\n");
  EXPECT_EQ(ps().size(), 0u);
  const json all = ps("--all");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]["status"], "exited");
  EXPECT_EQ(all[0]["outcome"], "exit");
  EXPECT_EQ(all[0]["exit_code"], 3);
  EXPECT_THAT(run_program("sandbox ps --all").out, HasSubstr("exited (3)"));
  EXPECT_EQ(run_program("sandbox logs " + id).out, "last\n");
  EXPECT_EQ(run_program("sandbox rm " + id).status, 0);
  EXPECT_THAT(entries(), IsEmpty());

  const std::string flood = detach("--output 1K " + script("yes"));
  EXPECT_EQ(run_program("sandbox logs --follow " + flood).out.size(), 1024u);
  EXPECT_THAT(run_program("sandbox ps --all").out, HasSubstr("exited (output_limit)"));
}

TEST_F(SandboxPs, WhatAKilledHolderLeftIsCleaned) {
  const std::string id = detach(script("sleep 1000"));
  json all;
  ASSERT_TRUE(eventually([&] { return (all = ps()).size() == 1; }));
  const pid_t holder = all[0]["pid"];
  ASSERT_TRUE(eventually([&] { return sandbox::descendants(holder).size() >= 4; }));
  const std::vector<pid_t> processes = sandbox::descendants(holder);
  kill(holder, SIGKILL);
  for (const pid_t pid : processes) EXPECT_TRUE(eventually([&] { return !is_alive(pid); }));
  EXPECT_THAT(entries(), ElementsAre(id));
  EXPECT_EQ(run_program("sandbox run " + script("echo next")).out, "next\n");
  EXPECT_THAT(entries(), IsEmpty());
  EXPECT_EQ(ps("--all").size(), 0u);
}

TEST_F(SandboxPs, ForegroundRunsAndJournalsAreKnown) {
  const std::string code = script("echo said; sleep 1000");
  const std::string journal = files_.path() + "/journal";
  Session session({"sandbox", "run", "--journal", journal, code});
  json all;
  ASSERT_TRUE(eventually([&] { return (all = ps()).size() == 1; }));
  const std::string id = id_of(all[0]);
  EXPECT_TRUE(eventually([&] {
    return run_program("sandbox logs " + id).out.find("$ /bin/sh script.sh\n") != std::string::npos;
  }));
  EXPECT_EQ(run_program("sandbox rm " + id).status, 0);
  EXPECT_EQ(session.wait(), 128 + SIGKILL);

  Session plain({"sandbox", "run", code});
  ASSERT_TRUE(eventually([&] { return (all = ps()).size() == 1; }));
  EXPECT_THAT(run_program("sandbox logs " + id_of(all[0])).err, HasSubstr("--detach"));
}

TEST_F(SandboxPs, BadUseIsOneLine) {
  EXPECT_EQ(run_program("sandbox rm 12").err,
            "amalgam: no sandbox '12'; see `amalgam sandbox ps --all`\n");
  EXPECT_EQ(run_program("sandbox logs ''").status, 1);
  detach(script("sleep 1000"));
  const std::string id = detach(script("sleep 1000"));
  EXPECT_EQ(run_program("sandbox rm " + id + " 12").status, 1);
  EXPECT_EQ(ps().size(), 2u) << "nothing is killed when one id is wrong";
  EXPECT_THAT(run_program("sandbox run --detach --json " + script("")).err, HasSubstr("--json"));
  EXPECT_THAT(run_program("sandbox run --detach /nonexistent.py").err,
              HasSubstr("/nonexistent.py"));
}

// As when another container shares the folder: its process numbers mean others here.
TEST_F(SandboxPs, OnlyTheHolderIsKilled) {
  ps();
  const std::string folder = runtime_.path() + "/amalgam/sandboxes/0123456789ab";
  fs::create_directory(folder);
  const pid_t other = fork();
  if (other == 0) {
    execl("/bin/sleep", "sleep", "1000", nullptr);
    _exit(99);
  }
  std::ofstream(folder + "/about.json") << json{{"pid", other}};
  const Fd lock(open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(flock(lock.get(), LOCK_EX), 0);
  const ProgramResult r = run_program("sandbox rm 0123456789ab");
  EXPECT_EQ(r.status, 1);
  EXPECT_THAT(r.err, HasSubstr("held by a process that cannot be seen from here"));
  EXPECT_TRUE(is_alive(other));
  kill(other, SIGKILL);
  waitpid(other, nullptr, 0);
  flock(lock.get(), LOCK_UN);
  EXPECT_EQ(ps("--all").size(), 0u);
}

// Somebody else could have made it, to show or to have killed what he likes.
TEST_F(SandboxPs, AFolderThatOthersCanWriteIsRefused) {
  ps();
  const std::string folder = runtime_.path() + "/amalgam";
  ASSERT_EQ(chmod(folder.c_str(), 0770), 0);
  const ProgramResult r = run_program("sandbox ps");
  EXPECT_EQ(r.status, 1);
  EXPECT_THAT(r.err, HasSubstr("not a folder that is this user's alone"));
  const ProgramResult run = run_program("sandbox run " + script("echo works"));
  EXPECT_EQ(run.out, "works\n");
  EXPECT_THAT(run.err, HasSubstr("`sandbox ps` will not show this"));
  fs::remove_all(folder);
  fs::create_directory_symlink(files_.path(), folder);
  EXPECT_EQ(run_program("sandbox ps").status, 1);
  fs::remove(folder);
}

}  // namespace
}  // namespace amalgam::pipeline
