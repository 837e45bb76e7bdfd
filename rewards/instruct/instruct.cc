#include "rewards/instruct/instruct.h"

#include <algorithm>
#include <vector>

#include "rewards/instruct/constraints.h"
#include "rewards/instruct/instruction_row.h"
#include "rewards/instruct/loose.h"

namespace amalgam::rewards {
namespace {

double share_of(const std::vector<bool>& verdicts) {
  return static_cast<double>(std::count(verdicts.begin(), verdicts.end(), true)) /
         static_cast<double>(verdicts.size());
}

// The ids that do not hold.
std::string misses_of(const std::vector<GivenInstruction>& given,
                      const std::vector<bool>& verdicts) {
  std::string misses;
  for (size_t i = 0; i < given.size(); ++i)
    if (!verdicts[i])
      misses += (misses.empty() ? "" : ", ") + std::string(given[i].instruction->id);
  return misses.empty() ? "all instructions hold" : "does not hold: " + misses;
}

Score score_instructions(const std::string& solution, const std::vector<GivenInstruction>& given,
                         const InstructOptions& options) {
  const std::u32string response = decoded(solution);
  const bool blank = stripped(response).empty();
  std::optional<std::vector<std::u32string>> variants;
  std::vector<bool> strict, loose;
  for (const GivenInstruction& g : given) {
    const auto holds = [&](Chars text) { return g.instruction->holds(text, g.arguments); };
    strict.push_back(!blank && holds(response));
    if (!strict.back() && !blank && !variants) variants = loose_variants(response);
    loose.push_back(strict.back() ||
                    (!blank && std::any_of(variants->begin(), variants->end(), holds)));
  }
  const std::vector<bool>& counted = options.loose ? loose : strict;
  const double share = share_of(counted);
  Score score = scored(options.fraction ? share : share == 1, misses_of(given, counted));
  score.parts = {{"strict_fraction", share_of(strict)}, {"loose_fraction", share_of(loose)}};
  score.verdicts = {{"strict", std::move(strict)}, {"loose", std::move(loose)}};
  return score;
}

}  // namespace

std::optional<std::string> problem_of_constraints(const std::string& ground_truth,
                                                  const std::string& row) {
  const auto instructions = read_instruction_row(ground_truth, row);
  if (!instructions) return problem_of_word_constraints(ground_truth);
  if (!instructions->problem.empty()) return instructions->problem;
  return std::nullopt;
}

Score score_instruct(const std::string& solution, const std::string& ground_truth,
                     const std::string& row, const InstructOptions& options) {
  const auto instructions = read_instruction_row(ground_truth, row);
  if (!instructions) return score_word_constraints(solution, ground_truth);
  if (!instructions->problem.empty()) return failed(Status::kBadRow, instructions->problem);
  return score_instructions(solution, instructions->given, options);
}

}  // namespace amalgam::rewards
