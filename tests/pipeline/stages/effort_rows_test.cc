// What efforts make of a domain's rows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "configs/error.h"
#include "configs/load.h"
#include "model/tokenizer/bpe_trainer.h"
#include "pipeline/stages/domain_groups.h"
#include "pipeline/stages/domain_rows.h"
#include "proto/worker.pb.h"

namespace amalgam::pipeline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

configs::RunConfig config_of(const std::string& keys) {
  return configs::parse_run_config(
      "effort_form = 'line'\n[[domain]]\nname = 'bus'\n"
      "train_file = 't.jsonl'\nheldout_file = 'h.jsonl'\n" +
          keys,
      "a.toml");
}

class EffortRows : public testing::Test {
 protected:
  PromptRow prompt(const configs::DomainConfig& domain, const std::string& row, size_t place = 0) {
    rows_ = RowStore();
    for (size_t i = 0; i <= place; ++i) rows_.add(row);
    return encode_prompt(tokenizer_, rollout::ToolRegistry::builtin(), domain, rows_, Split::kTrain,
                         place);
  }
  std::string text(const PromptRow& row) {
    return tokenizer_.decode(row.ids, model::SpecialIds::kKeep);
  }

  const model::Tokenizer tokenizer_ =
      model::Tokenizer::from_json(model::tokenizer_json(model::train_bpe(
                                      std::vector<std::string>{"a b c d"}, {.vocab_size = 300})),
                                  "test");
  RowStore rows_;
};

const char* const kRow = R"({"prompt": "q", "reward_model": {"ground_truth": "1"}})";
const char* const kMaxRow =
    R"({"prompt": "q", "effort": "max", "reward_model": {"ground_truth": "1"}})";
const char* const kRow35 =
    R"({"prompt": "q", "effort": 35, "reward_model": {"ground_truth": "1"}})";

TEST_F(EffortRows, APromptSaysTheModeOfItsDomain) {
  const configs::RunConfig config =
      config_of("efforts = ['none', 'max']\nwindows = { none = 24 }\n");
  const PromptRow none = prompt(config.domains[0], kRow);
  EXPECT_EQ(text(none),
            "<｜begin▁of▁sentence｜>Reasoning Effort: none<｜User｜>q<｜Assistant｜><think>");
  EXPECT_EQ(none.effort, "none");
  EXPECT_EQ(none.window, 24);
  EXPECT_TRUE(none.thinking);
  EXPECT_EQ(none.domain, "bus-none");
  EXPECT_EQ(none.data_source, "bus");
  const PromptRow max = prompt(config.domains[1], kRow);
  EXPECT_THAT(text(max), HasSubstr("Reasoning Effort: max"));
  EXPECT_EQ(max.window, 0);
  const proto::SampleGroup group = sample_group(none, 3, 5, 2);
  EXPECT_EQ(group.meta().effort(), "none");
  EXPECT_EQ(group.max_response_length(), 24);
}

TEST_F(EffortRows, InABandARowKeepsItsNumber) {
  const configs::DomainConfig domain = config_of("efforts = { bands = 5 }\n").domains[1];
  std::set<int> numbers;
  for (size_t place = 0; place < 200; ++place) {
    const PromptRow row = prompt(domain, kRow, place);
    EXPECT_EQ(row.effort, prompt(domain, kRow, place).effort);
    numbers.insert(std::stoi(row.effort));
  }
  EXPECT_EQ(*numbers.begin(), 21);
  EXPECT_EQ(*numbers.rbegin(), 40);
  EXPECT_EQ(numbers.size(), 20u);
  EXPECT_EQ(prompt(domain, kRow35).effort, "35");
}

TEST_F(EffortRows, ARowWithAnEffortBelongsToItsMode) {
  const configs::RunConfig config = config_of("efforts = ['none', 'max', 'b21-40']\n");
  const auto is_of = [&](size_t domain, const char* effort) {
    Row row;
    row.effort = effort;
    return is_of_efforts(config.domains[domain], row);
  };
  EXPECT_TRUE(is_of(0, "none") && is_of(1, "max") && is_of(2, "21") && is_of(2, "40"));
  EXPECT_FALSE(is_of(0, "max") || is_of(1, "none") || is_of(2, "20") || is_of(2, "max"));
  EXPECT_TRUE(is_of(0, "") && is_of(2, ""));
}

