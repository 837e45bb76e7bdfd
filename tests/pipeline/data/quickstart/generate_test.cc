#include "pipeline/data/quickstart/generate.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "configs/error.h"
#include "configs/generator.h"
#include "model/encoding/message.h"
#include "pipeline/data/forms/row_reader.h"
#include "rewards/answers/match.h"
#include "rewards/instruct/instruct.h"
#include "rewards/math/math_answer.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;

class Generate : public testing::TestWithParam<Domain> {};

std::string problem_of(const Row& row) { return json::parse(row.extra_info).at("problem"); }

bool is_careless(const Row& row) { return json::parse(row.extra_info).at("careless"); }

std::vector<std::string> lines(const std::vector<Row>& rows) {
  std::vector<std::string> text;
  for (const Row& row : rows) text.push_back(row.to_json());
  return text;
}

// What the model sees of a row.
std::string prompt_of(const Row& row) { return row.prompt; }

TEST_P(Generate, SplitsAreLargeDistinctAndDisjoint) {
  std::map<std::string, Split> prompts;
  const auto add = [&](const std::vector<Row>& rows, Split split) {
    std::set<std::string> problems;
    for (const Row& row : rows) {
      problems.insert(problem_of(row));
      EXPECT_EQ(prompts.emplace(prompt_of(row), split).first->second, split) << prompt_of(row);
    }
    EXPECT_EQ(problems.size(), rows.size());
  };
  add(generate(GetParam(), Split::kTrain, 6000, 1), Split::kTrain);
  add(generate_sft(GetParam(), Split::kTrain, 6000, 1, 0.5), Split::kTrain);
  for (const uint64_t seed : {1, 2}) {
    add(generate(GetParam(), Split::kValidation, 200, seed), Split::kValidation);
    add(generate(GetParam(), Split::kTest, 300, seed), Split::kTest);
  }
}

TEST_P(Generate, EverySplitHasEveryTypeOfProblem) {
  const auto types = [](Split split) {
    std::set<std::string> found;
    for (const Row& row : generate(GetParam(), split, 200, 1))
      found.insert(json::parse(row.extra_info).at("type"));
    return found;
  };
  EXPECT_EQ(types(Split::kValidation), types(Split::kTrain));
  EXPECT_EQ(types(Split::kTest), types(Split::kTrain));
}

TEST_P(Generate, ALongerSetBeginsWithTheShorterOne) {
  auto longer = lines(generate(GetParam(), Split::kTrain, 50, 9));
  longer.resize(20);
  EXPECT_EQ(longer, lines(generate(GetParam(), Split::kTrain, 20, 9)));
  EXPECT_NE(longer, lines(generate(GetParam(), Split::kTrain, 20, 10)));
}

TEST_P(Generate, ColumnsSurviveAFileAndNameTheDomain) {
  for (const Row& row : generate_sft(GetParam(), Split::kTest, 20, 3, 0.5)) {
    const Row again = row_from_json(row.to_json(), RowUse::kPrompt, "row");
    EXPECT_EQ(json::parse(again.prompt), json::parse(row.prompt));
    EXPECT_EQ(json::parse(again.extra_info), json::parse(row.extra_info));
    EXPECT_EQ(json::parse(again.ground_truth), json::parse(row.ground_truth));
    EXPECT_EQ(again.to_json(), row.to_json());
    EXPECT_EQ(std::tie(again.data_source, again.style, again.mode, again.tools),
              std::tie(row.data_source, row.style, row.mode, row.tools));
    const Row example = row_from_json(row.to_json(), RowUse::kExample, "row");
    EXPECT_EQ(model::messages_to_json(model::messages_from_json(example.messages, "m")),
              model::messages_to_json(model::messages_from_json(row.messages, "m")));
    EXPECT_EQ(row.data_source, to_string(GetParam()));
    EXPECT_EQ(row.style, to_string(GetParam()));
    EXPECT_EQ(json::parse(row.extra_info).at("split"), "test");
    const auto messages = json::parse(row.messages), prompt = json::parse(row.prompt);
    ASSERT_GT(messages.size(), prompt.size());
    for (size_t i = 0; i < prompt.size(); ++i) EXPECT_EQ(messages[i], prompt[i]);
    EXPECT_EQ(messages.back().at("role"), "assistant");
    EXPECT_EQ(messages.back().contains("reasoning_content"), row.mode == "thinking");
  }
}

