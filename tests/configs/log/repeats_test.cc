#include "configs/log/repeats.h"

#include <gtest/gtest.h>

namespace amalgam::log {
namespace {

using std::chrono::milliseconds;

class RepeatsTest : public testing::Test {
 protected:
  // What is written when this line comes, so many ms after the last one.
  std::vector<std::string> add(const std::string& text, int after_ms = 1,
                               const std::string& process = "main") {
    now_ += milliseconds(after_ms);
    return texts(repeats_.add({.time = now_, .process = process, .text = text}));
  }
  static std::vector<std::string> texts(const std::vector<Line>& lines) {
    std::vector<std::string> all;
    for (const Line& line : lines) all.push_back(line.text);
    return all;
  }

  using Texts = std::vector<std::string>;
  Repeats repeats_;
  std::chrono::system_clock::time_point now_;
};

TEST_F(RepeatsTest, TheFirstIsWrittenAndTheOthersAreCounted) {
  EXPECT_EQ(add("no answer"), Texts{"no answer"});
  for (int i = 0; i < 41; ++i) EXPECT_EQ(add("no answer", 200), Texts{});
  EXPECT_EQ(add("another"), Texts{"another"});
  EXPECT_EQ(add("another", 9'999), (Texts{"no answer (repeated 41 times)"}));
  EXPECT_EQ(texts(repeats_.finish()), (Texts{"another (repeated once)"}));
  EXPECT_EQ(texts(repeats_.finish()), Texts{});
}

TEST_F(RepeatsTest, OneLineInTenSecondsWhileItGoesOn) {
  Texts all;
  for (int i = 0; i < 26; ++i)
    for (const std::string& text : add("x", 1000)) all.push_back(text);
  EXPECT_EQ(all, (Texts{"x", "x (repeated 9 times)", "x (repeated 10 times)"}));
}

TEST_F(RepeatsTest, AfterAPauseItIsNew) {
  EXPECT_EQ(add("x"), Texts{"x"});
  EXPECT_EQ(add("x", 10'000), Texts{"x"});
}

TEST_F(RepeatsTest, LinesOfOthersAreOthers) {
  EXPECT_EQ(add("x", 1, "worker 0"), Texts{"x"});
  EXPECT_EQ(add("x", 1, "worker 1"), Texts{"x"});
  EXPECT_EQ(add("x", 1, "worker 0"), Texts{});
}

TEST_F(RepeatsTest, WhatAChildPrintsStaysInItsOrder) {
  Texts all;
  for (const char* text : {"Traceback", "one", "Traceback", "two", "two", "two", "end"}) {
    add("an event");
    const Line line{.time = now_, .audience = Audience::kPrinted, .process = "own", .text = text};
    for (const std::string& written : texts(repeats_.add(line))) all.push_back(written);
  }
  EXPECT_EQ(all, (Texts{"Traceback", "one", "Traceback", "two", "two (repeated 2 times)", "end"}));
}

TEST_F(RepeatsTest, RemembersSoManyAndLosesNoCount) {
  add("first");
  add("first");
  Texts all;
  for (size_t i = 0; i < Repeats::kMost; ++i)
    for (const std::string& text : add("line " + std::to_string(i))) all.push_back(text);
  ASSERT_EQ(all.size(), Repeats::kMost + 1);
  EXPECT_EQ(all[Repeats::kMost - 1], "first (repeated once)");
}

}  // namespace
}  // namespace amalgam::log