TEST_F(EffortRows, WithoutEffortsOfTheDomainARowsOwnIsSaid) {
  configs::DomainConfig domain = config_of("windows = { max = 72 }\n").domains[0];
  const PromptRow row = prompt(domain, kMaxRow);
  EXPECT_THAT(text(row), HasSubstr("Reasoning Effort: max"));
  EXPECT_EQ(row.window, 72);
  EXPECT_EQ(prompt(domain, kRow).effort, "high");
  EXPECT_THAT(text(prompt(domain, kRow)), testing::Not(HasSubstr("Effort")));
  domain.effort_form = configs::EffortForm::kEncoding;
  Row numbered;
  numbered.prompt = R"([{"role": "user", "content": "q"}])";
  numbered.effort = "35";
  try {
    check_row(rollout::ToolRegistry::builtin(), domain, row_checker(domain), numbered,
              RowUse::kPrompt);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("cannot write the effort '35'"));
  }
}

// So that a question of the test set is learned neither at another effort nor by another way to ask
// for the same one.
TEST_F(EffortRows, AQuestionIsTheSameAtEveryEffort) {
  configs::RunConfig config = config_of("efforts = ['none', 'max', 'b1-20']\n");
  const auto texts = [&](const configs::DomainConfig& domain, const std::string& effort = "",
                         const std::string& mode = "") {
    Row row;
    row.prompt = R"([{"role": "user", "content": "q"}])";
    row.effort = effort, row.mode = mode;
    const auto all = encoded_prompts(rollout::ToolRegistry::builtin(), domain, row, "x");
    return std::set<std::string>(all.begin(), all.end());
  };
  const auto meet = [](const std::set<std::string>& a, const std::set<std::string>& b) {
    return std::any_of(a.begin(), a.end(), [&](const auto& text) { return b.contains(text); });
  };
  for (const auto& a : config.domains)
    for (const auto& b : config.domains) EXPECT_TRUE(meet(texts(a), texts(b)));
  // Without efforts nothing is added.
  configs::DomainConfig plain = config_of("").domains[0];
  EXPECT_EQ(texts(plain).size(), 1u);
  // None by the encoding is chat mode.
  plain.effort_form = configs::EffortForm::kEncoding;
  EXPECT_TRUE(meet(texts(plain, "none"), texts(plain, "", "chat")));
  EXPECT_TRUE(meet(texts(plain, "max"), texts(plain, "none")));
  EXPECT_FALSE(meet(texts(plain, "max"), texts(plain, "", "chat")));
}

TEST_F(EffortRows, ExamplesSayTheirEffortToo) {
  const configs::RunConfig config = config_of("efforts = ['none', 'max']\n");
  RowStore rows;
  rows.add(R"({"messages": [{"role": "user", "content": "q"},
                            {"role": "assistant", "reasoning_content": "r", "content": "a"}]})");
  kernels::ThreadPool pool(1);
  const SftRow row = encode_sft_rows(pool, tokenizer_, rollout::ToolRegistry::builtin(),
                                     config.domains[1], rows)[0];
  EXPECT_EQ(
      tokenizer_.decode(row.ids, model::SpecialIds::kKeep),
      "<｜begin▁of▁sentence｜>Reasoning Effort: max<｜User｜>q<｜Assistant｜><think>r</think>a"
      "<｜end▁of▁sentence｜>");
}

std::vector<std::string> names(const Domains& domains) {
  std::vector<std::string> all;
  for (const auto* d : domains) all.push_back(d->name);
  return all;
}

TEST(DomainGroups, WhoIsTrainedOnWhat) {
  const configs::RunConfig config = config_of(
      "efforts = ['none', 'max']\n[[domain]]\nname = 'all'\ngenerator = 'math'\n"
      "efforts = ['none', 'max']\nspecialists = 'one'\n[[domain]]\nname = 'code'\n"
      "generator = 'code'\n");
  EXPECT_THAT(names(one_of_each_specialist(config)),
              ElementsAre("bus-none", "bus-max", "all-none", "code"));
  EXPECT_THAT(names(specialist_domains(config, config.domains[3])),
              ElementsAre("all-none", "all-max"));
  EXPECT_EQ(specialist_name(config.domains[3]), "all");
  EXPECT_THAT(names(named_domains(config, "bus", "")), ElementsAre("bus-none", "bus-max"));
  EXPECT_THAT(names(named_domains(config, "bus-max", "")), ElementsAre("bus-max"));
  EXPECT_THAT(names(named_domains(config, "bus", "max")), ElementsAre("bus-max"));
  EXPECT_THROW(named_domains(config, "bus", "high"), Error);
  EXPECT_THROW(named_domains(config, "tram", ""), Error);
  EXPECT_THAT(student_groups(config), ElementsAre(""));
  configs::RunConfig each = config;
  each.distill.students = configs::Students::kPerDomain;
  EXPECT_THAT(student_groups(each), ElementsAre("bus", "all", "code"));
  EXPECT_THAT(names(domains_of(each, "all")), ElementsAre("all-none", "all-max"));
  EXPECT_EQ(merged_name("student", "all"), "student-all");
  EXPECT_EQ(merged_name("student", ""), "student");
}

}  // namespace
}  // namespace amalgam::pipeline