TEST_P(Generate, TheCarelessShareIsAsAsked) {
  const auto count_careless = [](double share) {
    int count = 0;
    for (const Row& row : generate_sft(GetParam(), Split::kTrain, 1000, 4, share))
      count += is_careless(row);
    return count;
  };
  EXPECT_EQ(count_careless(0), 0);
  EXPECT_EQ(count_careless(1), 1000);
  EXPECT_NEAR(count_careless(0.45), 450, 60);  // four standard deviations
}

TEST_P(Generate, TextsAreShort) {
  // Words, digits and marks: an upper bound for the tokens of a vocabulary that knows the words.
  const auto pieces = [](const std::string& text) {
    int count = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const bool in_word = std::isalpha(static_cast<unsigned char>(text[i])) && i > 0 &&
                           std::isalpha(static_cast<unsigned char>(text[i - 1]));
      count += !in_word && text[i] != ' ';
    }
    return count;
  };
  for (const Row& row : generate_sft(GetParam(), Split::kTrain, 500, 5, 0)) {
    const auto messages = json::parse(row.messages);
    int prompt = 0;
    for (const auto& message : json::parse(row.prompt)) prompt += pieces(message.at("content"));
    EXPECT_LE(prompt, 48) << row.prompt;
    EXPECT_LE(pieces(messages.back().at("content")), 50) << row.messages;
  }
}

INSTANTIATE_TEST_SUITE_P(Domains, Generate, testing::ValuesIn(kDomains),
                         [](const auto& test) { return to_string(test.param); });

TEST(Domains, UnknownDomain) {
  EXPECT_EQ(parse_domain("agent"), Domain::kAgent);
  EXPECT_THROW(parse_domain("poetry"), Error);
}

// The final answer of a row's conversation under the verifier of its domain.
double reward(const Row& row) {
  const std::string answer = json::parse(row.messages).back().at("content");
  const rewards::Score score = row.style == "instruct"
                                   ? rewards::score_instruct(answer, row.ground_truth)
                                   : rewards::score_math_answer(answer, row.ground_truth);
  EXPECT_EQ(score.status, rewards::Status::kScored) << score.detail;
  return score.reward;
}

TEST(GeneratedAnswers, GoodOnesScore1AndCarelessOnes0) {
  for (const Domain domain : {Domain::kMath, Domain::kAgent, Domain::kInstruct})
    for (const Row& row : generate_sft(domain, Split::kTrain, 2000, 6, 0.5))
      EXPECT_EQ(reward(row), is_careless(row) ? 0 : 1) << row.to_json();
}

TEST(GeneratedMath, ReasoningIsRightStepByStep) {
  for (const Row& row : generate_sft(Domain::kMath, Split::kTrain, 500, 7, 0)) {
    const auto answer = json::parse(row.messages).back();
    const std::string reasoning = answer.at("reasoning_content");
    const std::string problem = problem_of(row).substr(5);
    int total = std::stoi(problem), num_steps = 0;
    std::istringstream operands(problem.substr(1)), steps(reasoning);
    for (char sign = 0; operands >> sign; ++num_steps) {
      int operand = 0, left = 0, right = 0, result = 0;
      char step_sign = 0, equals = 0;
      operands >> operand;
      steps >> left >> step_sign >> right >> equals >> result;
      EXPECT_EQ(left, total);
      EXPECT_EQ(step_sign, sign);
      EXPECT_EQ(right, operand);
      total += sign == '+' ? operand : -operand;
      EXPECT_EQ(result, total) << reasoning;
      steps.ignore(1);  // the comma
    }
    EXPECT_GE(num_steps, 2);
    EXPECT_LE(num_steps, 4);
    EXPECT_EQ(answer.at("content"), std::to_string(total));
  }
}

