// Verdicts of IFEval's and IFBench's own programs (tests/golden/rewards/if_README.md).
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "rewards/instruct/instruct.h"
#include "rewards/instruct/instructions.h"
#include "tests/paths.h"

namespace amalgam::rewards {
namespace {

using Json = nlohmann::json;

struct Tally {
  size_t verdicts = 0, misses = 0, rewarded_wrongly = 0;
  std::set<std::string> ids;
};

void count_row(const Json& row, Tally& tally) {
  Json columns = row;
  for (const char* key : {"response", "strict", "loose"}) columns.erase(key);
  const Score score = score_instruct(row["response"].get<std::string>(), "", columns.dump());
  ASSERT_EQ(score.status, Status::kScored) << row["id"] << ": " << score.detail;
  for (const auto& [name, verdicts] : score.verdicts) {
    const auto wanted = row[name].get<std::vector<bool>>();
    ASSERT_EQ(verdicts.size(), wanted.size()) << row["id"];
    for (size_t i = 0; i < wanted.size(); ++i) {
      ++tally.verdicts;
      tally.ids.insert(row["instruction_id_list"][i].get<std::string>());
      if (verdicts[i] == wanted[i]) continue;
      ++tally.misses;
      tally.rewarded_wrongly += verdicts[i];
      std::cout << row["id"] << " " << row["instruction_id_list"][i] << " " << name << " should be "
                << wanted[i] << "\n";
    }
  }
}

Tally tally_of(const std::string& file) {
  Tally tally;
  std::ifstream in(tests::golden("rewards/" + file));
  for (std::string line; std::getline(in, line);) count_row(Json::parse(line), tally);
  std::cout << file << ": " << tally.verdicts - tally.misses << " of " << tally.verdicts
            << " verdicts\n";
  return tally;
}

void expect_nearly_all(const Tally& tally) {
  EXPECT_LE(tally.misses * 50, tally.verdicts);  // 98 % are right
  EXPECT_LE(tally.rewarded_wrongly * 100, tally.verdicts);
  for (const Instruction& instruction : instructions())
    EXPECT_TRUE(tally.ids.count(std::string(instruction.id))) << instruction.id;
}

TEST(GoldenInstructions, GivenRows) {
  const Tally tally = tally_of("if_dev.jsonl");
  EXPECT_EQ(tally.verdicts, 1696);
  expect_nearly_all(tally);
}

TEST(GoldenInstructions, OwnRows) {
  const Tally tally = tally_of("if_own.jsonl");
  EXPECT_EQ(tally.verdicts, 1264);
  expect_nearly_all(tally);
}

}  // namespace
}  // namespace amalgam::rewards
