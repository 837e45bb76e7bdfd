// Forms: answers that people label for a judge, one a line. What they filled in becomes rows of
// judge.train_file and judge.heldout_file (pipeline/data/judge_rows.h).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace amalgam::pipeline {

// What is to be labelled, without scores and verdicts, which would lead those who label.
struct JudgeFormEntry {
  std::string id;                    // STAGE/STEP/GROUP/SAMPLE, of a pair …/SAMPLE+SAMPLE
  std::string prompt;                // JSON: a text, or messages
  std::string rubric;                // JSON: list of {text, weight}
  std::string reference;             // empty: there is none
  std::vector<std::string> answers;  // one, or the two of a pair

  bool is_pair() const { return answers.size() == 2; }
  // {id, prompt, rubric, reference, answer, labels: [null, …]}, of a pair {…, answers, label:
  // null}.
  std::string line() const;
};

// The pair of two answers of a group, in this order.
JudgeFormEntry paired(const JudgeFormEntry& a, const JudgeFormEntry& b);

// The id of a line of a form. Throws Error, without a place, for a line that has none.
std::string form_id(const std::string& line);

// How far a line is filled in.
enum class FormState { kFilled, kPartly, kBlank };
struct FormRow {
  FormState state = FormState::kBlank;
  std::string json;  // the row, of kFilled
};
// own: what the run has under the line's id. Throws Error, without a place, for a line that differs
// from it, and for labels that are none: a label is 0, 1, false, true, a number between, or null
// (not labelled); of a pair "A", "B", "tie" or null.
FormRow form_row(const std::string& line, const JudgeFormEntry& own);

}  // namespace amalgam::pipeline
