// What a judge earns for its verdicts on answers whose labels are known, and what answers earn from
// verdicts on pairs of them.
#pragma once
#include <cstddef>
#include <optional>
#include <vector>

namespace amalgam::rewards {

// [criterion] in [0, 1]; nothing: it could not be parsed. An unparsed verdict is the judge's own
// mistake and earns 0, the least that there is: if it were left out, nothing would teach the form.
using Verdict = std::optional<std::vector<double>>;

// 1 − the mean over criteria of |v − y|: with verdicts and labels of 0 and 1 the share of criteria
// that agree. labels [criterion] in [0, 1].
double agreement_reward(const Verdict& verdict, const std::vector<double>& labels);

// Rewards under which the MEAN of a judge's verdicts on one answer becomes a probability. What is
// to be made large is 1 − (p̄ − y)², the Brier score of the mean p̄ = E v; its gradient is
//   −2 (p̄ − y) ∇p̄,  with ∇p̄ = E[ v ∇log π(v) ],
// so −2 (p̄ − y) v would do as the reward of v. With p, the mean of the OTHER parsed verdicts, in
// place of p̄ it stays unbiased, for p does not depend on v_i; and neither do the terms without v_i
// that make it a score (E[ c ∇log π ] = 0 for them):
//   reward_i = mean over criteria of 1 − (p − y)² − 2 (p − y)(v_i − p)
//            = mean over criteria of 1 − (v_i − y)² + (v_i − p)²,             in [0, 2].
// (v_i's own Brier score, 1 − (v_i − y)², would be best at v = 0 or 1 for every verdict; the
// last term pays for the spread that a mean between 0 and 1 takes.) A verdict without a parsed
// other one has p = v_i. Of unparsed verdicts, which earn 0, ∇ is that of the share of parsed ones
// × the Brier score, up to the variance of p. A baseline of all the group's rewards, as GRPO has
// it, sees v_i through the others' p: a bias of 1/n² of n verdicts.
std::vector<double> brier_rewards(const std::vector<Verdict>& verdicts_of_answer,
                                  const std::vector<double>& labels);

// Two answers of a group, by their index.
struct Comparison {
  size_t first = 0, second = 0;
  std::optional<double> value;  // what the first won: 1, 0, 0.5 a tie; nothing: not parsed
};
// Each answer's mean of what it won; nothing for one without a parsed comparison.
std::vector<std::optional<double>> win_rates(size_t num_answers,
                                             const std::vector<Comparison>& comparisons);

}  // namespace amalgam::rewards
