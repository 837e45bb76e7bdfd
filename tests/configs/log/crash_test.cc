#include "configs/log/crash.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <sstream>

#include "configs/check.h"
#include "configs/log/log.h"
#include "tests/temp_dir.h"

namespace amalgam::log {
namespace {

// Ends by f() in a process of its own.
template <class F>
void crash(const std::string& run_dir, const F& f) {
  install_crash_handlers();
  const RunLog log(run_dir, {});
  set_place("rl-math", 7);
  info(Part::kRun, "before");
  f();
}

std::string content_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

TEST(CrashTest, AFailedCheckIsInTheLogWithItsValues) {
  const TempDir dir;
  EXPECT_EXIT(crash(dir.path(), [] { CHECK_EQ(1 + 1, 3); }), testing::KilledBySignal(SIGABRT),
              "crash_test.cc:[0-9]+: CHECK failed: 1 \\+ 1 == 3 \\(2 vs 3\\)\n"
              "amalgam: crashed \\(SIGABRT\\); its backtrace is in /.*/log.txt\n$");
  const std::string text = content_of(dir / "log.txt");
  EXPECT_TRUE(contains(text, "Z critical [main] [rl-math 7] run: crashed (SIGABRT): "));
  EXPECT_TRUE(contains(text, "CHECK failed: 1 + 1 == 3 (2 vs 3)\n"));
  EXPECT_TRUE(contains(text, "Z critical [main] [rl-math 7] run: #02 "));
}

TEST(CrashTest, WithoutALogTheConsoleHasIt) {
  EXPECT_EXIT(
      {
        install_crash_handlers();
        ::raise(SIGSEGV);
      },
      testing::KilledBySignal(SIGSEGV), "amalgam: crashed \\(SIGSEGV\\); its backtrace:\n#00 ");
}

}  // namespace
}  // namespace amalgam::log
