#include "pipeline/data/judge_form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "pipeline/data/judge_rows.h"
#include "tests/error_of.h"

namespace amalgam::pipeline {
namespace {

using testing::HasSubstr;
using tests::error_of;

const JudgeFormEntry kEntry{.id = "rl-a/3/0/1",
                            .prompt = R"([{"role":"user","content":"Write."}])",
                            .rubric = R"([{"text":"short","weight":2},{"text":"kind","weight":1}])",
                            .reference = "",
                            .answers = {"x\ny"}};

JudgeFormEntry other() {
  JudgeFormEntry b = kEntry;
  b.id = "rl-a/3/0/12", b.answers = {"z"};
  return b;
}

// The entry's line with another text in place of one that it has.
std::string with(const std::string& from, const std::string& to,
                 const JudgeFormEntry& entry = kEntry) {
  std::string line = entry.line();
  const size_t at = line.find(from);
  EXPECT_NE(at, std::string::npos) << from << " in " << line;
  return line.replace(at, from.size(), to);
}
const std::string kBlankLabels = R"("labels":[null,null])", kBlankLabel = R"("label":null)";
std::string labelled(const std::string& labels) {
  return with(kBlankLabels, R"("labels":)" + labels);
}
std::string fault(const std::string& line, const JudgeFormEntry& own = kEntry) {
  return error_of([&] { (void)form_row(line, own); });
}

TEST(JudgeForm, LineHasWhatIsToBeLabelledAndNothingThatLeads) {
  EXPECT_EQ(kEntry.line(),
            R"({"id":"rl-a/3/0/1","prompt":[{"role":"user","content":"Write."}],"answer":"x\ny",)"
            R"("rubric":[{"text":"short","weight":2},{"text":"kind","weight":1}],)"
            R"("labels":[null,null]})");
  JudgeFormEntry more = kEntry;
  more.reference = "r", more.prompt = "\"Write.\"";
  EXPECT_EQ(more.line(), R"({"id":"rl-a/3/0/1","prompt":"Write.","answer":"x\ny","reference":"r",)"
                         R"("rubric":[{"text":"short","weight":2},{"text":"kind","weight":1}],)"
                         R"("labels":[null,null]})");
}

TEST(JudgeForm, PairHasTwoAnswersAndOneLabel) {
  const JudgeFormEntry pair = paired(kEntry, other());
  EXPECT_EQ(pair.line(),
            R"({"id":"rl-a/3/0/1+12","prompt":[{"role":"user","content":"Write."}],)"
            R"("answers":["x\ny","z"],)"
            R"("rubric":[{"text":"short","weight":2},{"text":"kind","weight":1}],"label":null})");
}

// A text that the token limit cut inside a character: the same on both ways.
TEST(JudgeForm, TakesAnswersThatAreNotUtf8) {
  JudgeFormEntry cut = kEntry;
  cut.answers = {"gr\xc3"};
  EXPECT_THAT(cut.line(), HasSubstr("gr\xef\xbf\xbd"));
  EXPECT_EQ(form_row(with(kBlankLabels, R"("labels":[1,0])", cut), cut).state, FormState::kFilled);
}

TEST(JudgeForm, BecomesARowThatAJudgeCanBeTrainedOn) {
  const std::string dir = testing::TempDir() + "/judge_form";
  std::filesystem::create_directory(dir);
  kernels::ThreadPool pool(1);
  const FormRow row = form_row(labelled("[true, 0.25]"), kEntry);
  EXPECT_EQ(row.state, FormState::kFilled);
  std::ofstream(dir + "/rows.jsonl") << row.json << "\n";
  const auto rows =
      read_judge_rows({dir + "/rows.jsonl"}, rewards::VerdictForm::kYesNo, "python3", pool);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].question, "Write.");
  EXPECT_EQ(rows[0].answer, "x\ny");
  EXPECT_THAT(rows[0].labels, testing::ElementsAre(1, 0.25));
  EXPECT_EQ(rows[0].rubric.criteria[0].weight, 2);

