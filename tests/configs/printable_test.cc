#include "configs/printable.h"

#include <gtest/gtest.h>

namespace amalgam {
namespace {

TEST(Printable, EscapesControlCharacters) {
  EXPECT_EQ(printable("plain €"), "plain €");
  EXPECT_EQ(printable("evil\x1b[31m\n\x7f"), "evil\\x1b[31m\\x0a\\x7f");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(Printable, CutsLongTextBetweenCharacters) {
  const std::string most(120, 'a'), almost(118, 'a');
  EXPECT_EQ(printable(most), most);
  EXPECT_EQ(printable(most + "b"), most + "…");
  EXPECT_EQ(printable(almost + "€b"), almost + "…") << "119 to 121 are one character";
}

}  // namespace
}  // namespace amalgam