TEST(GeneratedAgent, GoodConversationsCallToolsAndCarelessOnesNone) {
  std::map<std::string, int> types;
  for (const Row& row : generate_sft(Domain::kAgent, Split::kTrain, 400, 8, 0.5)) {
    const auto messages = json::parse(row.messages), info = json::parse(row.extra_info);
    ++types[info.at("type")];
    size_t num_calls = 0, num_results = 0;
    for (const auto& message : messages) {
      for (const auto& call : message.value("tool_calls", json::array())) {
        EXPECT_EQ(call.at("id"), "call_" + std::to_string(num_calls++));
        const auto& function = call.at("function");
        const auto arguments = json::parse(function.at("arguments").get<std::string>());
        if (function.at("name") == "lookup") {
          EXPECT_TRUE(info.at("sandbox").at("kv").contains(arguments.at("key")));
        }
      }
      if (message.at("role") == "tool") {
        EXPECT_EQ(message.at("tool_call_id"), "call_" + std::to_string(num_results++));
      }
    }
    EXPECT_EQ(num_calls, num_results);
    if (!is_careless(row)) {
      EXPECT_GE(num_calls, 1u);
      EXPECT_LE(num_calls, 3u);
    } else {
      EXPECT_EQ(num_calls, 0u);
    }
  }
  EXPECT_EQ(types.size(), 4u);
  for (const auto& [type, count] : types) EXPECT_GT(count, 60) << type;
}

// The two forms of a domain.
class GenerateForms : public testing::TestWithParam<Domain> {
 protected:
  Source source(int form) const {
    const auto generator = configs::parse_generator(to_string(GetParam()));
    return {GetParam(), configs::forms_of(generator->source)[static_cast<size_t>(form)]};
  }
};

TEST_P(GenerateForms, AskTheSameAndNameTheForm) {
  for (const Split split : {Split::kTrain, Split::kValidation, Split::kTest}) {
    const auto first = generate(source(0), split, 60, 1),
               second = generate(source(1), split, 60, 1);
    for (size_t i = 0; i < first.size(); ++i) {
      EXPECT_EQ(problem_of(first[i]), problem_of(second[i]));
      const auto a = json::parse(first[i].prompt), b = json::parse(second[i].prompt);
      EXPECT_EQ(a.back(), b.back());
      for (const auto& [prompt, form] :
           {std::pair(a, source(0).form), std::pair(b, source(1).form)}) {
        const std::string system = prompt.front().at("content"), line = "Form: " + form + ".";
        EXPECT_EQ(prompt.front().at("role"), "system");
        EXPECT_TRUE(system == line || system.ends_with("\n" + line)) << system;
      }
      EXPECT_NE(first[i].ground_truth, second[i].ground_truth);
    }
  }
}

TEST_P(GenerateForms, SplitsAreDisjoint) {
  std::set<std::string> seen;
  size_t count = 0;
  for (const Split split : {Split::kTrain, Split::kValidation, Split::kTest})
    for (const Row& row : generate(source(1), split, split == Split::kTrain ? 3000 : 150, 2))
      seen.insert(prompt_of(row)), ++count;
  EXPECT_EQ(seen.size(), count);
}

TEST_P(GenerateForms, TheShareInTheOtherFormIsAsAskedAndWhatIsAskedHasNoPartInIt) {
  const auto first = generate_sft(source(0), Split::kTrain, 1000, 3, 0.5),
             second = generate_sft(source(1), Split::kTrain, 1000, 3, 0.5);
  int count = 0, same = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    const bool other = json::parse(first[i].extra_info).at("other_form");
    count += other;
    // The first form's example in the other form is the second's in its own.
    const auto a = json::parse(first[i].messages).back(),
               b = json::parse(second[i].messages).back();
    same += a == b;
    EXPECT_EQ(json::parse(second[i].extra_info).at("other_form"), other);
  }
  EXPECT_NEAR(count, 500, 64);  // four standard deviations
  EXPECT_EQ(same, 0);
}

