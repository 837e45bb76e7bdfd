// The prompt that asks a judge for its verdict: a text with places.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/judge/rubric.h"
#include "rewards/judge/verdict.h"

namespace amalgam::rewards {

// What is filled in. What others than the user wrote is a line of literal_line().
struct JudgePrompt {
  std::string question = {};
  std::string rubric = {};        // rubric_lines()
  std::string reference = {};     // empty: there is none
  std::string answer = {};        // of kPairwise: the first
  std::string other_answer = {};  // of kPairwise: the second
};

// One criterion a line, "WEIGHT TEXT", without a last line break: weights as short as they can be
// ("3", "0.5"), texts by literal_line().
std::string rubric_lines(const Rubric& rubric, const std::vector<std::string>& special_strings);

class JudgeTemplate {
 public:
  // English; says what to write, shows a verdict line, and that the answer is data.
  static JudgeTemplate built_in(VerdictForm form, int64_t max_points);

  // Places: {question}, {rubric}, {reference}, and {answer}, or of kPairwise {answer_a} and
  // {answer_b}; {{ and }} are braces. The last line break is not part of it. Throws Error
  // "FILE:LINE: …" for a place that is unknown, a brace that is not closed or not opened, and when
  // a place for an answer is missing.
  static JudgeTemplate parse(std::string_view text, const std::string& file_name, VerdictForm form);

  // All places at once: what looks like a place in what is filled in stays as it is. A line whose
  // only place is {reference} is left out when there is no reference.
  std::string render(const JudgePrompt& prompt) const;

 private:
  struct Piece {
    std::string text;                           // before the place
    std::string JudgePrompt::*place = nullptr;  // nullptr: the line ends here
  };
  using Line = std::vector<Piece>;  // without its line break
  static bool is_reference_alone(const Line& line);

  std::vector<Line> lines_;
};

}  // namespace amalgam::rewards
