#include "learner/objectives/mtp_loss.h"

#include <vector>

#include "kernels/head/head_policy.h"
#include "model/network/mtp_rows.h"

namespace amalgam::learner {

double record_mtp_loss(model::Network& network, const model::Weights& weights,
                       const MtpLossInput& input, model::Recording& recording) {
  const model::MtpRows rows(input.ids, input.slices);
  if (rows.empty()) return 0;
  const model::Var hidden =
      network.run_mtp(weights, rows.batch(input.streams, input.gradient), &recording);
  const std::vector<int32_t> targets = rows.targets(input.targets);
  const size_t n = targets.size();
  std::vector<float> weight(n, input.weight), logprob(n), lse(n);
  const bool trains_head = input.gradient == model::MtpGradient::kAll;
  kernels::head_cross_entropy(
      network.pool(), network.scratch(),
      {.head = {weights.head.data, network.config().vocab_size, network.config().hidden_size},
       .hidden = hidden.v.data,
       .targets = targets.data(),
       .tokens = static_cast<int64_t>(n)},
      weight.data(), {.logprob = logprob.data(), .lse = lse.data()},
      {.hidden = hidden.g, .weight = trains_head ? recording.grads->head.data : nullptr});
  double loss = 0;
  for (const float l : logprob) loss -= static_cast<double>(l);
  return loss;
}

}  // namespace amalgam::learner
