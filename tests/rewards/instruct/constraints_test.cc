#include <gtest/gtest.h>

#include "rewards/instruct/instruct.h"

namespace amalgam::rewards {
namespace {

double constraint_reward(const std::string& solution, const std::string& truth) {
  const Score score = score_instruct(solution, truth);
  EXPECT_EQ(score.status, Status::kScored) << score.detail;
  return score.reward;
}

TEST(WordConstraints, NumberOfWords) {
  const char* truth = R"({"num_words": 3})";
  EXPECT_EQ(constraint_reward("sun cat red", truth), 1);
  EXPECT_EQ(constraint_reward(" sun,  cat\nred. ", truth), 1);
  EXPECT_EQ(constraint_reward("sun cat", truth), 0);
  EXPECT_EQ(constraint_reward("sun cat red box", truth), 0);
  EXPECT_EQ(constraint_reward("", truth), 0);
  EXPECT_EQ(constraint_reward("sun , cat .", truth), 0);  // lone marks are not words
}

TEST(WordConstraints, AllowedAndExactWords) {
  EXPECT_EQ(constraint_reward("Sun sun cat", R"({"allowed_words": ["cat", "sun"]})"), 1);
  EXPECT_EQ(constraint_reward("sun dog", R"({"allowed_words": ["cat", "sun"]})"), 0);
  EXPECT_EQ(constraint_reward("cat SUN", R"({"exact_words": ["sun", "cat"]})"), 1);
  EXPECT_EQ(constraint_reward("cat sun sun", R"({"exact_words": ["sun", "cat"]})"), 0);
  EXPECT_EQ(constraint_reward("cat", R"({"exact_words": ["sun", "cat"]})"), 0);
}

TEST(WordConstraints, Case) {
  EXPECT_EQ(constraint_reward("SUN CAT", R"({"case": "upper"})"), 1);
  EXPECT_EQ(constraint_reward("SUN CaT", R"({"case": "upper"})"), 0);
  EXPECT_EQ(constraint_reward("sun cat", R"({"case": "lower"})"), 1);
  EXPECT_EQ(constraint_reward("Sun cat", R"({"case": "lower"})"), 0);
}

TEST(WordConstraints, FirstAndLastWord) {
  EXPECT_EQ(constraint_reward("Sun cat", R"({"start": "sun"})"), 1);
  EXPECT_EQ(constraint_reward("cat sun", R"({"start": "sun"})"), 0);
  EXPECT_EQ(constraint_reward("sunny cat", R"({"start": "sun"})"), 0);
  EXPECT_EQ(constraint_reward("cat sun.", R"({"end": "sun"})"), 1);
  EXPECT_EQ(constraint_reward("sun cat", R"({"end": "sun"})"), 0);
}

TEST(WordConstraints, AlphabeticalOrder) {
  EXPECT_EQ(constraint_reward("box cat cat Sun", R"({"order": "alphabetical"})"), 1);
  EXPECT_EQ(constraint_reward("box sun cat", R"({"order": "alphabetical"})"), 0);
}

TEST(WordConstraints, JsonObject) {
  const char* truth = R"({"json_keys": ["a", "c"], "json_values": "integer"})";
  EXPECT_EQ(constraint_reward(R"({"c": 3, "a": -7})", truth), 1);
  EXPECT_EQ(constraint_reward("```json\n{\"a\": 1, \"c\": 2}\n```", truth), 1);
  EXPECT_EQ(constraint_reward("```json\n\xEF\xBB\xBF{\"a\": 1, \"c\": 2}\n```", truth), 0);
  EXPECT_EQ(constraint_reward(R"({"a": 1})", truth), 0);
  EXPECT_EQ(constraint_reward(R"({"a": 1, "c": 2, "d": 3})", truth), 0);
  EXPECT_EQ(constraint_reward(R"({"a": 1, "c": 2, "a": 3})", truth), 0);
  EXPECT_EQ(constraint_reward(R"({"a": 1, "c": "2"})", truth), 0);
  EXPECT_EQ(constraint_reward(R"({"a": 1, "c": 2.0})", truth), 0);
  EXPECT_EQ(constraint_reward(R"({"a": 1, "c": true})", truth), 0);
  EXPECT_EQ(constraint_reward(R"(["a", "c"])", truth), 0);
  EXPECT_EQ(constraint_reward(R"({"a": 1, "c": 2} extra)", truth), 0);
  EXPECT_EQ(constraint_reward("{\"a\": 1, \"c\": 2", truth), 0);
  EXPECT_EQ(constraint_reward(std::string(5000, '['), truth), 0);
  EXPECT_EQ(constraint_reward("\xff", truth), 0);
}

TEST(WordConstraints, AllConstraintsMustHold) {
  const char* truth = R"({"num_words": 2, "allowed_words": ["sun"], "case": "upper"})";
  EXPECT_EQ(constraint_reward("SUN SUN", truth), 1);
  EXPECT_EQ(constraint_reward("SUN", truth), 0);
  EXPECT_EQ(constraint_reward("SUN CAT", truth), 0);
  EXPECT_EQ(constraint_reward("SUN sun", truth), 0);
}

TEST(WordConstraints, GroundTruthAsTextOrUnusable) {
  EXPECT_EQ(constraint_reward("SUN", R"("{\"case\": \"upper\"}")"), 1);
  for (const char* truth :
       {"", "{}", "3", "null", R"({"colour": "red"})", R"({"case": "title"})",
        R"({"num_words": "x"})", R"({"order": "random"})", R"({"json_keys": 3})", R"("no object")"})
    EXPECT_EQ(score_instruct(R"({"a": 1})", truth).status, Status::kBadRow) << truth;
}

}  // namespace
}  // namespace amalgam::rewards
