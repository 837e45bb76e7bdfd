// The sandbox service on several hosts, which here are network namespaces: what is left when a
// process of it is killed or a link is cut.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <thread>

#include "configs/error.h"
#include "proto/append_file.h"
#include "sandbox/journal/journal.h"
#include "sandbox/service/remote_sandbox.h"
#include "sandbox/service/service_keys.h"
#include "tests/eventually.h"
#include "tests/paths.h"
#include "tests/pipeline/run_program.h"
#include "tests/temp_dir.h"

extern char** environ;

namespace amalgam::pipeline {
namespace {

using sandbox::Outcome;
using sandbox::Result;
using ::testing::HasSubstr;

constexpr double kNoticeSeconds = 12;  // twice the silence after which a host counts as dead
const char* const kGateway = "10.0.0.1";
// Two ends of the wire to each host: 10.0.N.1 at the gateway, 10.0.N.2 there.
constexpr int kNumHosts = 3;  // agents on 1 and 2, the client on 3
constexpr int kClientHost = 3;

int sh(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()); }

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Hosts : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0 || sh("ip netns list") != 0) GTEST_SKIP() << "needs root and ip netns";
    name_ = "amalgam" + std::to_string(getpid()) + "-";
    for (int host = 0; host <= kNumHosts; ++host)
      if (sh("ip netns add " + ns(host)) != 0) GTEST_SKIP() << "needs root and ip netns";
    std::string script = "set -e\nip -n " + ns(0) + " link set lo up\nip -n " + ns(0) +
                         " addr add " + kGateway + "/32 dev lo\n";
    for (int host = 1; host <= kNumHosts; ++host) {
      const std::string h = std::to_string(host);
      script += "ip link add w" + h + " netns " + ns(0) + " type veth peer name w netns " +
                ns(host) + "\nip -n " + ns(0) + " addr add 10.0." + h + ".1/24 dev w" + h +
                "\nip -n " + ns(0) + " link set w" + h + " up\nip -n " + ns(host) +
                " addr add 10.0." + h + ".2/24 dev w\nip -n " + ns(host) +
                " link set w up\nip -n " + ns(host) + " route add default via 10.0." + h + ".1\n";
    }
    std::ofstream(path("hosts.sh")) << script;
    ASSERT_EQ(sh("sh " + path("hosts.sh")), 0);
    sandbox::generate_key_file(path("gateway.key"));
    std::string allowed;
    for (const std::string who : {"agent1", "agent2", "me", "stranger"}) {
      const std::string key =
          sandbox::generate_key_file(path(who + ".key"), path("gateway.key.pub"));
      if (who != "stranger")
        allowed += (who == "me" ? "client " : "agent ") + key + " " + who + "\n";
    }
    std::ofstream(path("allowed")) << allowed;
    start_gateway();
  }
  void TearDown() override {
    for (const pid_t pid : pids_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
    for (int host = 0; host <= kNumHosts && !name_.empty(); ++host) sh("ip netns del " + ns(host));
  }

  std::string ns(int host) const { return name_ + std::to_string(host); }
  std::string path(const std::string& name) const { return dir_.path() + "/" + name; }
  std::string url() const { return std::string("tcp://") + kGateway + ":7700"; }

  pid_t start(int host, const std::string& arguments, const std::string& log) {
    // Not `ip netns exec`, which hides the cgroups.
    const std::string command = "exec nsenter --net=/run/netns/" + ns(host) + " " +
                                std::string(tests::kBinary) + " sandbox " + arguments + " >>" +
                                path(log) + " 2>&1 </dev/null";
    const char* argv[] = {"sh", "-c", command.c_str(), nullptr};
    pid_t pid = 0;
    EXPECT_EQ(posix_spawn(&pid, "/bin/sh", nullptr, nullptr, const_cast<char**>(argv), environ), 0);
    pids_.push_back(pid);
    return pid;
  }
  void start_gateway() {
    gateway_ = start(0,
                     "gateway --listen tcp://0.0.0.0:7700 --key " + path("gateway.key") +
                         " --allow " + path("allowed") + " --dir " + path("records"),
                     "gateway.log");
  }
  pid_t start_agent(int host) {
    const std::string h = std::to_string(host), who = "agent " + ("agent" + h) + " is here";
    const auto count = [&] {
      const std::string log = text_of(path("gateway.log"));
      int n = 0;
      for (size_t at = 0; (at = log.find(who, at)) != std::string::npos; ++at) ++n;
      return n;
    };
    const int before = count();
    const pid_t pid = start(host, agent("agent" + h), "agent" + h + ".log");
    EXPECT_TRUE(eventually([&] { return count() > before; }))
        << text_of(path("agent" + h + ".log"));
    return pid;
  }
  std::string agent(const std::string& key) const {
    return "agent --gateway " + url() + " --key " + path(key + ".key") + " --store " +
           path("images");
  }
  void kill_now(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    std::erase(pids_, pid);
  }

  // Runs it in the client's namespace.
  void as_client(const std::function<void(sandbox::GatewayClient&)>& action,
                 const std::string& key = "me") const {
    std::thread([&] {
      const int fd = open(("/run/netns/" + ns(kClientHost)).c_str(), O_RDONLY | O_CLOEXEC);
      ASSERT_EQ(setns(fd, CLONE_NEWNET), 0);
      close(fd);
      action(*sandbox::GatewayClient::connect(url(), path(key + ".key")));
    }).join();
  }
  static Result run(sandbox::Sandbox& box, const std::string& script) {
    return box.exec({{"/bin/sh", "-c", script}});
  }
  std::string journal(const std::string& session) const {
    return path("records/me/kept/" + session + ".journal");
  }
  // Whether the last call of the session is under way.
  bool is_running(const std::string& session, size_t num_calls) const {
    try {
      return sandbox::read_journal(journal(session)).entries.size() == num_calls;
    } catch (const Error&) {  // not begun
      return false;
    }
  }
  // Once the session's call is on an agent.
  std::thread when_running(const std::string& session, size_t num_calls,
                           std::function<void()> action) const {
    return std::thread([=, this, action = std::move(action)] {
      EXPECT_TRUE(eventually([&] { return is_running(session, num_calls); }));
      usleep(500'000);
      action();
    });
  }

  const TempDir dir_;
  std::string name_;
  std::vector<pid_t> pids_;
  pid_t gateway_ = 0;
};

TEST_F(Hosts, AnAgentKilledDuringACommandFailsItAndTheSessionGoesOnElsewhere) {
  const pid_t first = start_agent(1);
  as_client([&](sandbox::GatewayClient& client) {
    const auto box = client.open("container", {}, {}, "s");
    EXPECT_EQ(run(*box, "mkdir d; echo 1 > d/x; chmod 500 d; cat d/x").out, "1\n");
    std::thread killer = when_running("s", 2, [&] { kill_now(first); });
    Result r;
    EXPECT_LT(seconds_of([&] { r = run(*box, "echo lost > y; sleep 60"); }), kNoticeSeconds);
    killer.join();
    EXPECT_EQ(r.outcome, Outcome::kSandboxFailed);
    EXPECT_THAT(r.detail, HasSubstr("agent1 was lost"));
    start_agent(2);
    r = run(*box, "ls -A; cat d/x; stat -c %a d");
    EXPECT_EQ(r.out, "d\n1\n500\n") << r.detail;
  });
}

TEST_F(Hosts, ACutLinkFailsTheCommandAndTheAgentComesBackWithIt) {
  start_agent(1);
  as_client([&](sandbox::GatewayClient& client) {
    const auto box = client.open("container", {}, {}, "s");
    EXPECT_EQ(run(*box, "echo 1 > x").outcome, Outcome::kOk);
    std::thread cutter =
        when_running("s", 2, [&] { EXPECT_EQ(sh("ip -n " + ns(1) + " link set w down"), 0); });
    Result r;
    EXPECT_LT(seconds_of([&] { r = run(*box, "sleep 60"); }), kNoticeSeconds);
    cutter.join();
    EXPECT_EQ(r.outcome, Outcome::kSandboxFailed);
    EXPECT_THAT(r.detail, HasSubstr("agent1 was lost"));
    EXPECT_EQ(sh("ip -n " + ns(1) + " link set w up"), 0);
    EXPECT_EQ(sh("ip -n " + ns(1) + " route add default via 10.0.1.1"), 0);
    r = run(*box, "cat x");  // waits for the agent
    EXPECT_EQ(r.out, "1\n") << r.detail;
  });
}

TEST_F(Hosts, AKilledGatewayKnowsWhatItAnsweredAndFailsWhatItDidNot) {
  start_agent(1);
  as_client([&](sandbox::GatewayClient& client) {
    Result known, r;
    {
      const auto box = client.open("container", {}, {}, "s");
      known = run(*box, "date +%s.%N | tee x");
      std::thread killer = when_running("s", 2, [&] {
        kill_now(gateway_);
        start_gateway();
      });
      EXPECT_LT(seconds_of([&] { r = run(*box, "echo lost > x; sleep 60"); }), 2 * kNoticeSeconds);
      killer.join();
      EXPECT_EQ(r.outcome, Outcome::kSandboxFailed);
      EXPECT_THAT(r.detail, HasSubstr("interrupted"));
      r = run(*box, "cat x");
      EXPECT_EQ(r.out, known.out) << r.detail;
    }
    const auto again = client.open("container", {}, {}, "s");
    const Result same = run(*again, "date +%s.%N | tee x");
    EXPECT_TRUE(again->was_recorded());
    EXPECT_EQ(same.out, known.out);
    EXPECT_EQ(same.wall_seconds, known.wall_seconds);
  });
}

TEST_F(Hosts, AKilledClientFindsItsCommandsDone) {
  start_agent(1);
  std::ofstream(path("x.py")) << "import time\nprint(time.time_ns(), flush=True)\ntime.sleep(3)\n";
  const std::string arguments =
      "run --gateway " + url() + " --key " + path("me.key") + " --session s " + path("x.py");
  const pid_t client = start(kClientHost, arguments, "client.log");
  EXPECT_TRUE(eventually([&] { return is_running("s", 2); }));
  usleep(500'000);
  kill_now(client);
  std::string first;
  for (int i = 0; i < 2; ++i) {
    const ProgramResult r =
        run_program("sandbox " + arguments, "nsenter --net=/run/netns/" + ns(kClientHost));
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_NE(r.out, "");
    if (i == 0) first = r.out;
    EXPECT_EQ(r.out, first);
  }
  const auto content = sandbox::read_journal(journal("s"));
  ASSERT_EQ(content.entries.size(), 2u);  // put, exec
  EXPECT_EQ(content.entries[1].result.out(), first);
}

TEST_F(Hosts, ASlowAgentIsNotADeadOne) {
  const pid_t agent = start_agent(1);
  as_client([&](sandbox::GatewayClient& client) {
    const auto box = client.open("container", {}, {}, "s");
    std::thread pauser = when_running("s", 1, [&] {
      kill(agent, SIGSTOP);
      usleep(2'500'000);
      kill(agent, SIGCONT);
    });
    const Result r = run(*box, "sleep 7; echo done");  // longer than a silence may be
    EXPECT_EQ(r.out, "done\n") << r.detail;
    pauser.join();
  });
}

TEST_F(Hosts, OnlyAllowedKeysGetIn) {
  start_agent(1);
  const auto problem = [&](const std::string& key) {
    std::string what;
    EXPECT_LT(seconds_of([&] {
                as_client(
                    [&](sandbox::GatewayClient& client) {
                      try {
                        client.check();
                      } catch (const Error& e) {
                        what = e.what();
                      }
                      const Result r = run(*client.open("container", {}), "true");
                      EXPECT_EQ(r.outcome, what.empty() ? Outcome::kOk : Outcome::kSandboxFailed);
                    },
                    key);
              }),
              kNoticeSeconds);
    return what;
  };
  EXPECT_EQ(problem("me"), "");
  EXPECT_THAT(problem("stranger"), HasSubstr("refuses this key"));
  sandbox::generate_key_file(path("other.key"));
  sandbox::generate_key_file(path("misled.key"), path("other.key.pub"));
  EXPECT_THAT(problem("misled"), HasSubstr("is the gateway's key in the key file right?"));
  // An agent's key is none of a client's, and the other way round.
  EXPECT_THAT(problem("agent2"), HasSubstr("no message of an agent with an agent's key"));
  const auto agent_problem = [&](const std::string& key) {
    const ProgramResult r =
        run_program("sandbox " + agent(key), "nsenter --net=/run/netns/" + ns(2));
    EXPECT_EQ(r.status, 1);
    return r.err;
  };
  EXPECT_THAT(agent_problem("me"), HasSubstr("no request of a client with a client's key"));
  EXPECT_THAT(agent_problem("stranger"), HasSubstr("refuses this key"));
  EXPECT_THAT(agent_problem("misled"), HasSubstr("is the gateway's key in the key file right?"));
}

TEST_F(Hosts, ServicesStopWhenAskedTo) {
  const pid_t agent = start_agent(1);
  as_client([&](sandbox::GatewayClient& client) {
    const auto box = client.open("container", {}, {}, "s");
    int status = -1;
    std::thread stopper = when_running("s", 1, [&] {
      kill(agent, SIGTERM);
      waitpid(agent, &status, 0);
    });
    const Result r = run(*box, "sleep 60");
    stopper.join();
    EXPECT_EQ(r.outcome, Outcome::kSandboxFailed);
    EXPECT_THAT(r.detail, HasSubstr("agent1 stopped"));
    EXPECT_EQ(status, 0);
    kill(gateway_, SIGTERM);
    waitpid(gateway_, &status, 0);
    EXPECT_EQ(status, 0);
  });
  pids_.clear();
}

}  // namespace
}  // namespace amalgam::pipeline
