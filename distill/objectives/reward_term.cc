#include "distill/objectives/reward_term.h"

#include "learner/objectives/policy_loss.h"
#include "learner/step/policy_step.h"
#include "proto/trajectory.pb.h"

namespace amalgam::distill {

double add_reward_term(kernels::ThreadPool& pool, kernels::Arena& arena,
                       const kernels::HeadPolicy& student, const learner::MicroBatch& micro,
                       const RewardTerm& term, const kernels::HeadLogprobs& ours,
                       const kernels::HeadGradients& grads) {
  std::vector<float> c(static_cast<size_t>(student.tokens));
  double sum = 0;
  for (size_t i = 0; i < micro.slices.size(); ++i) {
    const auto& [trajectory, advantage] = term.rewarded[i];
    if (advantage == 0) continue;
    std::vector<size_t> at;  // rows of the policy's tokens
    std::vector<float> now;
    for (int64_t k = 0; k < micro.slices[i].num_rows; ++k) {
      const auto row = static_cast<size_t>(micro.slices[i].row + k);
      if (micro.targets[row] >= 0) at.push_back(row), now.push_back(ours.logprob[row]);
    }
    std::vector<double> d_logprob(now.size());
    const learner::SequenceLoss loss = learner::policy_sequence_loss(
        {now, std::span(trajectory->logprobs().data(), now.size()), {}}, advantage, {}, d_logprob);
    learner::require_finite(loss.policy, "its policy loss", *trajectory);
    sum += loss.policy;
    for (size_t k = 0; k < at.size(); ++k)
      c[at[k]] = static_cast<float>(term.coefficient * d_logprob[k]) * term.per_token;
  }
  kernels::head_policy_backward(pool, arena, student, ours.lse, c.data(), grads);
  return sum * static_cast<double>(term.per_token);
}

}  // namespace amalgam::distill
