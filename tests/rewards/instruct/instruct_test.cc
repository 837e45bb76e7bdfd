#include "rewards/instruct/instruct.h"

#include <gtest/gtest.h>

#include <ctime>

#include "rewards/instruct/instructions.h"

namespace amalgam::rewards {
namespace {

constexpr const char* kTwoIds =
    R"({"instruction_id_list": ["punctuation:no_comma", "keywords:frequency"],
        "kwargs": [{}, {"keyword": "tea", "frequency": 2, "relation": "at least"}]})";

std::vector<bool> verdicts(const Score& score, const std::string& name) {
  for (const auto& [own, list] : score.verdicts)
    if (own == name) return list;
  return {};
}

TEST(Instruct, AllIdsMustHold) {
  EXPECT_EQ(score_instruct("Tea and tea.", kTwoIds).reward, 1);
  const Score score = score_instruct("Tea, and tea.", kTwoIds);
  EXPECT_EQ(score.status, Status::kScored);
  EXPECT_EQ(score.reward, 0);
  EXPECT_EQ(score.detail, "does not hold: punctuation:no_comma");
  EXPECT_EQ(verdicts(score, "strict"), (std::vector<bool>{false, true}));
  EXPECT_EQ(verdicts(score, "loose"), (std::vector<bool>{false, true}));
  EXPECT_EQ(score.parts, (std::vector<std::pair<std::string, double>>{{"strict_fraction", 0.5},
                                                                      {"loose_fraction", 0.5}}));
}

TEST(Instruct, LooseForgivesFirstAndLastLinesAndStars) {
  const char* row = R"({"instruction_id_list": ["startend:quotation"], "kwargs": [{}]})";
  for (const char* text : {"Sure:\n\"tea\"", "\"tea\"\nDone.", "Sure:\n\"tea\"\nDone.",
                           "**\"tea\"**", "Sure:\n*\"tea\"*"}) {
    const Score strict = score_instruct(text, "", row);
    EXPECT_EQ(strict.reward, 0) << text;
    EXPECT_EQ(verdicts(strict, "loose"), (std::vector<bool>{true})) << text;
    EXPECT_EQ(score_instruct(text, "", row, {.loose = true}).reward, 1) << text;
  }
  for (const char* text : {"a\nb\n\"tea\"\nc", "Sure: \"tea\""})
    EXPECT_EQ(score_instruct(text, "", row, {.loose = true}).reward, 0) << text;
}

TEST(Instruct, ShareOfIds) {
  EXPECT_EQ(score_instruct("Tea, and tea.", kTwoIds, "", {.fraction = true}).reward, 0.5);
  EXPECT_EQ(score_instruct("Tea and tea.", kTwoIds, "", {.fraction = true}).reward, 1);
}

TEST(Instruct, NothingHoldsForABlankResponse) {
  const char* row = R"({"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]})";
  for (const char* text : {"", " \n\t", "\xC2\xA0"})
    EXPECT_EQ(score_instruct(text, "", row, {.loose = true}).reward, 0);
  EXPECT_EQ(score_instruct("***", "", row).reward, 1);
}

// The places and spellings in which data sets have them.
TEST(Instruct, RowsOfIfevalsKind) {
  const std::string list = R"(["keywords:existence"])",
                    kwargs = R"([{"keywords": ["tea"], "letter": null}])";
  const std::string lists = R"({"instruction_id_list": )" + list + R"(, "kwargs": )" + kwargs + "}";
  const std::pair<std::string, std::string> truth_and_row[] = {
      {"", lists},
      {"\"\"", R"({"extra_info": )" + lists + "}"},
      {lists, ""},
      {R"({"num_words": 1})", lists},  // the row's columns come first
      {R"("{\"instruction_id_list\": [\"keywords:existence\"], \"kwargs\": [{\"keywords\": [\"tea\"]}]}")",
       "{}"},
      {R"([{"instruction_id": ["keywords:existence"], "kwargs": [{"keywords": ["tea"]}]}])", ""},
      {R"("[{\"instruction_id\": [\"keywords:existence\"], \"kwargs\": [{\"keywords\": [\"tea\"]}]}]")",
       ""},
      {R"("[{'instruction_id': ['keywords:existence'], 'kwargs': [{'keywords': ['tea'], 'N': None}]}]")",
       ""},
      {"",
       R"({"instruction_id_list": ["keywords:existence"], "kwargs": ["{\"keywords\": [\"tea\"]}"]})"},
      {"",
       R"({"instruction_id_list": "[\"keywords:existence\"]", "kwargs": "[{\"keywords\": [\"tea\"]}]"})"},
      {R"({"instruction_id_list": ["keywords:existence"], "kwargs": [{"keywords": "['tea']"}]})",
       ""},
  };
  for (const auto& [truth, row] : truth_and_row) {
    EXPECT_EQ(problem_of_constraints(truth, row).value_or(""), "") << truth << row;
    EXPECT_EQ(score_instruct("Green tea, leaves", truth, row).reward, 1) << truth << row;
    EXPECT_EQ(score_instruct("Coffee", truth, row).reward, 0) << truth << row;
  }
}

