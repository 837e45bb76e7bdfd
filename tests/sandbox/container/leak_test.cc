// Many runs leave nothing behind: no process, mount, cgroup, file or descriptor.
#include <dirent.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "sandbox/container/launcher.h"
#include "tests/sandbox/fixture.h"

namespace amalgam::sandbox {
namespace {

namespace fs = std::filesystem;

std::multiset<std::string> names_in(const fs::path& folder) {
  std::multiset<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    names.insert(entry.path().filename());
  return names;
}

int count_descendants(pid_t pid) {
  int n = 0;
  const std::string p = std::to_string(pid);
  for (const std::string& task : names_in("/proc/" + p + "/task")) {
    std::ifstream in("/proc/" + p + "/task/" + task + "/children");
    for (pid_t child; in >> child;) n += 1 + count_descendants(child);
  }
  return n;
}

// Folders are read one by one: those of other tests vanish meanwhile, which would end a recursive
// iterator before it has seen ours.
size_t count_cgroups(const fs::path& folder, const std::string& own) {
  std::error_code ignored;
  size_t n = 0;
  for (fs::directory_iterator it(folder, ignored), end; it != end; it.increment(ignored)) {
    std::error_code vanished;
    if (it->is_symlink(vanished) || !it->is_directory(vanished)) continue;
    n += (folder.filename() == own) + count_cgroups(it->path(), own);
  }
  return n;
}

size_t count_cgroups() {
  return count_cgroups("/sys/fs/cgroup",
                       "amalgam-sandbox-" + std::to_string(Launcher::instance().pid()));
}

struct Footprint {
  int num_processes = 0;
  size_t num_cgroups = 0, num_own_fds = 0, num_launcher_fds = 0;
  std::string mounts;
  std::multiset<std::string> tmp, shm;
  bool operator==(const Footprint&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Footprint& f) {
  return out << f.num_processes << " processes, " << f.num_cgroups << " cgroups, " << f.num_own_fds
             << " and " << f.num_launcher_fds << " descriptors, " << f.mounts.size()
             << " bytes of mounts, " << f.tmp.size() << " and " << f.shm.size() << " files";
}

// Other programs use /tmp as well: only names that tell of us.
std::multiset<std::string> ours(std::multiset<std::string> names) {
  std::erase_if(names,
                [](const std::string& name) { return name.find("sandbox") == std::string::npos; });
  return names;
}

Footprint measure() {
  Footprint f;
  f.num_processes = count_descendants(getpid());
  f.num_cgroups = count_cgroups();
  f.num_own_fds = names_in("/proc/self/fd").size();
  f.num_launcher_fds =
      names_in("/proc/" + std::to_string(Launcher::instance().pid()) + "/fd").size();
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);)
    if (line.find(" - nsfs ") == std::string::npos) f.mounts += line + "\n";  // of `ip netns`
  f.tmp = ours(names_in("/tmp"));
  f.shm = ours(names_in("/dev/shm"));
  return f;
}

// The end of a sandbox goes on in the background for some milliseconds.
Footprint settled(const Footprint& expected) {
  Footprint now = measure();
  for (int i = 0; i < 200 && !(now == expected); ++i) {
    usleep(50'000);
    now = measure();
  }
  return now;
}

// Waits until so many measurements in a row are equal.
Footprint quiet(int num_wanted) {
  Footprint before = measure();
  for (int i = 0, num_equal = 0; i < 100 && num_equal < num_wanted; ++i) {
    usleep(300'000);
    Footprint now = measure();
    num_equal = now == before ? num_equal + 1 : 0;
    before = std::move(now);
  }
  return before;
}

// Every run leaves as much behind as a run can: files, daemons, sockets, a full disk at times.
bool run_once(size_t number) {
  Limits limits;
  limits.disk_bytes = 1 << 20;
  auto sandbox = make(limits);
  if (!sandbox) return false;
  const char* const scripts[] = {
      "echo x > file; sleep 1000 & sleep 1000 & echo done", "echo done", "echo done; kill -9 $$",
      "setsid sleep 1000 & mkfifo fifo; echo done", "cat /dev/zero > fill 2>/dev/null; echo done"};
  return shell(*sandbox, scripts[number % 5]).out == "done\n";
}

void expect_no_leak(size_t runs) {
  const size_t num_threads = 2;
  const auto run_all = [&](size_t count) {
    std::vector<int> wrong(num_threads, 0);
    std::vector<std::thread> threads;
    for (size_t t = 0; t < num_threads; ++t)
      threads.emplace_back([&, t] {
        for (size_t i = t; i < count; i += num_threads) wrong[t] += !run_once(i);
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, std::vector<int>(num_threads, 0));
  };
  run_all(20);  // the launcher, which stays
  quiet(8);     // pools that other tests of this process opened may still fill
  {
    // Slots stay as well, those of the first runs perhaps in the pools: now there are enough.
    std::vector<std::unique_ptr<Sandbox>> held;
    while (held.size() < 2 * num_threads) held.push_back(make());
  }
  const Footprint before = quiet(4);
  EXPECT_GT(before.num_processes, 1);
  run_all(runs);
  EXPECT_EQ(settled(before), before);
}

TEST(LeakTest, HundredsOfRunsLeaveNothing) { expect_no_leak(300); }

TEST(SlowLeakTest, TenThousandRunsLeaveNothing) { expect_no_leak(10'000); }

}  // namespace
}  // namespace amalgam::sandbox
