// What a judge said, read strictly: a judge that is trained learns whatever a lax reading forgives.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::rewards {

enum class VerdictForm { kYesNo, kPoints, kPairwise };

struct VerdictSpec {
  VerdictForm form = VerdictForm::kYesNo;
  size_t num_criteria = 1;  // of kPairwise: not looked at, there is one entry
  int64_t max_points = 1;   // of kPoints
};

struct ParsedVerdict {
  std::vector<double> values;  // [criterion] in [0, 1]; empty if there is a problem
  std::string problem;         // why it is no verdict, in one line; empty: it is one
};

// The judge's message alone, without reasoning and without the token that ends it. Exactly one line
// begins with "Verdict", maybe spaces, and ":" (spaces may stand before it), and it is the last
// that is not blank. After the colon stands one entry a criterion, with spaces or one comma between
// two:
//   kYesNo     1, 0, yes, no → 1, 0, 1, 0
//   kPoints    a whole number from 0 to max_points, in digits and without leading zeros → p /
//              max_points
//   kPairwise  A, B, tie → 1, 0, 0.5: what the first answer won
// A line that begins with "verdict" in other letters counts as a second verdict or as a misspelled
// one, never as absent. yes, no and tie may be in any letters, for they are as clear; A and B must
// be capitals, for "a" is also a word. Nothing else may stand in the line, no full stop either.
ParsedVerdict parse_verdict(std::string_view judge_message, const VerdictSpec& spec);

}  // namespace amalgam::rewards
