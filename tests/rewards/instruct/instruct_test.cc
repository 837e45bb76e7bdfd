#include "rewards/instruct/instruct.h"

#include <gtest/gtest.h>

namespace amalgam::rewards {
namespace {

double reward(const std::string& solution, const std::string& truth) {
  const Score score = score_instruct(solution, truth);
  EXPECT_EQ(score.status, Status::kScored) << score.detail;
  return score.reward;
}

TEST(Instruct, NumberOfWords) {
  const char* truth = R"({"num_words": 3})";
  EXPECT_EQ(reward("sun cat red", truth), 1);
  EXPECT_EQ(reward(" sun,  cat\nred. ", truth), 1);
  EXPECT_EQ(reward("sun cat", truth), 0);
  EXPECT_EQ(reward("sun cat red box", truth), 0);
  EXPECT_EQ(reward("", truth), 0);
  EXPECT_EQ(reward("sun , cat .", truth), 0);  // lone marks are not words
}

TEST(Instruct, AllowedAndExactWords) {
  EXPECT_EQ(reward("Sun sun cat", R"({"allowed_words": ["cat", "sun"]})"), 1);
  EXPECT_EQ(reward("sun dog", R"({"allowed_words": ["cat", "sun"]})"), 0);
  EXPECT_EQ(reward("cat SUN", R"({"exact_words": ["sun", "cat"]})"), 1);
  EXPECT_EQ(reward("cat sun sun", R"({"exact_words": ["sun", "cat"]})"), 0);
  EXPECT_EQ(reward("cat", R"({"exact_words": ["sun", "cat"]})"), 0);
}

TEST(Instruct, Case) {
  EXPECT_EQ(reward("SUN CAT", R"({"case": "upper"})"), 1);
  EXPECT_EQ(reward("SUN CaT", R"({"case": "upper"})"), 0);
  EXPECT_EQ(reward("sun cat", R"({"case": "lower"})"), 1);
  EXPECT_EQ(reward("Sun cat", R"({"case": "lower"})"), 0);
}

TEST(Instruct, FirstAndLastWord) {
  EXPECT_EQ(reward("Sun cat", R"({"start": "sun"})"), 1);
  EXPECT_EQ(reward("cat sun", R"({"start": "sun"})"), 0);
  EXPECT_EQ(reward("sunny cat", R"({"start": "sun"})"), 0);
  EXPECT_EQ(reward("cat sun.", R"({"end": "sun"})"), 1);
  EXPECT_EQ(reward("sun cat", R"({"end": "sun"})"), 0);
}

TEST(Instruct, AlphabeticalOrder) {
  EXPECT_EQ(reward("box cat cat Sun", R"({"order": "alphabetical"})"), 1);
  EXPECT_EQ(reward("box sun cat", R"({"order": "alphabetical"})"), 0);
}

TEST(Instruct, JsonObject) {
  const char* truth = R"({"json_keys": ["a", "c"], "json_values": "integer"})";
  EXPECT_EQ(reward(R"({"c": 3, "a": -7})", truth), 1);
  EXPECT_EQ(reward("```json\n{\"a\": 1, \"c\": 2}\n```", truth), 1);
  EXPECT_EQ(reward("```json\n\xEF\xBB\xBF{\"a\": 1, \"c\": 2}\n```", truth), 0);
  EXPECT_EQ(reward(R"({"a": 1})", truth), 0);
  EXPECT_EQ(reward(R"({"a": 1, "c": 2, "d": 3})", truth), 0);
  EXPECT_EQ(reward(R"({"a": 1, "c": 2, "a": 3})", truth), 0);
  EXPECT_EQ(reward(R"({"a": 1, "c": "2"})", truth), 0);
  EXPECT_EQ(reward(R"({"a": 1, "c": 2.0})", truth), 0);
  EXPECT_EQ(reward(R"({"a": 1, "c": true})", truth), 0);
  EXPECT_EQ(reward(R"(["a", "c"])", truth), 0);
  EXPECT_EQ(reward(R"({"a": 1, "c": 2} extra)", truth), 0);
  EXPECT_EQ(reward("{\"a\": 1, \"c\": 2", truth), 0);
  EXPECT_EQ(reward(std::string(5000, '['), truth), 0);
  EXPECT_EQ(reward("\xff", truth), 0);
}

TEST(Instruct, AllConstraintsMustHold) {
  const char* truth = R"({"num_words": 2, "allowed_words": ["sun"], "case": "upper"})";
  EXPECT_EQ(reward("SUN SUN", truth), 1);
  EXPECT_EQ(reward("SUN", truth), 0);
  EXPECT_EQ(reward("SUN CAT", truth), 0);
  EXPECT_EQ(reward("SUN sun", truth), 0);
}

TEST(Instruct, GroundTruthAsTextOrUnusable) {
  EXPECT_EQ(reward("SUN", R"("{\"case\": \"upper\"}")"), 1);
  for (const char* truth :
       {"", "{}", "3", "null", R"({"colour": "red"})", R"({"case": "title"})",
        R"({"num_words": "x"})", R"({"order": "random"})", R"({"json_keys": 3})", R"("no object")"})
    EXPECT_EQ(score_instruct(R"({"a": 1})", truth).status, Status::kBadRow) << truth;
}

}  // namespace
}  // namespace amalgam::rewards
