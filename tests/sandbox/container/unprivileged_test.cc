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

// Of the output of a run of tests: what failed ones wrote, what the last wrote that began if the
// run broke off, and the summary.
std::string failures_in(const std::string& output) {
  const std::string begin = "[ RUN      ] ", failed = "[  FAILED  ] ";
  std::string parts;
  for (size_t at = 0; (at = output.find(failed, at)) != std::string::npos;) {
    const size_t end = std::min(output.find('\n', at), output.size());
    const size_t name = at + failed.size();
    at = end;
    if (output[end - 1] != ')') continue;  // with its time: not the summary's line
    const size_t name_end = output.find_first_of(", ", name);
    const size_t from = output.rfind(begin + output.substr(name, name_end - name) + "\n", name);
    if (from != std::string::npos) parts += output.substr(from, end - from) + "\n";
  }
  const size_t summary = output.rfind("[==========] ");
  const size_t last = output.rfind(begin);
  if (summary != std::string::npos && (last == std::string::npos || last < summary))
    return parts + output.substr(summary);
  return parts + "and then the end of the run:\n" +
         (last == std::string::npos ? output : output.substr(last));
}

TEST(UnprivilegedOutput, ShowsWhatFailed) {
  const std::string run_a = "[ RUN      ] S.A\nfrom A\n",
                    run_b = "[ RUN      ] S.B/0\nfrom B\n[ RUN      ] T.C\nfrom C\n";
  const std::string failed_b = "[  FAILED  ] S.B/0, where GetParam() = 1 (5 ms)\n";
  const std::string begin = "[==========] Running 2 tests\n" + run_a;
  const std::string summary =
      "[==========] 2 tests ran.\n[  FAILED  ] 1 test, listed below:\n"
      "[  FAILED  ] S.B/0, where GetParam() = 1\n";
  EXPECT_EQ(failures_in(begin + "[       OK ] S.A (3 ms)\n" + run_b + "[       OK ] T.C (1 ms)\n" +
                        failed_b + summary),
            run_b + "[       OK ] T.C (1 ms)\n" + failed_b + summary)
      << "with what a test of its own process wrote";
  EXPECT_EQ(
      failures_in(begin + "[  FAILED  ] S.A (3 ms)\n" + run_b),
      run_a + "[  FAILED  ] S.A (3 ms)\nand then the end of the run:\n[ RUN      ] T.C\nfrom C\n");
  EXPECT_EQ(failures_in("cannot run"), "and then the end of the run:\ncannot run");
}

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
  EXPECT_EQ(status, 0) << filter << "\n" << failures_in(text);
  std::printf("%s", text.substr(text.size() - std::min<size_t>(text.size(), 700)).c_str());
}

TEST(Unprivileged, AllOtherTestsPass) {
  if (geteuid() != 0) GTEST_SKIP() << "this already is an ordinary user";
#ifdef __SANITIZE_ADDRESS__
  // Files are packed, and machines run, by the same code for every user, and slowly.
  run_as_nobody(
      "--gtest_filter=-Unprivileged.*:Slow*:LeakTest.*:*MachineTest.*:PythonImage.*:Tar.*");
#else
  // Of the machines, which are slow, one.
  run_as_nobody("--gtest_filter=-Unprivileged.*:Slow*:LeakTest.*:*MachineTest.*");
  run_as_nobody("--gtest_filter=*MachineTest.IsASandboxLikeAContainer/microvm");
#endif
  // What it measures is the whole process.
  run_as_nobody("--gtest_filter=LeakTest.*");
}

}  // namespace
}  // namespace amalgam::sandbox
