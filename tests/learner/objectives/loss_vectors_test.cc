// The policy step's functions, and those that wait for a caller, against others' numbers.
#include "tests/loss_vectors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "learner/estimators/advantage.h"
#include "learner/objectives/policy_loss.h"

namespace amalgam::learner {
namespace {

using tests::Computed, tests::has_only, tests::Json;

// The trained tokens of sequence i in one of the batch's fields.
std::vector<float> trained(const Json& batch, const char* field, size_t i) {
  std::vector<float> values;
  const Json &row = batch[field][i], &mask = batch.at("mask")[i];
  for (size_t t = 0; t < mask.size(); ++t)
    if (mask[t] == 1) values.push_back(row[t].get<float>());  // exact: they are floats
  return values;
}

std::optional<AdvantageScale> advantage_scale(const Json& config) {
  if (!has_only(config, {"estimator", "std", "eps", "ddof"}) || config.at("estimator") != "grpo" ||
      config.value("ddof", 1) != 1)
    return std::nullopt;
  if (config.at("std") == false) return AdvantageScale::kNone;
  if (config.at("std") == true && config.at("eps") == 1e-6) return AdvantageScale::kStd;
  return std::nullopt;
}

std::vector<double> advantages(const Json& batch, AdvantageScale scale) {
  std::vector<std::optional<double>> rewards;
  for (const Json& r : batch.at("rewards"))
    rewards.push_back(r.is_null() ? std::nullopt : std::optional(r.get<double>()));
  return batch_advantages(rewards, batch.at("group_ids").get<std::vector<int64_t>>(), scale);
}

std::optional<configs::LossAggMode> aggregation(const Json& config) {
  const auto names = configs::names_of(configs::LossAggMode{});
  const auto it = std::find(names.begin(), names.end(), config.value("agg", ""));
  if (it == names.end()) return std::nullopt;
  return static_cast<configs::LossAggMode>(it - names.begin());
}

// One sequence: Σ_t of its token losses, and the derivative for each token; `weights` are given out
// where a case asks.
struct Sequence {
  std::vector<float> now, old, old_learner, reference;
  double advantage = 0;
  std::vector<double> d_logprob, weights = {};
};
using Objective = std::function<double(Sequence&)>;

// The objective of the training step.
std::optional<Objective> step_objective(const Json& config) {
  if (!has_only(config, {"objective", "clip_low", "clip_high", "agg", "norm_length", "opsm_delta",
                         "kl", "advantage"}))
    return std::nullopt;
  configs::AlgorithmConfig algorithm{.clip_ratio_low = config.at("clip_low"),
                                     .clip_ratio_high = config.at("clip_high"),
                                     .off_policy_delta = config.value("opsm_delta", 0.0)};
  const bool has_kl = config.contains("kl");
  if (has_kl) {
    if (!has_only(config.at("kl"), {"type", "coef"}) || config.at("kl").at("type") != "k3_weighted")
      return std::nullopt;
    algorithm.kl_loss_coef = config.at("kl").at("coef");
  }
  return [=](Sequence& s) {
    if (!has_kl) s.reference.clear();
    const SequenceLoss loss =
        policy_sequence_loss({s.now, s.old, s.reference}, s.advantage, algorithm, s.d_logprob);
    return loss.policy + algorithm.kl_loss_coef * loss.kl;
  };
}

std::optional<Objective> gspo_objective(const Json& config) {
  if (!has_only(config, {"objective", "clip_low", "clip_high", "agg", "norm_length", "advantage"}))
    return std::nullopt;
  const ClipRange clip{config.at("clip_low"), config.at("clip_high")};
  return [=](Sequence& s) {
    if (s.now.empty()) return 0.0;
    const auto n = static_cast<double>(s.now.size());  // each token has the sequence's loss
    const TokenLoss loss = gspo(s.now, s.old, s.advantage, clip);
    std::fill(s.d_logprob.begin(), s.d_logprob.end(), n * loss.d_logprob);
    return n * loss.loss;
  };
}

std::optional<Objective> cispo_objective(const Json& config) {
  if (!has_only(config,
                {"objective", "weight_min", "weight_max", "agg", "norm_length", "log_ratio_clamp"}))
    return std::nullopt;
  const double lowest = config.value("weight_min", 0.0), highest = config.at("weight_max");
  if (config.contains("log_ratio_clamp")) {  // does nothing outside of the weights' own bounds
    const double clamp = config.at("log_ratio_clamp");
    if (std::exp(-clamp) > lowest || std::exp(clamp) < highest) return std::nullopt;
  }
  return [clip = ClipRange{1 - lowest, highest - 1}](Sequence& s) {
    double sum = 0;
    for (size_t t = 0; t < s.now.size(); ++t) {
      const TokenLoss loss = cispo(s.now[t], s.old[t], s.advantage, clip);
      sum += loss.loss, s.d_logprob[t] = loss.d_logprob;
    }
    return sum;
  };
}

// PPO's loss against the learner's own old weights, each token weighted for what the sampler ran
// (TIS).
std::optional<Objective> truncated_objective(const Json& config) {
  if (!has_only(config,
                {"objective", "clip_low", "clip_high", "agg", "norm_length", "ratio_from", "is"}) ||
      config.at("ratio_from") != "old_learner")
    return std::nullopt;
  const Json& is = config.at("is");
  if (!has_only(is, {"level", "mode", "low", "high"}) || is.at("level") != "token" ||
      is.at("mode") != "truncate" || !is.at("low").is_null())
    return std::nullopt;
  const ClipRange clip{config.at("clip_low"), config.at("clip_high")};
  return [clip, cap = is.at("high").get<double>()](Sequence& s) {
    double sum = 0;
    for (size_t t = 0; t < s.now.size(); ++t) {
      const double w = truncated_importance_weight(s.old_learner[t], s.old[t], cap);
      const TokenLoss loss = ppo_clip(s.now[t], s.old_learner[t], s.advantage, clip);
      sum += w * loss.loss, s.d_logprob[t] = w * loss.d_logprob;
      s.weights.push_back(w);
    }
    return sum;
  };
}

std::optional<Objective> objective(const Json& config) {
  if (config.at("objective") == "ppo_clip")
    return config.contains("is") ? truncated_objective(config) : step_objective(config);
  if (config.at("objective") == "gspo") return gspo_objective(config);
  if (config.at("objective") == "cispo") return cispo_objective(config);
  return std::nullopt;
}

std::optional<Computed> policy_loss(const Json& c, const Json& batch) {
  const Json& config = c.at("config");
  const auto mode = aggregation(config);
  const auto loss_of = objective(config);
  if (!mode || !loss_of) return std::nullopt;
  std::vector<double> advantage;
  if (config.contains("advantage")) {
    const auto scale = advantage_scale(config.at("advantage"));
    if (!scale) return std::nullopt;
    advantage = advantages(batch, *scale);
  } else if (c.value("advantages_from", "") == "advantages") {
    advantage = batch.at("advantages").get<std::vector<double>>();
  } else {
    return std::nullopt;
  }
  std::vector<int64_t> num_tokens;
  for (const Json& mask : batch.at("mask")) {
    const auto m = mask.get<std::vector<int>>();
    num_tokens.push_back(std::count(m.begin(), m.end(), 1));
  }
  const auto weights = loss_weights(*mode, num_tokens, config.value("norm_length", int64_t{0}));
  double loss = 0;
  std::vector<double> gradient, token_weights;
  for (size_t i = 0; i < num_tokens.size(); ++i) {
    Sequence s{.now = trained(batch, "logprobs_new", i),
               .old = trained(batch, "logprobs_old", i),
               .old_learner = trained(batch, "logprobs_old_learner", i),
               .reference = trained(batch, "logprobs_ref", i),
               .advantage = advantage[i],
               .d_logprob = std::vector<double>(static_cast<size_t>(num_tokens[i]))};
    loss += weights[i] * (*loss_of)(s);
    size_t k = 0;
    for (const Json& m : batch.at("mask")[i]) {
      gradient.push_back(m == 1 ? weights[i] * s.d_logprob[k] : 0);
      token_weights.push_back(m == 1 && !s.weights.empty() ? s.weights[k] : 0);
      k += m == 1;
    }
  }
  return Computed{{{"loss", {loss}}, {"d_logprobs_new", gradient}, {"weights", token_weights}}};
}

std::optional<Computed> advantage(const Json& config, const Json& batch) {
  const auto scale = advantage_scale(config);
  if (!scale) return std::nullopt;
  return Computed{{{"advantages", advantages(batch, *scale)}}};
}

std::optional<Computed> group_filter(const Json& config, const Json& batch) {
  if (!has_only(config, {"rule"}) ||
      config.at("rule") != "keep a group unless all its rewards are equal")
    return std::nullopt;
  std::map<int64_t, std::vector<double>> groups;
  for (size_t i = 0; i < batch.at("rewards").size(); ++i)
    groups[batch.at("group_ids")[i].get<int64_t>()].push_back(batch.at("rewards")[i]);
  std::vector<double> kept;
  for (const auto& [group, rewards] : groups)
    if (is_informative(rewards)) kept.push_back(static_cast<double>(group));
  return Computed{{{"kept_groups", kept}}};
}

std::optional<Computed> compute(const Json& c, const Json& data) {
  Json batch = c.contains("batch") ? data.at("batches").at(c.at("batch").get<std::string>())
                                   : Json::object();
  if (c.contains("inputs")) batch.update(c.at("inputs"));
  const std::string kind = c.at("kind");
  if (kind == "policy_loss" || kind == "aggregation" || kind == "kl_loss" || kind == "end_to_end")
    return policy_loss(c, batch);
  if (kind == "advantage") return advantage(c.at("config"), batch);
  if (kind == "group_filter") return group_filter(c.at("config"), batch);
  return std::nullopt;  // entropy, kl_in_reward
}

TEST(LossVectors, EveryCase) {
  tests::check_loss_vectors(
      [](const std::string& kind) {
        return !kind.starts_with("distill") && kind != "length_penalty";
      },
      compute,
      {"agg_seq-mean-token-mean",
       "agg_seq-mean-token-sum",
       "agg_seq-mean-token-sum-norm",
       "agg_token-mean",
       "agg_trl_bnpo",
       "cispo_cap_only",
       "cispo_two_sided",
       "clip_higher",
       "dynamic_sampling",
       "dynamic_sampling_all_equal",
       "dynamic_sampling_equal_tenths",
       "e2e_verl_gspo",
       "extreme_unclamped",
       "grpo_mean_only",
       "grpo_mean_only_missing_reward",
       "grpo_std_eps1e-6",
       "gspo_sequence",
       "gspo_sequence_token_mean",
       "kl_loss_k3_weighted",
       "post_training_section3",
       "ppo_clip_symmetric",
       "tis_token_truncate"});
}

}  // namespace
}  // namespace amalgam::learner
