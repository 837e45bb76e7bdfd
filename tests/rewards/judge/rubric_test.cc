#include "rewards/judge/rubric.h"

#include <gtest/gtest.h>

#include "configs/error.h"

namespace amalgam::rewards {
namespace {

std::string rubric_fault(const std::string& json) {
  try {
    rubric_from_json(json);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(Rubric, IsReadFromJson) {
  const Rubric rubric = rubric_from_json(
      R"([{"text": "names é", "weight": 3}, {"weight": -0.5, "text": "is rude", "more": 1}])");
  ASSERT_EQ(rubric.criteria.size(), 2u);
  EXPECT_EQ(rubric.criteria[0].text, "names é");
  EXPECT_EQ(rubric.criteria[0].weight, 3);
  EXPECT_EQ(rubric.criteria[1].text, "is rude");
  EXPECT_EQ(rubric.criteria[1].weight, -0.5);
}

TEST(Rubric, SaysWhatIsWrong) {
  EXPECT_EQ(rubric_fault("[]"), "the rubric has no criteria");
  EXPECT_EQ(rubric_fault(R"([{"text":"a","weight":1},{"text":" \n\u200b","weight":1}])"),
            "criterion 2 of the rubric has no text");
  EXPECT_EQ(rubric_fault(R"([{"weight":1}])"), "criterion 1 of the rubric has no text");
  EXPECT_EQ(rubric_fault(R"(["a"])"), "criterion 1 of the rubric has no text");
  EXPECT_EQ(rubric_fault(R"([{"text":"a"}])"), "criterion 1 of the rubric has no weight, a number");
  EXPECT_EQ(rubric_fault(R"([{"text":"a","weight":"1"}])"),
            "criterion 1 of the rubric has no weight, a number");
  EXPECT_EQ(rubric_fault(R"([{"text":"a","weight":1e999}])"),
            "the rubric has a weight that is not finite");
  EXPECT_EQ(rubric_fault(R"([{"text":"a","weight":1e308},{"text":"b","weight":1e308}])"),
            "the rubric has weights whose sum is not finite");
  EXPECT_EQ(rubric_fault(R"([{"text":"a","weight":1},{"text":"b","weight":-1e308},)"
                         R"({"text":"c","weight":-1e308}])"),
            "the rubric has weights whose sum is not finite");
  EXPECT_EQ(rubric_fault(R"([{"text":"a","weight":1},{"text":"b","weight":-1}])"),
            "the weights of the rubric sum to 0; change one of them");
  EXPECT_EQ(rubric_fault(R"([{"text":"a","weight":-1},{"text":"b","weight":0}])"),
            "no weight of the rubric is positive; give one that can be won");
  EXPECT_EQ(rubric_fault(R"({"text":"a"})"), "the rubric must be a list of {\"text\", \"weight\"}");
  EXPECT_EQ(rubric_fault("[").substr(0, 21), "the rubric is no JSON");
}

TEST(Rubric, ScoreIsTheShareOfWhatCanBeWon) {
  const Rubric rubric{{{"a", 3}, {"b", 1}, {"fault", -2}}};
  EXPECT_DOUBLE_EQ(rubric_score(rubric, {1, 1, 0}), 1);
  EXPECT_DOUBLE_EQ(rubric_score(rubric, {1, 0, 0}), 0.75);
  EXPECT_DOUBLE_EQ(rubric_score(rubric, {1, 0.5, 1}), 0.375);
  EXPECT_DOUBLE_EQ(rubric_score(rubric, {0, 0, 1}), -0.5);
}

}  // namespace
}  // namespace amalgam::rewards
