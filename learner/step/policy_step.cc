#include "learner/step/policy_step.h"

#include <algorithm>
#include <cmath>

#include "configs/check.h"
#include "kernels/simd/scalar_math.h"
#include "learner/objectives/policy_loss.h"
#include "proto/trajectory.pb.h"

namespace amalgam::learner {
namespace {

// Calls f(row in the micro-batch, index among the sequence's policy tokens) for every learned token
// of slice i.
template <class F>
void for_each_learned(const MicroBatch& micro, size_t i, F f) {
  size_t k = 0;
  for (int64_t t = 0; t < micro.slices[i].num_rows; ++t) {
    const auto row = static_cast<size_t>(micro.slices[i].row + t);
    if (micro.targets[row] >= 0) f(row, k++);
  }
}

}  // namespace

double probability_difference(float a, float b) {
  if (!std::isfinite(a) || !std::isfinite(b)) return HUGE_VAL;
  return std::abs(kernels::scalar::exp(a) - kernels::scalar::exp(b));
}

TrainSequence train_sequence(const proto::Trajectory& t, std::optional<int64_t> weights_version) {
  TrainSequence s;
  s.ids = std::span(t.ids().data(), static_cast<size_t>(t.ids_size()));
  for (const char w : t.writer()) s.learned.push_back(w == static_cast<char>(proto::WRITER_POLICY));
  CHECK_EQ(s.learned.size(), s.ids.size());
  if (weights_version && *weights_version != t.meta().weights_version())
    s.choices = {t.experts(),
                 std::span(t.index_entries().data(), static_cast<size_t>(t.index_entries_size()))};
  return s;
}

PolicyFigures accumulate_policy_loss(Trainer& trainer, std::span<const PolicySample> samples,
                                     const configs::AlgorithmConfig& algorithm, int64_t norm_length,
                                     double index_loss_coefficient) {
  // Samples without a gradient (all of their group had one reward) only pass the forward check.
  std::vector<TrainSequence> batch;
  std::vector<size_t> trained;
  std::vector<const proto::Trajectory*> checked;
  std::vector<int64_t> num_tokens;
  PolicyFigures f;
  const int64_t version = trainer.state().step();
  for (size_t i = 0; i < samples.size(); ++i) {
    const PolicySample& s = samples[i];
    num_tokens.push_back(s.trajectory->logprobs_size());
    if (s.advantage != 0 || !s.reference_logprobs.empty()) {
      batch.push_back(train_sequence(*s.trajectory, version));
      trained.push_back(i);
      f.num_tokens += num_tokens.back();
    } else {
      checked.push_back(s.trajectory);
    }
  }
  const auto compare = [&](float now, float before) {
    if (now != before)
      f.probs_diff_max = std::max(
          f.probs_diff_max, std::abs(kernels::scalar::exp(now) - kernels::scalar::exp(before)));
  };
  const auto fresh_of_checked = policy_token_logprobs(trainer.network(), trainer.weights(), checked,
                                                      trainer.max_micro_tokens(), version);
  for (size_t i = 0; i < checked.size(); ++i)
    for (size_t k = 0; k < fresh_of_checked[i].size(); ++k)
      compare(fresh_of_checked[i][k], checked[i]->logprobs(static_cast<int>(k)));
  const std::vector<double> weights =
      loss_weights(algorithm.loss_agg_mode, num_tokens, norm_length);
  kernels::ThreadPool& pool = trainer.network().pool();
  kernels::Arena& scratch = trainer.network().scratch();

  trainer.accumulate(
      batch, index_loss_coefficient, [&](const MicroBatch& micro, const model::Var& hidden) {
        const auto n = static_cast<size_t>(micro.tokens());
        std::vector<float> logprob(n), lse(n), entropy(n), c(n, 0.0f);
        const kernels::HeadPolicy op{.head = trainer.head(),
                                     .hidden = hidden.v.data,
                                     .targets = micro.targets.data(),
                                     .tokens = micro.tokens()};
        kernels::head_logprobs(pool, scratch, op, {logprob.data(), lse.data(), entropy.data()});
        for (size_t i = 0; i < micro.slices.size(); ++i) {
          const size_t index = trained[static_cast<size_t>(micro.sequences[i])];
          const PolicySample& s = samples[index];
          const float* old = s.trajectory->logprobs().data();
          std::vector<float> fresh;
          for_each_learned(micro, i, [&](size_t row, size_t) { fresh.push_back(logprob[row]); });
          CHECK_EQ(static_cast<int>(fresh.size()), s.trajectory->logprobs_size());
          std::vector<double> d_logprob(fresh.size());
          const SequenceLoss loss =
              policy_sequence_loss({fresh, std::span(old, fresh.size()), s.reference_logprobs},
                                   s.advantage, algorithm, d_logprob);
          f.pg_loss += weights[index] * loss.policy;
          f.kl_loss += weights[index] * loss.kl;
          f.clipfrac += static_cast<double>(loss.num_clipped);
          f.num_masked += loss.is_masked;
          for_each_learned(micro, i, [&](size_t row, size_t k) {
            f.entropy += entropy[row];
            f.ppo_kl += static_cast<double>(old[k]) - fresh[k];
            compare(fresh[k], old[k]);
            c[row] = static_cast<float>(weights[index] * d_logprob[k]);
          });
        }
        kernels::head_policy_backward(pool, scratch, op, lse.data(), c.data(),
                                      trainer.head_gradients(hidden));
      });
  const double tokens = static_cast<double>(std::max<int64_t>(1, f.num_tokens));
  f.clipfrac /= tokens, f.ppo_kl /= tokens, f.entropy /= tokens;
  return f;
}

std::vector<std::vector<float>> policy_token_logprobs(
    model::Network& network, const model::Weights& weights,
    std::span<const proto::Trajectory* const> trajectories, int64_t max_micro_tokens,
    std::optional<int64_t> weights_version) {
  std::vector<int64_t> lengths;
  for (const auto* t : trajectories) lengths.push_back(t->ids_size());
  std::vector<std::vector<float>> out(trajectories.size());
  for (const auto& members :
       pack_micro_batches(lengths, max_micro_tokens, PackOrder::kFirstFitDecreasing)) {
    MicroBatch micro;
    std::vector<model::ChoiceView> choices;
    for (const int64_t i : members) {
      const TrainSequence s =
          train_sequence(*trajectories[static_cast<size_t>(i)], weights_version);
      micro.add(s);
      choices.push_back(s.choices);
    }
    const model::GivenRows given(network.config(), micro.slices, choices);
    network.arena().reset();
    const model::Var hidden = network.run(weights,
                                          {.ids = micro.ids,
                                           .sequences = micro.slices,
                                           .given_experts = given.experts,
                                           .given_entries = given.entries},
                                          nullptr);
    std::vector<float> logprob(micro.ids.size()), lse(micro.ids.size());
    kernels::head_logprobs(
        network.pool(), network.scratch(),
        {.head = {weights.head.data, network.config().vocab_size, network.config().hidden_size},
         .hidden = hidden.v.data,
         .targets = micro.targets.data(),
         .tokens = micro.tokens()},
        {.logprob = logprob.data(), .lse = lse.data()});
    for (size_t i = 0; i < members.size(); ++i)
      for_each_learned(micro, i, [&](size_t row, size_t) {
        out[static_cast<size_t>(members[i])].push_back(logprob[row]);
      });
  }
  return out;
}

}  // namespace amalgam::learner