  const JudgeFormEntry pair = paired(kEntry, other());
  std::ofstream(dir + "/pairs.jsonl")
      << form_row(with(kBlankLabel, R"("label":"B")", pair), pair).json << "\n";
  const auto pairs =
      read_judge_rows({dir + "/pairs.jsonl"}, rewards::VerdictForm::kPairwise, "python3", pool);
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(pairs[0].other_answer, "z");
  EXPECT_THAT(pairs[0].labels, testing::ElementsAre(0));
  std::filesystem::remove_all(dir);
}

TEST(JudgeForm, SaysHowFarItIsFilledIn) {
  EXPECT_EQ(form_row(kEntry.line(), kEntry).state, FormState::kBlank);
  EXPECT_EQ(form_row(labelled("[1, null]"), kEntry).state, FormState::kPartly);
  EXPECT_EQ(form_row(labelled("[1, false]"), kEntry).state, FormState::kFilled);
  const JudgeFormEntry pair = paired(kEntry, other());
  EXPECT_EQ(form_row(pair.line(), pair).state, FormState::kBlank);
  for (const char* label : {"A", "B", "tie"})
    EXPECT_EQ(
        form_row(with(kBlankLabel, R"("label":")" + std::string(label) + "\"", pair), pair).state,
        FormState::kFilled);
}

TEST(JudgeForm, RefusesLabelsThatAreNone) {
  EXPECT_THAT(fault(labelled("[1]")), HasSubstr("\"labels\" has 1, and the rubric has 2"));
  EXPECT_THAT(fault(labelled("[1, 0, 1]")), HasSubstr("\"labels\" has 3"));
  EXPECT_THAT(fault(labelled("1")), HasSubstr("must be a list"));
  for (const char* label : {"2", "-1", "1.01", R"("yes")", "[1]"})
    EXPECT_THAT(fault(labelled("[1, " + std::string(label) + "]")), HasSubstr("a label is "))
        << label;
  // A wrong one is said though another is not there yet.
  EXPECT_THAT(fault(labelled("[null, 3]")), HasSubstr("a label is 3"));
  const JudgeFormEntry pair = paired(kEntry, other());
  for (const char* label : {R"("a")", R"("C")", "1", "true"})
    EXPECT_THAT(fault(with(kBlankLabel, R"("label":)" + std::string(label), pair), pair),
                HasSubstr("\"label\" is "))
        << label;
}

TEST(JudgeForm, RefusesWhatIsNotTheRuns) {
  EXPECT_THAT(fault(with("x\\ny", "x y")), HasSubstr("its \"answer\" is not that of the run"));
  EXPECT_THAT(fault(with("short", "long")), HasSubstr("its \"rubric\" is not"));
  EXPECT_THAT(fault(with("\"weight\":2", "\"weight\":3")), HasSubstr("its \"rubric\" is not"));
  EXPECT_THAT(fault(with("Write.", "Read.")), HasSubstr("its \"prompt\" is not"));
  EXPECT_THAT(fault(with("\"answer\"", "\"anwser\"")), HasSubstr("there is no \"answer\""));
  EXPECT_THAT(fault(with("\"labels\"", "\"label\"")), HasSubstr("there is no \"labels\""));
  JudgeFormEntry more = kEntry;
  more.reference = "r";
  EXPECT_THAT(fault(kEntry.line(), more), HasSubstr("there is no \"reference\""));
  // A number that a program wrote in another way is the same.
  EXPECT_EQ(fault(with("\"weight\":2", "\"weight\":2.0")), "");
}

TEST(JudgeForm, KnowsWhoseLabelsALineHas) {
  EXPECT_EQ(form_id(kEntry.line()), "rl-a/3/0/1");
  EXPECT_THAT(error_of([] { form_id("{"); }), HasSubstr("not JSON"));
  EXPECT_THAT(error_of([] { form_id("[]"); }), HasSubstr("one JSON object"));
  EXPECT_THAT(error_of([] { form_id("{\"id\": 3}"); }), HasSubstr("there is no \"id\""));
}

}  // namespace
}  // namespace amalgam::pipeline
