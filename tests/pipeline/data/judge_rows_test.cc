#include "pipeline/data/judge_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "configs/error.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using rewards::VerdictForm;
using testing::ElementsAre;

class JudgeRows : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(dir_ / name) << content;
    return dir_ / name;
  }
  std::vector<JudgeRow> read(const std::string& path, VerdictForm form = VerdictForm::kYesNo) {
    return read_judge_rows({path}, form, "python3", pool_);
  }
  // What is said of a row that stands second in its file, after the place.
  std::string fault(const std::string& row, VerdictForm form = VerdictForm::kYesNo) {
    const std::string first =
        form == VerdictForm::kPairwise
            ? R"({"prompt":"q","rubric":["a"],"answers":["x","y"],"label":"A"})"
            : R"({"prompt":"q","rubric":["a"],"answer":"x","labels":[1]})";
    const std::string path = file("rows.jsonl", first + "\n" + row + "\n" + row + "\n");
    try {
      read(path, form);
    } catch (const Error& e) {
      const std::string what = e.what();
      EXPECT_EQ(what.substr(0, path.size() + 4), path + ":2: ");
      return what.substr(path.size() + 4);
    }
    return "";
  }

  const TempDir dir_;
  kernels::ThreadPool pool_{2};
};

TEST_F(JudgeRows, HaveQuestionRubricAnswerAndLabels) {
  const std::string path = file(
      "rows.jsonl",
      R"({"prompt": "Write.", "rubric": ["short", {"criterion": "rude", "points": -2}], "reference": "r", "answer": "x\ny", "labels": [true, 0.25], "more": 1}

{"prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "old"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "new"}], "rubric": [{"text": "t", "weight": 0.5}], "answer": "y", "labels": [false]}
)");
  const std::vector<JudgeRow> rows = read(path);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].question, "Write.");
  ASSERT_EQ(rows[0].rubric.criteria.size(), 2u);
  EXPECT_EQ(rows[0].rubric.criteria[0].text, "short");
  EXPECT_EQ(rows[0].rubric.criteria[0].weight, 1);
  EXPECT_EQ(rows[0].rubric.criteria[1].text, "rude");
  EXPECT_EQ(rows[0].rubric.criteria[1].weight, -2);
  EXPECT_EQ(rows[0].reference, "r");
  EXPECT_EQ(rows[0].answer, "x\ny");
  EXPECT_EQ(rows[0].other_answer, "");
  EXPECT_THAT(rows[0].labels, ElementsAre(1, 0.25));
  EXPECT_EQ(rows[0].place, path + ":1");
  EXPECT_EQ(rows[1].question, "new");
  EXPECT_EQ(rows[1].reference, "");
  EXPECT_THAT(rows[1].labels, ElementsAre(0));
  EXPECT_EQ(rows[1].place, path + ":3");
}

TEST_F(JudgeRows, OfPairs) {
  const std::vector<JudgeRow> rows =
      read(file("pairs.json", R"([{"prompt":"q","rubric":["a","b"],"answers":["x","y"],"label":"A"},
{"question":"q","rubric":["a"],"answers":["x","y"],"label":"B"},
{"prompt":"q","rubric":["a"],"answers":["x","y"],"label":"tie"}])"),
           VerdictForm::kPairwise);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].answer, "x");
  EXPECT_EQ(rows[0].other_answer, "y");
  EXPECT_THAT(rows[0].labels, ElementsAre(1));
  EXPECT_THAT(rows[1].labels, ElementsAre(0));
  EXPECT_THAT(rows[2].labels, ElementsAre(0.5));
}

TEST_F(JudgeRows, OfAGlobAreReadInOrder) {
  file("b1.jsonl", R"({"prompt":"1","rubric":["a"],"answer":"x","labels":[1]})");
  file("b0.jsonl", R"({"prompt":"0","rubric":["a"],"answer":"x","labels":[1]})");
  const std::vector<JudgeRow> rows = read(dir_ / "b*.jsonl");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].question, "0");
  EXPECT_EQ(rows[1].question, "1");
  EXPECT_EQ(rows[1].place, dir_ / "b1.jsonl:1");
}

TEST_F(JudgeRows, SayWhatIsWrong) {
  EXPECT_EQ(fault(R"({"prompt":"q","answer":"x","labels":[1]})"),
            "there is no rubric; add the column \"rubric\", a list of what counts");
  EXPECT_EQ(fault(R"({"prompt":"q","rubric":[],"answer":"x","labels":[]})"),
            "there is no rubric; add the column \"rubric\", a list of what counts");
  EXPECT_EQ(fault(R"({"prompt":"q","rubric":[{"text":"a","weight":2},{"text":"b","weight":-2}],)"
                  R"("answer":"x","labels":[1,1]})"),
            "the weights of the rubric sum to 0; change one of them");
  EXPECT_EQ(fault(R"({"prompt":"q","rubric":["a","b"],"answer":"x","labels":[1]})"),
            "column \"labels\" has 1 labels for a rubric of 2 criteria; give one for each");
  EXPECT_EQ(fault(R"({"prompt":"q","rubric":["a","b"],"answer":"x"})"),
            "there are no labels; add the column \"labels\", a list with one for each of the 2 "
            "criteria");
  for (const char* label : {"2", "-0.5", "\"yes\"", "null"})
    EXPECT_EQ(fault(std::string(R"({"prompt":"q","rubric":["a"],"answer":"x","labels":[)") + label +
                    "]}"),
              std::string("column \"labels\" has ") + label +
                  "; a label is true, false or a number from 0 to 1");
  for (const char* answer : {"", R"(,"answer":" \n")", R"(,"answer":["x"])", R"(,"answer":null)"})
    EXPECT_EQ(fault(std::string(R"({"prompt":"q","rubric":["a"],"labels":[1])") + answer + "}"),
              "there is no answer; add the column \"answer\", the text that is judged");
  EXPECT_EQ(fault(R"({"prompt":"q","rubric":["a"],"answer":"x","labels":[1],"reference":3})"),
            "column \"reference\" must be a text");
  EXPECT_EQ(fault(R"({"prompt":[{"role":"system","content":"s"}],"rubric":["a"],"answer":"x",)"
                  R"("labels":[1]})"),
            "the prompt has no user message, the question that was answered");
  EXPECT_EQ(fault(R"({"prompt":"","rubric":["a"],"answer":"x","labels":[1]})"),
            "column \"prompt\" is an empty text");
  EXPECT_EQ(fault("{"), "not JSON (byte 2)");
}

TEST_F(JudgeRows, OfPairsSayWhatIsWrong) {
  const std::string begin = R"({"prompt":"q","rubric":["a"],)";
  for (const char* answers : {R"("answer":"x")", R"("answers":["x"])", R"("answers":["x","y","z"])",
                              R"("answers":["x",""])", R"("answers":"xy")"})
    EXPECT_EQ(fault(begin + answers + R"(,"label":"A"})", VerdictForm::kPairwise),
              "there are no two answers; add the column \"answers\", a list of two texts");
  for (const char* label : {"", R"(,"label":"a")", R"(,"label":1)", R"(,"label":"Tie")"})
    EXPECT_EQ(fault(begin + R"("answers":["x","y"])" + label + "}", VerdictForm::kPairwise),
              "the column \"label\" must be \"A\", \"B\" or \"tie\": which of the answers is "
              "better");
}

}  // namespace
}  // namespace amalgam::pipeline
