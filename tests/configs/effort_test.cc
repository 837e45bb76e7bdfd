#include "configs/effort.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "configs/error.h"
#include "configs/load.h"

namespace amalgam::configs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

const std::string kLine = "effort_form = 'line'\n";

RunConfig parse_efforts(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return parse_run_config(text, "dir/a.toml", overrides);
}
RunConfig with_efforts(const std::string& efforts, const std::string& more = "") {
  return parse_efforts(
      kLine + "[[domain]]\nname = 'bus'\ngenerator = 'math'\nefforts = " + efforts + "\n" + more);
}
std::string refusal(const std::string& efforts, const std::string& more = "") {
  try {
    (void)with_efforts(efforts, more);
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}
std::vector<std::string> names(const RunConfig& config) {
  std::vector<std::string> all;
  for (const DomainConfig& d : config.domains) all.push_back(d.name);
  return all;
}

TEST(Effort, WordsNumbersAndBands) {
  for (const char* good : {"none", "low", "high", "max", "1", "57", "100"})
    EXPECT_TRUE(is_effort(good)) << good;
  for (const char* bad : {"", "medium", "0", "101", "01", "1.5", "-3", "b1-20"})
    EXPECT_FALSE(is_effort(bad)) << bad;
  for (const char* bad : {"b0-20", "b20-10", "b1-101", "b-5", "1-20", "b5"})
    EXPECT_FALSE(is_effort_mode(bad)) << bad;
  EXPECT_THAT(effort_bands(5), ElementsAre("b1-20", "b21-40", "b41-60", "b61-80", "b81-100"));
  EXPECT_THAT(effort_bands(3), ElementsAre("b1-33", "b34-66", "b67-100"));
  EXPECT_TRUE(is_of_mode("20", "b1-20"));
  EXPECT_FALSE(is_of_mode("21", "b1-20"));
  EXPECT_FALSE(is_of_mode("max", "b1-100"));
  EXPECT_EQ(value_of_effort({{"b1-20", 0.5}, {"7", 0.25}, {"max", 0}}, "7"), 0.25);
  EXPECT_EQ(value_of_effort({{"b1-20", 0.5}, {"7", 0.25}, {"max", 0}}, "8"), 0.5);
  EXPECT_EQ(value_of_effort({{"b1-20", 0.5}}, "max"), std::nullopt);
  std::vector<std::string> modes = {"b81-100", "max", "9", "none", "b21-40", "high", "low"};
  std::sort(modes.begin(), modes.end(), mode_before);
  EXPECT_THAT(modes, ElementsAre("none", "low", "high", "max", "9", "b21-40", "b81-100"));
}

TEST(Effort, ATableIsADomainForEach) {
  const RunConfig config = with_efforts("['none', 'high', 30, 'b41-60']", "rl.steps = 7\n");
  EXPECT_THAT(names(config), ElementsAre("bus-none", "bus-high", "bus-30", "bus-b41-60"));
  for (const DomainConfig& d : config.domains) {
    EXPECT_EQ(d.group(), "bus");
    EXPECT_EQ(d.name, "bus-" + d.effort_mode());
    EXPECT_EQ(d.rl.steps, 7);
  }
  EXPECT_THAT(names(with_efforts("{ bands = 2 }")), ElementsAre("bus-b1-50", "bus-b51-100"));
  EXPECT_EQ(domain_metric_name("bus-b1-50"), "bus/b1-50");
  EXPECT_EQ(domain_metric_name("bus"), "bus");
  // What a run directory keeps of it is the same config.
  const std::string kept = to_toml(config);
  EXPECT_EQ(to_toml(parse_efforts(kept)), kept);
  EXPECT_THAT(names(parse_efforts(kept)),
              ElementsAre("bus-none", "bus-high", "bus-30", "bus-b41-60"));
}

TEST(Effort, MixturesAndTeachersMayNameTheTable) {
  const RunConfig config = with_efforts(
      "['none', 'max']",
      "[[domain]]\nname = 'code'\ngenerator = 'code'\n[base]\nmixture = { bus = 3, code = 1 }\n"
      "[[teacher]]\nname = 'big'\npath = 'models/big'\n"
      "[[distill.teachers]]\ndomain = 'bus'\nweight = { bus = 1, code = 0.5, big = 2 }\n"
      "[[distill.teachers]]\ndomain = 'code'\nweight = { code = 1, bus-max = 0.25 }\n");
  EXPECT_THAT(config.base.mixture,
              ElementsAre(Pair("bus-max", 1.5), Pair("bus-none", 1.5), Pair("code", 1)));
  ASSERT_EQ(config.distill.teachers.size(), 3u);
  EXPECT_EQ(config.distill.teachers[0].domain, "bus-none");
  EXPECT_THAT(config.distill.teachers[0].weight,
              ElementsAre(Pair("big", 2), Pair("bus-none", 1), Pair("code", 0.5)));
  EXPECT_THAT(config.distill.teachers[1].weight,
              ElementsAre(Pair("big", 2), Pair("bus-max", 1), Pair("code", 0.5)));
  EXPECT_THAT(config.distill.teachers[2].weight,
              ElementsAre(Pair("bus-max", 0.25), Pair("code", 1)));
}

TEST(Effort, ATeacherIsThatOfTheEffort) {
  const RunConfig config = with_efforts("['none', 'max']",
                                        "[[domain]]\nname = 'code'\ngenerator = 'code'\n"
                                        "[[teacher]]\nname = 'big'\npath = 'models/big'\n");
  const DomainConfig &none = config.domains[0], &code = config.domains[2];
  EXPECT_EQ(config.find_teacher("bus", none), "bus-none");
  EXPECT_EQ(config.find_teacher("bus-max", none), "bus-max");
  EXPECT_EQ(config.find_teacher("big", none), "big");
  EXPECT_EQ(config.find_teacher("code", none), "code");
  EXPECT_EQ(config.find_teacher("bus", code), "");
  EXPECT_EQ(config.find_teacher("bus-high", none), "");
}

TEST(Effort, WhatCannotBeIsRefusedByName) {
  EXPECT_THAT(refusal("['medium']"), HasSubstr("domain.efforts: expected a list of efforts"));
  EXPECT_THAT(refusal("['medium']"), HasSubstr("'medium'"));
  EXPECT_THAT(refusal("[0]"), HasSubstr("'0'"));
  EXPECT_THAT(refusal("{ bands = 0 }"), HasSubstr("efforts.bands"));
  EXPECT_THAT(refusal("{ band = 5 }"), HasSubstr("another table"));
  EXPECT_THAT(refusal("['max', 'max']"), HasSubstr("'max' is there already"));
  EXPECT_THAT(refusal("['b1-20', 20]"), HasSubstr("'20' is there already"));
  EXPECT_THAT(refusal("['max']", "mode = 'chat'\n"), HasSubstr("drop mode"));
  EXPECT_THAT(refusal("['low']", "effort_form = 'encoding'\n"),
              HasSubstr("the encoding cannot write 'low'"));
  EXPECT_THAT(refusal("['b1-50']", "effort_form = 'encoding'\n"), HasSubstr("'b1-50'"));
  EXPECT_THAT(refusal("['max']", "windows = { most = 3 }\n"), HasSubstr("windows.most"));
  EXPECT_THAT(refusal("[]", "specialists = 'one'\n"), HasSubstr("specialists"));
  EXPECT_THAT(
      refusal("['max']", "[[domain]]\nname = 'bus'\ngenerator = 'code'\nefforts = ['max']\n"),
      HasSubstr("two domains are named 'bus-max'"));
}

TEST(Effort, Windows) {
  const DomainConfig d =
      with_efforts("['b1-20']", "windows = { b1-20 = 24, max = 72 }\n").domains[0];
  EXPECT_EQ(d.window("20", 48), 24);
  EXPECT_EQ(d.window("21", 48), 48);
  EXPECT_EQ(d.window("max", 48), 72);
  EXPECT_EQ(d.max_window(48), 72);
}

}  // namespace
}  // namespace amalgam::configs
