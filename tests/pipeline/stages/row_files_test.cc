#include "pipeline/stages/row_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/error_of.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using testing::HasSubstr;
using tests::error_of;

class RowFilesTest : public testing::Test {
 protected:
  // What is wrong with each row.
  std::vector<std::string> problems(const std::string& lines, RowUse use = RowUse::kPrompt) {
    std::ofstream(dir_ / "rows.jsonl") << lines;
    std::vector<std::string> found;
    const CheckedRows all = checked_rows(config_, pool_, rollout::ToolRegistry::builtin(), domain_,
                                         {dir_ / "rows.jsonl", use});
    found.resize(all.rows.size());
    for (const auto& [i, problem] : all.problems) {
      EXPECT_TRUE(problem.starts_with(dir_ / "rows.jsonl:"));
      found[i] = problem.substr((dir_ / "").size());
    }
    return found;
  }
  std::string problem(const std::string& row, RowUse use = RowUse::kPrompt) {
    return problems(row + "\n", use).at(0);
  }
  static std::string scored(const std::string& style, const std::string& truth) {
    return R"({"prompt": "p", "reward_model": {"style": ")" + style + R"(", "ground_truth": )" +
           truth + "}}";
  }

  TempDir dir_;
  configs::RunConfig config_;
  kernels::ThreadPool pool_{2};
  configs::DomainConfig domain_;
};

TEST_F(RowFilesTest, EveryBadRowIsNamedByItsLine) {
  const std::string good = scored("math", "12") + "\n";
  const auto found = problems(good + "{\n\n" + good + "[1]\n" + good);
  ASSERT_EQ(found.size(), 5u);
  EXPECT_EQ(found[0] + found[2] + found[4], "");
  EXPECT_THAT(found[1], HasSubstr("rows.jsonl:2: not JSON"));
  EXPECT_THAT(found[3], HasSubstr("rows.jsonl:5: a row must be a JSON object"));
}

TEST_F(RowFilesTest, TheVerifierThatWillScoreARowMustKnowItsTruth) {
  EXPECT_EQ(problem(scored("agent", R"("1,024")")), "");
  EXPECT_EQ(problem(scored("math", R"({"twelve": 12})")),
            "rows.jsonl:1: ground truth {\"twelve\":12} is no number, text, or list of texts");
  EXPECT_THAT(problem(scored("code", R"({"inputs": []})")),
              HasSubstr("no tests of a known form: fn_name"));
  EXPECT_THAT(problem(scored("instruct", R"({"length": 3})")), HasSubstr("no such constraint"));
  EXPECT_THAT(problem(scored("rule", "12")), HasSubstr("give the domain a reward_file"));
  EXPECT_THAT(problem(R"({"prompt": "p"})"), HasSubstr("give the domain a reward_file"));
  domain_.reward_file = "reward.py";  // takes every truth
  EXPECT_EQ(problem(scored("math", R"("twelve")")), "");
  EXPECT_EQ(problem(R"({"prompt": "p"})"), "");
}

TEST_F(RowFilesTest, WhatCannotBeEncodedIsBad) {
  domain_.reward_file = "reward.py";
  const std::string message = R"({"role": "user", "content": "u"})";
  EXPECT_THAT(problem(R"({"prompt": [{"role": "wizard", "content": "u"}]})"), HasSubstr("wizard"));
  EXPECT_THAT(problem(R"({"prompt": "p", "tools": ["calculatr"]})"), HasSubstr("calculator"));
  EXPECT_THAT(problem(R"({"prompt": "p", "effort": "huge"})"), HasSubstr("\"effort\""));
  EXPECT_EQ(problem(R"({"messages": [)" + message + "]}"), "");
  EXPECT_THAT(error_of([&] { problem(R"({"text": "t"})"); }), HasSubstr("no row has a prompt"));
}

TEST_F(RowFilesTest, ExamplesNeedAnAnswer) {
  const std::string ask = R"({"role": "user", "content": "u"})",
                    answer = R"({"role": "assistant", "content": "a"})";
  const auto example = [&](const std::string& messages) {
    return problem(R"({"messages": [)" + messages + "]}", RowUse::kExample);
  };
  EXPECT_EQ(example(ask + "," + answer), "");
  EXPECT_EQ(example(ask + "," + answer + "," + ask + "," + answer), "");
  EXPECT_THAT(example(ask), HasSubstr("no assistant message"));
  EXPECT_THAT(error_of([&] { problem(R"({"prompt": "p"})", RowUse::kExample); }),
              HasSubstr("no row has messages"));
}

TEST_F(RowFilesTest, AFileWithoutRowsIsAnError) {
  EXPECT_THAT(error_of([&] { problems("\n"); }), HasSubstr("rows.jsonl: no rows"));
  EXPECT_THAT(error_of([&] {
                (void)checked_rows(config_, pool_, rollout::ToolRegistry::builtin(), domain_,
                                   {"/no/such/rows.jsonl", RowUse::kPrompt});
              }),
              HasSubstr("/no/such/rows.jsonl"));
}

}  // namespace
}  // namespace amalgam::pipeline
