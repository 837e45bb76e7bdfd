#include "configs/log/console.h"

#include <gtest/gtest.h>

#include <sstream>

namespace amalgam::log {
namespace {

TEST(LogConsole, ALineDoesNotTearTheStatus) {
  std::ostringstream out;
  Console console(out);
  console.line("first");
  console.status("rl  0/2");
  EXPECT_TRUE(console.has_status());
  console.line("all rewards are equal");
  console.status("rl  1/2");
  console.status("");
  console.status("");
  EXPECT_FALSE(console.has_status());
  console.line("last");
  EXPECT_EQ(out.str(),
            "first\n"
            "\rrl  0/2\x1b[K"
            "\r\x1b[Kall rewards are equal\nrl  0/2"
            "\rrl  1/2\x1b[K\n"
            "last\n");
}

}  // namespace
}  // namespace amalgam::log
