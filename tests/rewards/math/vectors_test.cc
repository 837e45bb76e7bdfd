#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "rewards/math/math_answer.h"
#include "tests/paths.h"

namespace amalgam::rewards {
namespace {

// tests/golden/rewards/README.md says what these rows are and the conventions that they hold.
TEST(MathVectors, RightAsOftenAsRequired) {
  std::ifstream file(tests::golden("rewards/math_dev.jsonl"));
  int rows = 0, right = 0, wrong_answers = 0, rewarded = 0;
  std::map<std::string, std::string> misses;  // by kind
  for (std::string line; std::getline(file, line);) {
    const auto row = nlohmann::json::parse(line);
    const std::string solution = row.at("solution");
    const int want = row.at("want");
    const Score score = score_math_answer(solution, row.at("gold").dump());
    EXPECT_EQ(score.status, Status::kScored) << row.at("id");
    ++rows;
    wrong_answers += want == 0;
    rewarded += want == 0 && score.reward == 1;
    right += score.reward == want;
    if (score.reward != want)
      misses[row.at("kind")] += "\n  " + row.at("id").get<std::string>() + ": " +
                                row.at("gold").dump() + ", read as " + score.answer + " (" +
                                score.detail + ")";
  }
  ASSERT_EQ(rows, 547);
  for (const auto& [kind, texts] : misses) std::cout << kind << texts << "\n";
  EXPECT_GE(right, 0.98 * rows);
  EXPECT_LE(rewarded, 0.005 * wrong_answers);
}

// Our own rows: every one of them is right. The file's head says how they are written.
TEST(MathVectors, Variants) {
  std::ifstream file(tests::golden("rewards/math_variants.txt"));
  std::string kind;
  bool boxed = false;
  int rows = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) {
      boxed = line.starts_with("## boxed ");
      kind = line.substr(line.rfind(' ') + 1);
    }
    if (line.empty() || line[0] == '#') continue;
    const size_t first = line.find(" | "), second = line.find(" | ", first + 3);
    ASSERT_NE(second, std::string::npos) << line;
    const std::string gold = line.substr(first + 3, second - first - 3);
    std::string solution = line.substr(second + 3);
    if (boxed) {
      solution = "\\boxed{" + solution + "}";
    } else {
      for (size_t at; (at = solution.find("\\n")) != std::string::npos;)
        solution.replace(at, 2, "\n");
    }
    const Score score = score_math_answer(solution, nlohmann::json(gold).dump());
    EXPECT_EQ(score.status, Status::kScored) << line;
    EXPECT_EQ(score.reward, line[0] == '1')
        << kind << ": " << line << "\n  read as " << score.answer;
    ++rows;
  }
  EXPECT_GT(rows, 1000);
}

}  // namespace
}  // namespace amalgam::rewards
