// Hostile programs, one file each in tests/sandbox/attacks. The comment lines at a file's top say
// how it has to end:
//   # expect: memory | exit               any of these outcomes
//   # expect without cgroups: exit        instead, where only rlimits limit
//   # limits: cpu=0.5 wall=20 memory=64M disk=4M output=64K processes=16   (these are the defaults)
// An attack prints a line with ESCAPED when it gets anywhere. After each one a fresh sandbox works,
// and what it could have reached outside (the canaries) is unharmed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/paths.h"
#include "tests/sandbox/fixture.h"
#include "tests/temp_dir.h"

namespace amalgam::sandbox {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

const fs::path kFolder = fs::path(tests::kGolden).parent_path() / "sandbox" / "attacks";
constexpr const char* kShared = "attack.py";

std::string read_text(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

struct Attack {
  std::string name, code;
  std::set<std::string> expected;
  Limits limits;
};

int64_t to_bytes(const std::string& text) {
  size_t end = 0;
  const int64_t number = std::stoll(text, &end);
  const char unit = end < text.size() ? text[end] : 'B';
  return number << (unit == 'K' ? 10 : unit == 'M' ? 20 : unit == 'G' ? 30 : 0);
}

void set_limit(const std::string& name, const std::string& value, Limits* limits) {
  if (name == "cpu")
    limits->cpu_seconds = std::stod(value);
  else if (name == "wall")
    limits->wall_seconds = std::stod(value);
  else if (name == "memory")
    limits->memory_bytes = to_bytes(value);
  else if (name == "disk")
    limits->disk_bytes = to_bytes(value);
  else if (name == "output")
    limits->output_bytes = to_bytes(value);
  else if (name == "processes")
    limits->max_processes = std::stoi(value);
  else
    ADD_FAILURE() << "unknown limit " << name;
}

Attack load(const fs::path& path) {
  Attack attack{path.filename(), read_text(path), {}, {}};
  attack.limits.cpu_seconds = 0.5;
  attack.limits.wall_seconds = 20;
  attack.limits.memory_bytes = 64 << 20;
  attack.limits.disk_bytes = 4 << 20;
  const bool has_limits = has_cgroup("memory") && has_cgroup("pids");
  std::istringstream lines(attack.code);
  for (std::string line; std::getline(lines, line) && line[0] == '#';) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const std::string key = line.substr(2, colon - 2);
    std::istringstream words(line.substr(colon + 2));
    if (key == "expect" || (key == "expect without cgroups" && !has_limits)) {
      attack.expected.clear();
      for (std::string word; words >> word;)
        if (word != "|") attack.expected.insert(word);
    } else if (key == "limits") {
      for (std::string word; words >> word;) {
        const size_t equals = word.find('=');
        set_limit(word.substr(0, equals), word.substr(equals + 1), &attack.limits);
      }
    }
  }
  return attack;
}

std::vector<Attack> load_all() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(kFolder))
    if (entry.path().filename() != kShared) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Attack> attacks;
  for (const fs::path& path : paths) attacks.push_back(load(path));
  return attacks;
}

// Things outside that an attack could harm.
class Canaries {
 public:
  Canaries() {
    std::ofstream(folder_ + "/secret") << "the secret";
    fs::permissions(folder_, fs::perms::all);
    fs::permissions(folder_ + "/secret", fs::perms::all);
    name_ = "canary-" + std::to_string(getpid());
    sockets_[0] = listener(std::string(1, '\0') + name_);
    sockets_[1] = listener(folder_ + "/socket");
    sockets_[2] = loopback_listener();
    pid_ = fork();
    if (pid_ == 0) {
      for (;;) pause();
    }
  }
  ~Canaries() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    for (const int fd : sockets_) close(fd);
  }

  std::vector<std::string> environment() const {
    return {"CANARY_FOLDER=" + folder_, "CANARY_SOCKET=" + name_,
            "CANARY_PID=" + std::to_string(pid_), "CANARY_PORT=" + std::to_string(port_)};
  }

  void expect_unharmed() const {
    EXPECT_EQ(waitpid(pid_, nullptr, WNOHANG), 0) << "the process is dead";
    EXPECT_EQ(read_text(folder_ + "/secret"), "the secret");
    for (const int fd : sockets_)
      EXPECT_EQ(accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC), -1)
          << "a connection came in";
  }

 private:
  static int listener(const std::string& name) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0) << std::strerror(errno);
    EXPECT_EQ(listen(fd, 4), 0);
    return fd;
  }

  int loopback_listener() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0) << std::strerror(errno);
    EXPECT_EQ(listen(fd, 4), 0);
    EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    return fd;
  }

  const TempDir temp_;
  const std::string& folder_ = temp_.path();
  std::string name_;
  int port_ = 0;
  int sockets_[3];
  pid_t pid_ = 0;
};

void expect_contained(const Attack& attack, const Canaries& canaries) {
  SCOPED_TRACE(attack.name);
  ASSERT_FALSE(attack.expected.empty()) << "no line '# expect: outcome'";
  auto sandbox = make(attack.limits);
  ASSERT_TRUE(sandbox);
  ASSERT_EQ(sandbox->put_file(kShared, read_text(kFolder / kShared)).outcome, Outcome::kOk);
  ASSERT_EQ(sandbox->put_file(attack.name, attack.code).outcome, Outcome::kOk);
  const bool is_python = fs::path(attack.name).extension() == ".py";
  Command command{is_python ? std::vector<std::string>{"/usr/bin/python3", "-S", "-B", attack.name}
                            : std::vector<std::string>{"/bin/sh", attack.name}};
  command.environment = canaries.environment();
  const Result r = sandbox->exec(command);
  EXPECT_EQ(attack.expected.count(to_string(r.outcome)), 1u)
      << to_string(r.outcome) << " " << r.exit_code << " " << r.detail << r.out.substr(0, 1000)
      << r.err.substr(0, 1000);
  EXPECT_THAT(r.out + r.err, Not(HasSubstr("ESCAPED")));
  EXPECT_LT(r.wall_seconds, attack.limits.wall_seconds + 10);
  // Not even its own sandbox can be made to look like a failure of ours.
  EXPECT_NE(shell(*sandbox, "echo alive").outcome, Outcome::kSandboxFailed);
  sandbox.reset();
  canaries.expect_unharmed();
  auto next = make();
  ASSERT_TRUE(next);
  EXPECT_EQ(shell(*next, "ls -A /work; echo fine").out, "fine\n");
}

TEST(Attacks, AllAreContained) {
  const std::vector<Attack> attacks = load_all();
  EXPECT_GE(attacks.size(), 40u);
  const Canaries canaries;
  auto victim = make();
  ASSERT_TRUE(victim);
  ASSERT_EQ(victim->put_file("secret", "of another sandbox").outcome, Outcome::kOk);
  for (const Attack& attack : attacks) expect_contained(attack, canaries);
  EXPECT_EQ(shell(*victim, "cat secret").out, "of another sandbox") << "the neighbour was harmed";
}

}  // namespace
}  // namespace amalgam::sandbox
