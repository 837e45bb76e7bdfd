// Stored answers with labels, which a judge is trained and measured on.
#pragma once
#include <string>
#include <vector>

#include "kernels/device/thread_pool.h"
#include "rewards/judge/rubric.h"
#include "rewards/judge/verdict.h"

namespace amalgam::pipeline {

struct JudgeRow {
  std::string question;  // the text of the last user message
  rewards::Rubric rubric;
  std::string reference;       // empty: there is none
  std::string answer;          // of kPairwise: the first
  std::string other_answer;    // of kPairwise: the second
  std::vector<double> labels;  // [criterion] in [0, 1]; of kPairwise one: what the first won
  std::string place;           // "rows.jsonl:417"
};

// Files, globs and saved folders of rows {prompt, rubric, answer, labels, reference}, in any form
// that prompt rows have (pipeline/data/forms); `labels` has one true, false or number from 0 to 1 a
// criterion. Of kPairwise {prompt, rubric, answers: [a, b], label: "A", "B" or "tie"}. All are
// kept, in their order. Throws Error "FILE:LINE: …" for the first row that cannot be used.
// python: the interpreter for parquet and Arrow.
std::vector<JudgeRow> read_judge_rows(const std::vector<std::string>& paths,
                                      rewards::VerdictForm form, const std::string& python,
                                      kernels::ThreadPool& pool);

}  // namespace amalgam::pipeline
