#include "configs/log_levels.h"

#include <gtest/gtest.h>

#include "tests/error_of.h"

namespace amalgam::log {
namespace {

std::string error_of(const std::string& text) {
  return tests::error_of([&] { Levels levels(text); });
}

TEST(LogLevels, OfAllPartsAndOfOne) {
  EXPECT_TRUE(Levels().shows(Part::kRun, Level::kInfo));
  EXPECT_FALSE(Levels().shows(Part::kRun, Level::kDebug));
  for (const char* text : {"warning,sandbox=debug", "sandbox=debug,warning"}) {
    const Levels levels(text);
    EXPECT_TRUE(levels.shows(Part::kSandbox, Level::kDebug)) << text;
    EXPECT_FALSE(levels.shows(Part::kRun, Level::kInfo)) << text;
    EXPECT_TRUE(levels.shows(Part::kRun, Level::kWarning)) << text;
  }
  EXPECT_EQ(names_of(Part{}).size(), kNumParts);
}

TEST(LogLevels, SlipsAreNamed) {
  EXPECT_EQ(error_of("inf"), "there is no level 'inf'; did you mean info?");
  EXPECT_EQ(error_of("info,sandbix=debug"), "there is no part 'sandbix'; did you mean sandbox?");
  EXPECT_EQ(error_of("sandbox=lots"),
            "there is no level 'lots'; use debug, info, warning, error, critical");
  EXPECT_NE(error_of(""), "");
  EXPECT_NE(error_of("info,"), "");
}

}  // namespace
}  // namespace amalgam::log
