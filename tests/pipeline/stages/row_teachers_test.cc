#include "pipeline/stages/row_teachers.h"

#include <gtest/gtest.h>

#include "tests/error_of.h"

namespace amalgam::pipeline {
namespace {

configs::RunConfig config_with_teacher() {
  configs::RunConfig config;
  for (const char* name : {"math", "code"}) {
    config.domains.emplace_back();
    config.domains.back().name = name;
  }
  config.teachers.push_back({"big", "models/big"});
  config.distill.teachers.push_back({"code", {{"code", 1}, {"big", 0.5}}});
  return config;
}

std::string problem(const std::string& extra_info) {
  const configs::RunConfig config = config_with_teacher();
  Row row;
  row.extra_info = extra_info;
  return tests::error_of([&] { (void)row_teachers(config, config.domains[0], row); });
}

TEST(RowTeachers, ARowsOwnWeights) {
  const configs::RunConfig config = config_with_teacher();
  Row row;
  EXPECT_FALSE(row_teachers(config, config.domains[0], row));
  row.extra_info = R"({"index": 3, "of": {"teachers": 5}})";
  EXPECT_FALSE(row_teachers(config, config.domains[0], row));
  row.extra_info = R"({"teachers": {"big": 2, "math": 0, "code": 0.5}})";
  EXPECT_EQ(*row_teachers(config, config.domains[0], row),
            (configs::Weights{{"big", 2}, {"code", 0.5}, {"math", 0}}));
}

TEST(RowTeachers, TheDomainsWithoutThem) {
  const configs::RunConfig config = config_with_teacher();
  EXPECT_EQ(domain_teachers(config, config.domains[0]), (configs::Weights{{"math", 1}}));
  EXPECT_EQ(domain_teachers(config, config.domains[1]),
            (configs::Weights{{"big", 0.5}, {"code", 1}}));
}

// A row for one effort of a domain may name another with efforts: the specialist of the same one.
TEST(RowTeachers, ADomainWithEffortsIsItsSpecialistOfTheSameEffort) {
  configs::RunConfig config = config_with_teacher();
  for (configs::DomainConfig& domain : config.domains) {
    domain.name += "-high";
    domain.efforts.modes = {"high"};
  }
  config.distill.teachers.clear();
  config.distill.teachers.push_back({"code-high", {{"math", 2}, {"big", 1}}});
  EXPECT_EQ(domain_teachers(config, config.domains[1]),
            (configs::Weights{{"big", 1}, {"math-high", 2}}));
}

TEST(RowTeachers, WhatCannotBeUsedIsOneLine) {
  EXPECT_EQ(problem(R"({"teachers": {"bigg": 1}})"),
            "extra_info.teachers: no [[domain]] and no [[teacher]] is named 'bigg'");
  for (const char* weight : {"-1", "1e9", "\"1\"", "true", "null", "[1]"})
    EXPECT_EQ(problem(std::string(R"({"teachers": {"big": )") + weight + "}}"),
              "extra_info.teachers: the weight of 'big' must be a number from 0 to 1e6");
  for (const char* weights : {"{}", R"({"big": 0})"})
    EXPECT_EQ(problem(std::string(R"({"teachers": )") + weights + "}"),
              "extra_info.teachers gives no teacher a weight above 0");
  for (const char* weights : {"5", R"(["big"])", "\"big\"", "null"})
    EXPECT_EQ(problem(std::string(R"({"teachers": )") + weights + "}"),
              "extra_info.teachers gives no weights; write {\"NAME\": weight}");
}

}  // namespace
}  // namespace amalgam::pipeline
