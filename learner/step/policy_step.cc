#include "learner/step/policy_step.h"

#include <algorithm>
#include <cmath>

#include "configs/check.h"
#include "configs/error.h"
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

enum class Entropy { kSkip, kCompute };

// Forward passes: calls f(index of the trajectory, row of `out`, index of its policy token) for
// every policy token, where `out` holds what the head gave for the micro-batch.
template <class F>
void for_each_policy_token(model::Network& network, const model::Weights& weights,
                           std::span<const proto::Trajectory* const> trajectories,
                           int64_t max_micro_tokens, double temperature,
                           std::optional<int64_t> weights_version, Entropy wanted, F f) {
  std::vector<int64_t> lengths;
  for (const auto* t : trajectories) lengths.push_back(t->ids_size());
  const bool wants_entropy = wanted == Entropy::kCompute;
  std::vector<float> logprob, lse, entropy;
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
    const size_t n = micro.ids.size();
    logprob.resize(n), lse.resize(n), entropy.resize(wants_entropy ? n : 0);
    const kernels::HeadLogprobs out{.logprob = logprob.data(),
                                    .lse = lse.data(),
                                    .entropy = wants_entropy ? entropy.data() : nullptr};
    kernels::head_logprobs(
        network.pool(), network.scratch(),
        {.head = {weights.head.data, network.config().vocab_size, network.config().hidden_size},
         .hidden = hidden.v.data,
         .targets = micro.targets.data(),
         .tokens = micro.tokens(),
         .temperature = temperature},
        out);
    for (size_t i = 0; i < members.size(); ++i)
      for_each_learned(
          micro, i, [&](size_t row, size_t k) { f(static_cast<size_t>(members[i]), out, row, k); });
  }
}

}  // namespace

void PolicyMeans::add(const PolicyMeans& part) {
  entropy.add(part.entropy), ppo_kl.add(part.ppo_kl);
  clipfrac.add(part.clipfrac), kl.add(part.kl);
}

PolicyMeans PolicyFigures::total() const {
  PolicyMeans all;
  for (const auto& [domain, part] : means) all.add(part);
  return all;
}

void PolicyFigures::add(const PolicyFigures& update) {
  pg_loss.add(update.pg_loss), kl_loss.add(update.kl_loss);
  for (const auto& [domain, part] : update.means) means[domain].add(part);
  probs_diff_max = std::max(probs_diff_max, update.probs_diff_max);  // nothing is less than any
  num_masked += update.num_masked;
}

std::string sample_name(const proto::Trajectory& t) {
  return "sample " + std::to_string(t.meta().sample_index()) + " of prompt " +
         t.meta().prompt_id() + " (domain " + t.meta().domain() + ")";
}

void require_finite(double number, const std::string& what, const proto::Trajectory& t) {
  if (std::isfinite(number)) return;
  throw Error(sample_name(t) + ": " + what + " is " + std::to_string(number) + kNonFiniteAdvice);
}

