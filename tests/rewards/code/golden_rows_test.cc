// Rows of every format with answers whose verdicts are known (tests/golden/rewards/README.md).
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "rewards/code/code_tests.h"
#include "sandbox/function/function.h"
#include "tests/paths.h"

namespace amalgam::rewards {
namespace {

constexpr double kRightShare = 0.98;

struct Tally {
  int num_rows = 0, num_right = 0;
};

// The ground truth as a run hands it over: the row's own, as JSON text.
std::string ground_truth_of(const nlohmann::json& row) {
  const auto model = row.find("reward_model");
  if (model == row.end()) return "";
  return model->value("ground_truth", "");
}

// Prints the rows whose verdict or share is not the wanted one.
Tally score_rows(const CodeTestOptions& options, const std::string& path) {
  std::ifstream file(path);
  std::map<std::string, Tally> formats;
  Tally all;
  int num_uncrossed = 0;
  for (std::string line; std::getline(file, line);) {
    const auto vector = nlohmann::json::parse(line);
    const std::string id = vector["id"], tag = vector["tag"];
    const Score score = score_code_tests(vector["solution"], ground_truth_of(vector["row"]),
                                         vector["row"].dump(), options);
    double fraction = -1;
    for (const auto& [name, value] : score.parts)
      if (name == "passed_fraction") fraction = value;
    const bool is_right = score.status == Status::kScored && score.reward == vector["want"] &&
                          std::abs(fraction - vector["want_fraction"].get<double>()) < 1e-5;
    for (Tally* tally : {&all, &formats[vector["format"]]}) {
      ++tally->num_rows;
      tally->num_right += is_right;
    }
    num_uncrossed += score.status == Status::kCannotCross;
    EXPECT_FALSE(tag.rfind("tamper", 0) == 0 && score.status == Status::kScored && fraction > 0)
        << id << ": " << score.detail;
    EXPECT_FALSE(vector["want"] == 0 && score.status == Status::kScored && score.reward > 0) << id;
    if (!is_right)
      std::cout << id << ": wanted " << vector["want_fraction"] << ", got " << fraction << " ("
                << to_string(score.status) << ") " << score.detail << "\n";
  }
  for (const auto& [format, tally] : formats)
    std::cout << format << ": " << tally.num_right << " of " << tally.num_rows << "\n";
  std::cout << all.num_right << " of " << all.num_rows << " right, " << num_uncrossed
            << " with values that cannot cross\n";
  return all;
}

class CodeRows : public testing::Test {
 protected:
  void SetUp() override {
    std::string error;
    if (!sandbox::create_container({}, &error)) GTEST_SKIP() << "no sandbox here: " << error;
  }
  void check(const CodeTestOptions& options) {
    const Tally tally = score_rows(options, tests::golden("rewards/code_dev.jsonl"));
    EXPECT_GT(tally.num_rows, 100);
    EXPECT_GE(tally.num_right, kRightShare * tally.num_rows);
  }
};

TEST_F(CodeRows, ByContainer) { check({}); }

TEST_F(CodeRows, ByFunction) {
  CodeTestOptions options;
  options.make_sandbox = [](const sandbox::Limits& limits, const sandbox::Image&,
                            std::string* error) { return sandbox::create_function(limits, error); };
  check(options);
}

}  // namespace
}  // namespace amalgam::rewards