TEST(Instruct, IdsWithoutKwargs) {
  for (const char* truth :
       {R"({"instruction_id_list": ["punctuation:no_comma"]})",
        R"([{"instruction_id": ["punctuation:no_comma"], "kwargs": [null]}])",
        R"("[{'instruction_id': ['punctuation:no_comma'], 'kwargs': [None]}]")"})
    EXPECT_EQ(score_instruct("x", truth).reward, 1) << truth;
}

std::string problem(const std::string& ids, const std::string& kwargs) {
  const std::string row = R"({"instruction_id_list": )" + ids + R"(, "kwargs": )" + kwargs + "}";
  EXPECT_EQ(score_instruct("x", "", row).status, Status::kBadRow) << row;
  return problem_of_constraints("", row).value_or("");
}

TEST(Instruct, RowsThatNoAnswerCanBeCheckedFor) {
  const std::string unknown = problem(R"(["foo:bar"])", "[{}]");
  EXPECT_TRUE(unknown.starts_with(
      "instruction_id_list: unknown id foo:bar; known: change_case:capital_word_frequency, "))
      << unknown;
  EXPECT_LT(unknown.size(), 500);
  EXPECT_LT(problem("[\"" + std::string(10000, 'x') + "\"]", "[{}]").size(), 600);
  EXPECT_EQ(problem(R"(["count:numbers"])", "[{}]"),
            "instruction_id_list: count:numbers: kwargs lack N");
  EXPECT_EQ(problem(R"(["count:numbers"])", "[null]"),
            "instruction_id_list: count:numbers: kwargs lack N");
  EXPECT_EQ(problem(R"(["count:numbers"])", R"([{"N": "3"}])"),
            "instruction_id_list: count:numbers: N is \"3\", not a whole number of at least 0");
  EXPECT_EQ(problem(R"(["count:numbers"])", R"([{"N": [3]}])"),
            "instruction_id_list: count:numbers: N is an array, not a whole number of at least 0");
  EXPECT_EQ(problem(R"(["count:words_japanese"])", R"([{"N": 0}])"),
            "instruction_id_list: count:words_japanese: N is 0, not a whole number of at least 1");
  EXPECT_EQ(problem(R"(["length_constraints:number_words"])",
                    R"([{"num_words": 3, "relation": "around"}])"),
            "instruction_id_list: length_constraints:number_words: relation is \"around\", not "
            "\"less than\" or "
            "\"at least\"");
  EXPECT_EQ(problem(R"(["count:numbers", "format:title_case"])", R"([{"N": 3}])"),
            "instruction_id_list: kwargs are not a list of 2 objects, one for each id");
  for (const auto& [ids, kwargs] :
       {std::pair("[]", "[]"), std::pair("[3]", "[{}]"), std::pair("3", "[]"),
        std::pair(R"(["count:numbers"])", "[[]]"),
        std::pair(R"(["count:numbers"])", R"([{"N": -1}])"),
        std::pair(R"(["count:numbers"])", R"([{"N": 1.5}])"),
        std::pair(R"(["count:numbers"])", R"([{"N": 1e300}])"),
        std::pair(R"(["count:numbers"])", R"([{"N": 18446744073709551615}])"),
        std::pair(R"(["keywords:letter_frequency"])",
                  R"([{"letter": "#", "let_frequency": 1, "let_relation": "at least"}])"),
        std::pair(R"(["keywords:existence"])", R"([{"keywords": []}])"),
        std::pair(R"(["keywords:existence"])", R"([{"keywords": [""]}])"),
        std::pair(R"(["language:response_language"])", R"([{"language": "xx"}])"),
        std::pair(R"(["length_constraints:nth_paragraph_first_word"])",
                  R"([{"num_paragraphs": 1, "nth_paragraph": 2, "first_word": "a"}])")})
    EXPECT_FALSE(problem(ids, kwargs).empty()) << ids << kwargs;
}

// A table with nulls makes its counts floating; a count of 0 is one.
TEST(Instruct, CountsAsTablesHaveThem) {
  const char* row =
      R"({"instruction_id_list": ["detectable_format:number_bullet_lists"], "kwargs": [{"num_bullets": 2.0}]})";
  EXPECT_EQ(score_instruct("* a\n* b", "", row).reward, 1);
  EXPECT_EQ(score_instruct("* a", "", row).reward, 0);
  const char* none =
      R"({"instruction_id_list": ["detectable_format:number_bullet_lists"], "kwargs": [{"num_bullets": 0}]})";
  EXPECT_EQ(score_instruct("a", "", none).reward, 1);
  EXPECT_EQ(score_instruct("- a", "", none).reward, 0);
}

// Words that are no plain pattern: as the prompt says, where IFEval's own check has no use.
TEST(Instruct, KeywordsAreTexts) {
  const char* row =
      R"({"instruction_id_list": ["keywords:existence"], "kwargs": [{"keywords": ["C++", "a.b"]}]})";
  EXPECT_EQ(score_instruct("c++ has a.b", "", row).reward, 1);
  EXPECT_EQ(score_instruct("C++ has axb", "", row).reward, 0);
  const char* forbidden =
      R"({"instruction_id_list": ["keywords:forbidden_words"], "kwargs": [{"forbidden_words": ["C++"]}]})";
  EXPECT_EQ(score_instruct("I like c++ a lot", "", forbidden).reward, 0);
  EXPECT_EQ(score_instruct("I like C a lot", "", forbidden).reward, 1);
}

TEST(Instruct, OtherTruthsAreConstraints) {
  EXPECT_EQ(
      score_instruct("SUN CAT", R"({"case": "upper"})", R"({"prompt": "instruction_id"})").reward,
      1);
  EXPECT_EQ(score_instruct("Sun cat", R"({"case": "upper"})").reward, 0);
  for (const char* truth :
       {"", "{}", "[]", "\"instruction_id_list\"", R"({"instruction_id_list": null})"})
    EXPECT_EQ(score_instruct("x", truth).status, Status::kBadRow) << truth;
}

TEST(Instruct, TruthsThatNestDeeply) {
  for (const char* part : {"[", "{'a':", "(", "\"[", "['"}) {
    std::string text;
    for (int i = 0; i < 10000; ++i) text += part;
    text += "instruction_id";
    EXPECT_EQ(score_instruct("x", text).status, Status::kBadRow) << part;
    EXPECT_EQ(score_instruct("x", "", text).status, Status::kBadRow) << part;
  }
}

Arguments some_arguments(const Instruction& instruction) {
  Arguments arguments;
  for (const auto& [name, kind] : instruction.parameters) {
    if (kind == ArgumentKind::kNumber || kind == ArgumentKind::kPosition) {
      arguments.add(name, int64_t{2});
    } else if (kind == ArgumentKind::kWords) {
      arguments.add(name, std::vector<std::u32string>{U"river", U"tea"});
    } else {
      const bool relation = kind == ArgumentKind::kRelation, letter = kind == ArgumentKind::kLetter;
      arguments.add(name, std::u32string(relation ? U"at least" : letter ? U"a" : U"en"));
    }
  }
  return arguments;
}

// Each takes milliseconds of processor time; what grows with the square of the length takes many
// seconds.
TEST(Instruct, HostileTexts) {
  std::vector<std::u32string> texts;
  for (const char* part : {"(",
                           "[ ]",
                           "[",
                           "*",
                           "* ",
                           "\n",
                           " ",
                           " \n",
                           ".",
                           ". ",
                           ". . ",
                           "!",
                           "<<",
                           "<<a>>",
                           "\"",
                           "'",
                           "-",
                           "@",
                           "a@b",
                           "http://",
                           "Mr. ",
                           "A.B. He ",
                           "***\n",
                           "en 1",
                           "p. p. ",
                           "1,",
                           "\xCE\xA3'",
                           "\xCC\x80",
                           "\xFF",
                           "{\"a\":[",
                           "{",
                           "\\",
                           "``",
                           ", ",
                           "a,\"",
                           "oak\n",
                           "\xF0\x9F\x98\x80. "}) {
    std::string text;
    while (text.size() < 100'000) text += part;
    texts.push_back(decoded(text));
  }
  texts.push_back(std::u32string(100'000, U'\0'));
  texts.push_back(std::u32string(100'000, U'a'));
  for (const Instruction& instruction : instructions()) {
    const Arguments arguments = some_arguments(instruction);
    for (const std::u32string& text : texts) {
      const std::clock_t begin = std::clock();
      (void)instruction.holds(text, arguments);
      EXPECT_LT(std::clock() - begin, 4 * CLOCKS_PER_SEC)
          << instruction.id << " " << encoded(text.substr(0, 9));
    }
  }
}

TEST(Instruct, KnownIds) {
  EXPECT_EQ(instructions().size(), 69);
  EXPECT_NE(find_instruction("format:sub-bullets"), nullptr);
  EXPECT_EQ(find_instruction("format:sub-bullet"), nullptr);
  EXPECT_EQ(find_instruction(""), nullptr);
}

}  // namespace
}  // namespace amalgam::rewards