INSTANTIATE_TEST_SUITE_P(Domains, GenerateForms, testing::ValuesIn(kDomains),
                         [](const auto& test) { return to_string(test.param); });

TEST(GeneratedForms, ARightAnswerInTheOtherFormScores0) {
  for (const Source& source :
       {Source(Domain::kMath, "digits"), Source(Domain::kMath, "words"),
        Source(Domain::kAgent, "plain"), Source(Domain::kAgent, "json"),
        Source(Domain::kInstruct, "line"), Source(Domain::kInstruct, "list")})
    for (const Row& row : generate_sft(source, Split::kTrain, 500, 4, 0.5)) {
      EXPECT_EQ(row.style, "exact_match");
      const std::string answer = json::parse(row.messages).back().at("content");
      const bool other = json::parse(row.extra_info).at("other_form");
      EXPECT_EQ(rewards::score_exact_match(answer, {json::parse(row.ground_truth)}).reward,
                other ? 0 : 1)
          << row.to_json();
    }
}

// A word for a number, a sign or "is".
std::string in_digits(std::string text) {
  const char* const words[] = {"zero",  "one",   "two",  "three", "four",   "five",  "six",
                               "seven", "eight", "nine", "ten",   "eleven", "twelve"};
  std::istringstream in(text);
  std::string out, word;
  while (in >> word) {
    const bool comma = word.ends_with(',');
    if (comma) word.pop_back();
    if (word == "plus") word = "+";
    if (word == "minus") word = "-";
    if (word == "is") word = "=";
    for (int i = 0; i < 13; ++i)
      if (word == words[i]) word = std::to_string(i);
    out += (out.empty() ? "" : " ") + word + (comma ? "," : "");
  }
  return out;
}

TEST(GeneratedForms, MathInWordsSaysWhatMathInDigitsSays) {
  const auto digits = generate_sft({Domain::kMath, "digits"}, Split::kTrain, 300, 5, 0),
             words = generate_sft({Domain::kMath, "words"}, Split::kTrain, 300, 5, 0);
  for (size_t i = 0; i < digits.size(); ++i) {
    const auto a = json::parse(digits[i].messages).back(),
               b = json::parse(words[i].messages).back();
    EXPECT_EQ(a.at("reasoning_content"), in_digits(b.at("reasoning_content")));
    EXPECT_EQ(a.at("content"), in_digits(b.at("content")));
    EXPECT_NE(a.at("content"), b.at("content"));
  }
}

TEST(GeneratedForms, AProgramIsTestedByLinesAndAFunctionByCalls) {
  for (const Row& row : generate_sft({Domain::kCode, "program"}, Split::kTrain, 50, 6, 0)) {
    const auto truth = json::parse(row.ground_truth);
    EXPECT_FALSE(truth.contains("fn_name"));
    EXPECT_TRUE(truth.at("inputs").at(0).get<std::string>().ends_with('\n'));
    const std::string answer = json::parse(row.messages).back().at("content");
    EXPECT_TRUE(answer.starts_with("xs = map(int, input().split())\nprint(")) << answer;
  }
  for (const Row& row : generate_sft({Domain::kCode, "function"}, Split::kTrain, 50, 6, 0)) {
    EXPECT_EQ(json::parse(row.ground_truth).at("fn_name"), "f");
    const std::string answer = json::parse(row.messages).back().at("content");
    EXPECT_TRUE(answer.starts_with("def f(xs):\n    return ")) << answer;
  }
}

}  // namespace
}  // namespace amalgam::pipeline
