// The same tests as an ordinary user, who has user namespaces and rlimits but no cgroups.
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace amalgam::sandbox {
namespace {

void run_as_nobody(const char* filter) {
  int output[2];
  ASSERT_EQ(pipe(output), 0);
  const pid_t child = fork();
  if (child == 0) {
    constexpr unsigned kNobody = 65534;
    if (setgroups(0, nullptr) || setresgid(kNobody, kNobody, kNobody) ||
        setresuid(kNobody, kNobody, kNobody))
      _exit(99);
    dup2(output[1], 1);
    dup2(output[1], 2);
    close(output[0]);
    execle("/proc/self/exe", "test_sandbox", filter, nullptr, static_cast<char**>(nullptr));
    _exit(98);
  }
  close(output[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(output[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(n));
  close(output[0]);
  int status = -1;
  waitpid(child, &status, 0);
  // ctest takes this mark, wherever it stands, for a skip of this test, even if it failed.
  const std::string mark = "[  SKIPPED ]";
  for (size_t at; (at = text.find(mark)) != std::string::npos;)
    text.replace(at, mark.size(), "[  skipped ]");
  EXPECT_EQ(status, 0) << text;
  std::printf("%s", text.substr(text.size() - std::min<size_t>(text.size(), 700)).c_str());
}

TEST(Unprivileged, AllOtherTestsPass) {
  if (geteuid() != 0) GTEST_SKIP() << "this already is an ordinary user";
  // Of the machines, which are slow, one.
  run_as_nobody("--gtest_filter=-Unprivileged.*:Slow*:LeakTest.*:*MachineTest.*");
  run_as_nobody("--gtest_filter=*MachineTest.IsASandboxLikeAContainer/microvm");
  // What it measures is the whole process.
  run_as_nobody("--gtest_filter=LeakTest.*");
}

}  // namespace
}  // namespace amalgam::sandbox
