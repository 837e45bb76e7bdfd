#include "rewards/answers/match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rewards/answers/words.h"

namespace amalgam::rewards {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

double exact(const std::string& content, const std::string& truth) {
  return score_exact_match(content, accepted_texts(truth)).reward;
}
double f1(const std::string& content, const std::string& truth) {
  return score_f1(content, accepted_texts(truth)).reward;
}

TEST(Match, NormalForm) {
  EXPECT_EQ(squad_normal("  The   Eiffel-Tower, a tower! "), "eiffeltower tower");
  EXPECT_EQ(squad_normal("ÉCOLE Ünter ΑΘΗΝΑ Москва"), "école ünter αθηνα москва");
  EXPECT_EQ(squad_normal("An  another theatre"), "another theatre");
  EXPECT_EQ(squad_normal("\xff x"), "\ufffd x");  // no UTF-8
}

TEST(Match, AcceptedTexts) {
  EXPECT_THAT(accepted_texts("\"Paris\""), ElementsAre("Paris"));
  EXPECT_THAT(accepted_texts("[\"Paris\", 75, \" \"]"), ElementsAre("Paris", "75"));
  EXPECT_THAT(accepted_texts("{\"target\": [\"a b\", \"c\"]}"), ElementsAre("a b", "c"));
  EXPECT_THAT(accepted_texts("{\"answers\": {\"text\": [\"x\"], \"answer_start\": [3]}}"),
              ElementsAre("x"));
  EXPECT_THAT(accepted_texts("null"), IsEmpty());
  EXPECT_THAT(accepted_texts("{\"other\": 1}"), IsEmpty());
  EXPECT_THAT(accepted_texts("not json"), IsEmpty());
}

TEST(Match, TheAnswerInTags) {
  const std::string truth = "{\"target\": [\"Marie Curie\"]}";
  EXPECT_EQ(exact("<answer>Pierre</answer> no: <answer> Marie Curie. </answer>", truth), 1);
  EXPECT_EQ(exact("<answer>Marie Curie</answer> no: <answer>Pierre</answer>", truth), 0);
  EXPECT_EQ(exact("<answer>Marie Curie", truth), 0);
  EXPECT_EQ(exact("Marie Curie", truth), 1);
  EXPECT_EQ(exact("The answer is Marie Curie.\nShe was born in Warsaw.", truth), 1);
  EXPECT_EQ(exact("Marie Curie and Pierre", truth), 0);
  EXPECT_EQ(exact("", truth), 0);
  std::string sprayed;
  for (int i = 0; i < 11; ++i) sprayed += "<answer>Marie Curie</answer>";
  EXPECT_EQ(exact(sprayed, truth), 0.25);
}

TEST(Match, F1CountsSharedWords) {
  EXPECT_DOUBLE_EQ(f1("the red house", "[\"a red house\", \"blue\"]"), 1);
  EXPECT_DOUBLE_EQ(f1("red red house", "\"red house\""), 2 * (2.0 / 3) * 1 / (2.0 / 3 + 1));
  EXPECT_EQ(f1("green", "\"red house\""), 0);
  EXPECT_EQ(f1("", "\"red house\""), 0);
  EXPECT_EQ(f1("the", "\"red house\""), 0);
}

TEST(Match, EndsOnLongTexts) {
  const std::string open = std::string(10000, '{') + "<answer>";
  std::string many;
  for (int i = 0; i < 10000; ++i) many += "<answer>";
  EXPECT_EQ(exact(many, "\"x\""), 0);
  EXPECT_EQ(exact(open + std::string(100000, 'a'), "\"x\""), 0);
  EXPECT_EQ(f1(std::string("a\0b", 3), "\"x\""), 0);
}

}  // namespace
}  // namespace amalgam::rewards
