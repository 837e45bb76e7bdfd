#include "pipeline/stages/data_sets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "configs/error.h"
#include "configs/load.h"
#include "pipeline/stages/domain_rows.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

json prompt(const std::string& text) {
  return json::array({{{"role", "user"}, {"content", text}}});
}

class DataSetsTest : public testing::Test {
 protected:
  // Rows with these prompts; extra_info differs in every row, as tool data do.
  void write(const std::string& file, const std::vector<std::string>& prompts) {
    std::ofstream out(dir_ / file);
    for (size_t i = 0; i < prompts.size(); ++i)
      out << json{{"prompt", prompt(prompts[i])},
                  {"extra_info", {{"row", file + std::to_string(i)}}}}
          << '\n';
  }
  DataSets load(const std::string& domain = "", const std::string& more = "",
                const std::string& first = "") {
    const std::string text =
        first + "[rl]\nsteps = 1\n[distill]\nsteps = 1\n" + more +
        "[[domain]]\nname = \"own\"\nmode = \"chat\"\ntrain_file = \"train.jsonl\"\n"
        "heldout_file = \"heldout.jsonl\"\nreward_file = \"reward.py\"\n" +
        domain;
    return DataSets(configs::parse_run_config(text, dir_ / "config.toml"),
                    rollout::ToolRegistry::builtin(), pool_);
  }
  std::string error(const std::string& domain = "", const std::string& more = "") {
    try {
      load(domain, more);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  }
  static std::vector<std::string> texts(const RowSet& set) {
    std::vector<std::string> found;
    for (size_t i = 0; i < set.rows.size(); ++i)
      found.push_back(json::parse(set.rows.json(i))["prompt"][0]["content"]);
    return found;
  }

  TempDir dir_;
  kernels::ThreadPool pool_{2};
};

TEST_F(DataSetsTest, HeldOutRowsAreSharedOutInFileOrder) {
  write("train.jsonl", {"t"});
  write("heldout.jsonl", {"1", "2", "3", "4", "5"});
  const DataSets data = load();
  EXPECT_THAT(texts(data.of("own").validation), ElementsAre("1", "3", "5"));
  EXPECT_THAT(texts(data.of("own").test), ElementsAre("2", "4"));
}

TEST_F(DataSetsTest, AValidationFileLeavesAllHeldOutRowsToTheTest) {
  write("train.jsonl", {"t"});
  write("validation.jsonl", {"a", "b"});
  write("heldout.jsonl", {"1", "2"});
  const DataSets data = load("validation_file = \"validation.jsonl\"\n");
  EXPECT_THAT(texts(data.of("own").validation), ElementsAre("a", "b"));
  EXPECT_THAT(texts(data.of("own").test), ElementsAre("1", "2"));
}

TEST_F(DataSetsTest, TheLaterRowIsLeftOutAndCounted) {
  write("train.jsonl", {"t", "2"});
  // The third is the second's prompt in the other set's place; the fifth is the first again.
  write("heldout.jsonl", {"1", "x", "x", "2", "1", "3", "t"});
  const DomainSets sets = load().of("own");
  EXPECT_THAT(texts(sets.validation), ElementsAre("1", "1"));
  EXPECT_THAT(texts(sets.test), ElementsAre("x", "3"));
  EXPECT_EQ(sets.validation.num_repeated, 2);  // "x", "t"
  EXPECT_EQ(sets.test.num_repeated, 1);        // "2"
}

TEST_F(DataSetsTest, PromptsOfSupervisedTrainingAreTraining) {
  write("train.jsonl", {"t"});
  write("heldout.jsonl", {"1", "2", "3", "4"});
  for (const auto& [file, text] : {std::pair("sft.jsonl", "3"), std::pair("anneal.jsonl", "4")}) {
    json messages = prompt(text);
    messages.push_back({{"role", "assistant"}, {"content", "answer"}});
    std::ofstream(dir_ / file) << json{{"messages", messages}} << '\n';
  }
  const DomainSets sets =
      load("sft_file = \"sft.jsonl\"\nanneal_file = \"anneal.jsonl\"\n").of("own");
  EXPECT_THAT(texts(sets.validation), ElementsAre("1"));
  EXPECT_THAT(texts(sets.test), ElementsAre("2"));
}

// Where a held-out row goes is decided by its place in the file, whatever the others are.
TEST_F(DataSetsTest, BadRowsAreLeftOutWhereTheyMayBe) {
  write("train.jsonl", {"t", "u"});
  std::ofstream(dir_ / "train.jsonl", std::ios::app) << "{\"prompt\": 5}\n";
  write("heldout.jsonl", {"1", "2", "3"});
  std::ofstream held_out(dir_ / "heldout.jsonl", std::ios::app);
  held_out << "{\"prompt\": \"x\", \"tools\": [\"no_such_tool\"]}\n";
  held_out << json{{"prompt", prompt("4")}} << '\n';
  held_out.close();
  EXPECT_THAT(error(), HasSubstr("train.jsonl:3: "));
  const DomainSets sets = load("", "", "skip_bad_rows = true\n").of("own");
  EXPECT_THAT(texts(sets.train), ElementsAre("t", "u"));
  EXPECT_EQ(sets.train.num_bad, 1);
  EXPECT_THAT(texts(sets.validation), ElementsAre("1", "3", "4"));
  EXPECT_THAT(texts(sets.test), ElementsAre("2"));
  EXPECT_EQ(sets.test.num_bad, 1);
  EXPECT_EQ(sets.validation.num_bad, 0);
}

// A generator's rows in a file, beside the generator.
TEST_F(DataSetsTest, SetsAreDisjointOverDomains) {
  const std::string more =
      "[data]\ntrain_rows = 20\nsft_rows = 30\nvalidation_rows = 10\n"
      "heldout_rows = 10\n";
  const std::string math = "[[domain]]\nname = \"math\"\ngenerator = \"math\"\n";
  std::ofstream train(dir_ / "train.jsonl"), held_out(dir_ / "heldout.jsonl");
  for (const Row& row : generate(Domain::kMath, Split::kTest, 4, 0)) train << row.to_json() << '\n';
  for (const Row& row : generate_sft(Domain::kMath, Split::kTrain, 30, 0, 0)) {
    Row copy = row;
    copy.messages.clear();
    held_out << copy.to_json() << '\n';
  }
  for (const char* text : {"1", "2"})
    held_out << json{{"prompt", prompt(text)}, {"answer", "a"}} << '\n';
  train.close(), held_out.close();
  const DataSets data = load(math, more);
  EXPECT_THAT(texts(data.of("own").validation), ElementsAre("1"));
  EXPECT_THAT(texts(data.of("own").test), ElementsAre("2"));
  EXPECT_EQ(data.of("math").validation.rows.size(), 10u);
  EXPECT_EQ(data.of("math").test.rows.size(), 6u);  // four of them are in a training file
  EXPECT_EQ(data.of("math").test.num_repeated, 4);
}

TEST_F(DataSetsTest, NoSetIsEmpty) {
  write("train.jsonl", {"t", "2"});
  write("heldout.jsonl", {"1"});
  EXPECT_THAT(error(), HasSubstr("heldout.jsonl: one row cannot be both validation and test"));
  const DataSets data = load("rl.test_freq = 0\n", "test_freq = 0\n");
  EXPECT_THAT(texts(data.of("own").test), ElementsAre("1"));
  write("heldout.jsonl", {"1", "2"});
  EXPECT_THAT(error(), HasSubstr("no test row is left"));
  write("heldout.jsonl", {"2", "1"});
  EXPECT_THAT(error(), HasSubstr("no validation row is left"));
}

}  // namespace
}  // namespace amalgam::pipeline