void compare_logprobs(const proto::Trajectory& t, int64_t policy_token, float logprob,
                      std::optional<double>* probs_diff_max) {
  const float logged = t.logprobs(static_cast<int>(policy_token));
  const auto name = [&](const char* whose) {
    return std::string(whose) + " log-probability of policy token " + std::to_string(policy_token);
  };
  if (!std::isfinite(logprob)) require_finite(logprob, name("the"), t);
  if (!std::isfinite(logged)) require_finite(logged, name("the sampler's"), t);
  const double difference =
      logprob == logged ? 0
                        : std::abs(kernels::scalar::exp(logprob) - kernels::scalar::exp(logged));
  *probs_diff_max = std::max(probs_diff_max->value_or(0), difference);
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
                                     const PolicyObjective& objective, int64_t norm_length,
                                     double index_loss_coefficient) {
  const configs::AlgorithmConfig& algorithm = objective.algorithm;
  // Samples without a gradient (all of their group had one reward) only pass the forward check.
  std::vector<TrainSequence> batch;
  std::vector<size_t> trained;
  std::vector<const proto::Trajectory*> checked;
  std::vector<int64_t> num_tokens;
  const int64_t version = trainer.state().step();
  for (size_t i = 0; i < samples.size(); ++i) {
    const PolicySample& s = samples[i];
    num_tokens.push_back(s.trajectory->logprobs_size());
    if (s.advantage != 0 || !s.reference_logprobs.empty()) {
      batch.push_back(train_sequence(*s.trajectory, version));
      trained.push_back(i);
    } else {
      checked.push_back(s.trajectory);
    }
  }
  PolicyFigures f;
  // What every policy token adds, whether it has a gradient or not.
  const auto measure = [&](const proto::Trajectory& t, size_t k, float logprob, float entropy) {
    compare_logprobs(t, static_cast<int64_t>(k), logprob, &f.probs_diff_max);
    PolicyMeans& means = f.means[t.meta().domain()];
    means.entropy.add(entropy);
    means.ppo_kl.add(static_cast<double>(t.logprobs(static_cast<int>(k))) - logprob);
  };
  for_each_policy_token(trainer.network(), trainer.weights(), checked, trainer.max_micro_tokens(),
                        objective.temperature, version, Entropy::kCompute,
                        [&](size_t i, const kernels::HeadLogprobs& out, size_t row, size_t k) {
                          measure(*checked[i], k, out.logprob[row], out.entropy[row]);
                          f.means[checked[i]->meta().domain()].clipfrac.add(0);
                        });
  const std::vector<double> weights =
      loss_weights(algorithm.loss_agg_mode, num_tokens, norm_length);
  kernels::ThreadPool& pool = trainer.network().pool();
  kernels::Arena& scratch = trainer.network().scratch();
  double pg_loss = 0, kl_loss = 0;

  trainer.accumulate(
      batch, index_loss_coefficient, [&](const MicroBatch& micro, const model::Var& hidden) {
        const auto n = static_cast<size_t>(micro.tokens());
        std::vector<float> logprob(n), lse(n), entropy(n), c(n, 0.0f);
        const kernels::HeadPolicy op{.head = trainer.head(),
                                     .hidden = hidden.v.data,
                                     .targets = micro.targets.data(),
                                     .tokens = micro.tokens(),
                                     .temperature = objective.temperature};
        kernels::head_logprobs(pool, scratch, op, {logprob.data(), lse.data(), entropy.data()});
        for (size_t i = 0; i < micro.slices.size(); ++i) {
          const size_t index = trained[static_cast<size_t>(micro.sequences[i])];
          const PolicySample& s = samples[index];
          const float* old = s.trajectory->logprobs().data();
          std::vector<float> fresh;
          for_each_learned(micro, i, [&](size_t row, size_t) { fresh.push_back(logprob[row]); });
          CHECK_EQ(static_cast<int>(fresh.size()), s.trajectory->logprobs_size());
          for_each_learned(micro, i, [&](size_t row, size_t k) {
            measure(*s.trajectory, k, fresh[k], entropy[row]);
          });
          std::vector<double> d_logprob(fresh.size());
          const SequenceLoss loss =
              policy_sequence_loss({fresh, std::span(old, fresh.size()), s.reference_logprobs},
                                   s.advantage, algorithm, d_logprob);
          require_finite(loss.policy + loss.kl, "its loss", *s.trajectory);
          const auto num_tokens_of_sequence = static_cast<int64_t>(fresh.size());
          PolicyMeans& means = f.means[s.trajectory->meta().domain()];
          means.clipfrac.add({static_cast<double>(loss.num_clipped), num_tokens_of_sequence});
          if (!s.reference_logprobs.empty()) means.kl.add({loss.kl, num_tokens_of_sequence});
          pg_loss += weights[index] * loss.policy;
          kl_loss += weights[index] * loss.kl;
          f.num_masked += loss.is_masked;
          for_each_learned(micro, i, [&](size_t row, size_t k) {
            c[row] = static_cast<float>(weights[index] * d_logprob[k]);
            require_finite(c[row], "its gradient", *s.trajectory);
          });
        }
        kernels::head_policy_backward(pool, scratch, op, lse.data(), c.data(),
                                      trainer.head_gradients(hidden));
      });
  const PolicyMeans all = f.total();
  if (all.entropy.count > 0) f.pg_loss.add(pg_loss);
  if (all.kl.count > 0) f.kl_loss.add(kl_loss);
  return f;
}

std::vector<std::vector<float>> policy_token_logprobs(
    model::Network& network, const model::Weights& weights,
    std::span<const proto::Trajectory* const> trajectories, int64_t max_micro_tokens,
    double temperature, std::optional<int64_t> weights_version) {
  std::vector<std::vector<float>> out(trajectories.size());
  for_each_policy_token(network, weights, trajectories, max_micro_tokens, temperature,
                        weights_version, Entropy::kSkip,
                        [&](size_t i, const kernels::HeadLogprobs& head, size_t row, size_t) {
                          out[i].push_back(head.logprob[row]);
                        });
  return out;
}

}  // namespace amalgam::learner
