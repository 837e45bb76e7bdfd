#include "rewards/math/number.h"

#include <gtest/gtest.h>

namespace amalgam::rewards {
namespace {

Rational whole(const std::string& text) {
  size_t position = 0;
  const auto number = read_number(text, &position);
  EXPECT_TRUE(number && position == text.size()) << text;
  return number.value_or(Rational{});
}

TEST(Number, EverySpellingOf1024) {
  const Rational expected{{false, "1024", 0}, {false, "1", 0}};
  for (const char* text :
       {"1024", "+1024", "01024", "1,024", "1{,}024", "1\\,024", "1024.0", "1024.000", "1,024.00",
        "1.024e3", "1.024E+3", "10240e-1", "1.024 \u00d7 10^3", "1.024 \\times 10^{3}",
        "1.024*10^3", "2048/2", "\\frac{2048}{2}", "\\dfrac{-2048}{-2}", "0.1024e4"})
    EXPECT_TRUE(equal(whole(text), expected)) << text;
}

TEST(Number, NegativeSpellings) {
  const Rational expected{{true, "5", -1}, {false, "1", 0}};
  for (const char* text : {"-0.5", "-.5", "\u22120.5", "-1/2", "-\\frac{1}{2}", "\\frac{-1}{2}",
                           "\\frac{1}{-2}", "-5e-1"})
    EXPECT_TRUE(equal(whole(text), expected)) << text;
}

TEST(Number, DifferentNumbersDiffer) {
  EXPECT_FALSE(equal(whole("1024"), whole("1025")));
  EXPECT_FALSE(equal(whole("1024"), whole("-1024")));
  EXPECT_FALSE(equal(whole("1024"), whole("10240")));
  EXPECT_FALSE(equal(whole("1/3"), whole("0.333333333333333333")));
  // Equal as doubles.
  EXPECT_FALSE(equal(whole("9007199254740993"), whole("9007199254740992")));
  EXPECT_FALSE(equal(whole("1e30"), whole("1000000000000000000000000000001")));
  EXPECT_FALSE(equal(whole("1e400"), whole("1e401")));
  EXPECT_FALSE(equal(whole("1e-400"), whole("0")));
}

TEST(Number, EqualThoughDoublesWouldDiffer) {
  EXPECT_TRUE(equal(whole("0.3"), whole("3/10")));
  EXPECT_TRUE(equal(whole("1/3"), whole("2/6")));
  EXPECT_TRUE(equal(whole("0"), whole("-0.000")));
  EXPECT_TRUE(equal(whole("0/7"), whole("0e5")));
}

TEST(Number, GroupsOfThreeOnly) {
  const auto first = [](const std::string& text) {
    size_t position = 0;
    const auto number = read_number(text, &position);
    EXPECT_TRUE(number) << text;
    return std::make_pair(number ? number->numerator.digits : "", position);
  };
  EXPECT_EQ(first("1,234,567 x"), std::make_pair(std::string("1234567"), size_t{9}));
  EXPECT_EQ(first("3, 5"), std::make_pair(std::string("3"), size_t{1}));
  EXPECT_EQ(first("3,5"), std::make_pair(std::string("3"), size_t{1}));
  EXPECT_EQ(first("12,3456"), std::make_pair(std::string("12"), size_t{2}));
  EXPECT_EQ(first("1234,567"), std::make_pair(std::string("1234"), size_t{4}));
  EXPECT_EQ(first("17."), std::make_pair(std::string("17"), size_t{2}));
  EXPECT_EQ(first("2e"), std::make_pair(std::string("2"), size_t{1}));
  EXPECT_EQ(first("7/0"), std::make_pair(std::string("7"), size_t{1}));
}

TEST(Number, NoNumberLeavesThePosition) {
  for (const std::string& text :
       {std::string("x"), std::string("-"), std::string("."), std::string("\\frac{1}{0}"),
        std::string("1e99999"), std::string("1e-999999999999999999999"), std::string(500, '7')}) {
    size_t position = 0;
    EXPECT_FALSE(read_number(text, &position)) << text;
    EXPECT_EQ(position, 0u);
  }
}

TEST(Number, EqualNumbersAreSpelledTheSame) {
  const auto text = [](const std::string& spelling) {
    size_t position = 0;
    return spelled(*read_number(spelling, &position));
  };
  for (const char* s : {"3/4", "0.75", ".75", "6/8", "75e-2", "\\frac{9}{12}"})
    EXPECT_EQ(text(s), "3/4") << s;
  for (const char* s : {"1024", "1,024", "1.024e3", "2048/2"}) EXPECT_EQ(text(s), "1024") << s;
  for (const char* s : {"-0.5", "-1/2", "-5/10"}) EXPECT_EQ(text(s), "-1/2") << s;
  for (const char* s : {"0", "-0", "0.00", "0/7"}) EXPECT_EQ(text(s), "0") << s;
  EXPECT_EQ(text("123456789012345678901234567890.5"), "246913578024691357802469135781/2");
  EXPECT_EQ(text("1e100"), "1e100");
  EXPECT_EQ(text("10e99"), "1e100");
  EXPECT_EQ(text("1e-300"), "1e-300");
}

TEST(Number, ProductsCarry) {
  const Decimal nines{false, std::string(50, '9'), 0};
  // (10^50 − 1)² = 10^100 − 2·10^50 + 1
  EXPECT_EQ(multiply(nines, nines),
            (Decimal{false, std::string(49, '9') + "8" + std::string(49, '0') + "1", 0}));
  EXPECT_EQ(multiply({true, "25", -1}, {false, "4", 0}), (Decimal{true, "1", 1}));
  EXPECT_EQ(multiply({true, "25", -1}, {}), Decimal{});
}

}  // namespace
}  // namespace amalgam::rewards
