// Distillation's objectives against others' numbers, in the kernels' own precision.
#include "tests/loss_vectors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "distill/objectives/kl_estimate.h"
#include "distill/objectives/objective.h"
#include "kernels/head/top_k.h"

namespace amalgam::distill {
namespace {

using tests::Computed, tests::has_only, tests::Json;

// A problem's logits as hidden states under a head that is the identity.
struct Problem {
  explicit Problem(const Json& p)
      : T(p.at("tokens")),
        V(p.at("vocab")),
        student(logits(p.at("student_logits"))),
        identity(V * V) {
    for (size_t v = 0; v < V; ++v) identity[v * V + v] = 1;
    for (const Json& z : p.at("teacher_logits")) teachers.push_back(logits(z));
  }
  static std::vector<float> logits(const Json& z) {
    std::vector<double> values;
    tests::flatten(z, values);
    return {values.begin(), values.end()};
  }
  kernels::Head head() const {
    return {identity.data(), static_cast<int64_t>(V), static_cast<int64_t>(V)};
  }

  size_t T, V;
  std::vector<float> student, identity;
  std::vector<std::vector<float>> teachers;
};

using Weights = std::vector<std::vector<float>>;  // [teachers][T]

// What config.teachers says; nothing where it says something else.
std::optional<Weights> teacher_weights(const Json& which, const Json& p) {
  const size_t T = p.at("tokens"), E = p.at("teacher_logits").size();
  Weights w(E, std::vector<float>(T));
  for (size_t e = 0; e < E; ++e)
    for (size_t t = 0; t < T; ++t) {
      if (which.is_number())
        w[e][t] = e == which;
      else if (which == "all, weighted" ||
               (which == "token_teacher, weighted" && p.at("token_teacher")[t] == e))
        w[e][t] = p.at("teacher_weights")[e].get<float>();
      else if (which != "token_teacher, weighted")
        return std::nullopt;
    }
  return w;
}

struct Result {
  std::vector<double> token_losses, d_logits;
};

// The loss of the tokens in `mask`, mean over them.
Result run(const Problem& problem, const Weights& weights, const Json& sampled,
           const std::vector<int>& mask, const DistillObjective& objective) {
  kernels::ThreadPool pool(1);
  kernels::Arena arena;
  std::vector<int32_t> targets;
  int tokens = 0;
  for (size_t t = 0; t < problem.T; ++t) {
    targets.push_back(mask[t] ? sampled[t].get<int32_t>() : -1);
    tokens += mask[t];
  }
  std::vector<kernels::KlTeacher> teachers;
  for (size_t e = 0; e < weights.size(); ++e)
    teachers.push_back({problem.head(), problem.teachers[e].data(), weights[e].data()});
  const DistillRows rows{.student = {.head = problem.head(),
                                     .hidden = problem.student.data(),
                                     .targets = targets.data(),
                                     .tokens = static_cast<int64_t>(problem.T),
                                     .temperature = objective.temperature},
                         .teachers = teachers,
                         .per_token = 1.0f / static_cast<float>(tokens)};
  std::vector<float> value(problem.T), logprob(problem.T), lse(problem.T),
      gradient(problem.T * problem.V);
  Result result;
  const kernels::HeadLogprobs ours{logprob.data(), lse.data()};
  kernels::head_logprobs(pool, arena, rows.student, ours);
  add_objective(pool, arena, objective, rows, ours, value.data(), {.hidden = gradient.data()});
  result.token_losses.assign(value.begin(), value.end());
  if (objective.kind == configs::Objective::kSampledAdvantage)
    for (size_t t = 0; t < problem.T; ++t)
      result.token_losses[t] *= double{logprob[t]};  // -A log π
  result.d_logits.assign(gradient.begin(), gradient.end());
  return result;
}

using configs::Objective;

std::optional<DistillObjective> top_k_objective(const Json& config) {
  DistillObjective o;
  const std::string divergence = config.at("divergence");
  o.parameters.topk = config.at("k");
  if (config.at("renormalized") == false) {
    if (divergence != "topk_forward" || config.at("loss_min") != 0.0 ||
        !has_only(config, {"divergence", "teachers", "agg", "k", "renormalized", "log_prob_min",
                           "loss_min", "loss_max"}))
      return std::nullopt;
    o.kind = Objective::kTopkForwardVerl;
    o.parameters.log_prob_min = config.at("log_prob_min");
    o.parameters.loss_max = config.at("loss_max");
    return o;
  }
  const Json& outside = config.at("outside_log_prob");
  if (!has_only(config, {"divergence", "teachers", "agg", "k", "renormalized", "outside_log_prob",
                         "mixed_kl_weight"}))
    return std::nullopt;
  if (config.at("renormalized") == "teacher" && outside == -100.0)
    o.parameters.topk_outside = configs::TopkOutside::kZero;
  else if (config.at("renormalized") != "both" || !outside.is_null())
    return std::nullopt;
  o.kind = divergence == "topk_forward"   ? Objective::kTopkForwardNemo
           : divergence == "topk_reverse" ? Objective::kTopkReverseNemo
                                          : Objective::kTopkMixedNemo;
  o.parameters.mixed_kl_weight = config.at("mixed_kl_weight");
  return o;
}

std::optional<DistillObjective> objective(const Json& config) {
  if (config.at("agg") != "token-mean") return std::nullopt;
  const std::string divergence = config.at("divergence");
  if (divergence == "topk_forward" || divergence == "topk_reverse" || divergence == "topk_mixed")
    return top_k_objective(config);
  if (divergence == "jsd") {
    if (!has_only(config, {"divergence", "teachers", "agg", "beta", "temperature"}))
      return std::nullopt;
    DistillObjective o{.kind = Objective::kJsd, .temperature = config.at("temperature")};
    o.parameters.jsd_beta = config.at("beta");
    return o;
  }
  if (!has_only(config, {"divergence", "teachers", "agg"})) return std::nullopt;
  if (divergence == "reverse") return DistillObjective{Objective::kExact};
  if (divergence == "forward") return DistillObjective{Objective::kForward};
  if (divergence == "sampled_token") return DistillObjective{Objective::kSampledAdvantage};
  return std::nullopt;
}

std::optional<configs::KlEstimator> estimator(const Json& name) {
  const auto names = configs::names_of(configs::KlEstimator{});
  const auto it = std::find(names.begin(), names.end(), name.get<std::string>());
  if (it == names.end()) return std::nullopt;
  return static_cast<configs::KlEstimator>(it - names.begin());
}

// A teacher's log-probability of the sampled tokens is given: in double. As an advantage only where
// the policy is the one that sampled, which in a distillation step it is: verl's ratio, clip and
// dual clip are not ours.
std::optional<Computed> sampled(const Json& config, const Json& batch) {
  const bool is_loss = config.at("objective") == "kl_only";
  const Json& estimate = config.at(is_loss ? "kl" : "advantage");
  if (config.at("agg") != "token-mean" ||
      (is_loss ? !has_only(config, {"objective", "kl", "agg"}) ||
                     !has_only(estimate, {"type", "coef", "clamp"}) || estimate.at("coef") != 1.0
               : config.at("objective") != "ppo_clip" ||
                     batch.at("logprobs_new") != batch.at("logprobs_old")))
    return std::nullopt;
  const auto which = estimator(estimate.at(is_loss ? "type" : "from_teacher"));
  if (!which) return std::nullopt;
  std::vector<double> now, teacher, mask, d_logprob, advantages;
  tests::flatten(batch.at("logprobs_new"), now), tests::flatten(batch.at("mask"), mask);
  tests::flatten(batch.at("logprobs_ref"), teacher);
  double loss = 0, tokens = 0;
  for (const double m : mask) tokens += m;
  for (size_t t = 0; t < now.size(); ++t) {
    const KlEstimate plain = kl_estimate(*which, now[t], teacher[t]);
    const KlEstimate e = cut(plain, estimate.at("clamp"));
    if (!is_loss && e.value != plain.value) return std::nullopt;  // an advantage is never cut
    loss += mask[t] * e.value / tokens;
    d_logprob.push_back(mask[t] * (is_loss ? e.d_logprob : e.value) / tokens);
    advantages.push_back(-mask[t] * e.value);
  }
  return Computed{
      {{"loss", {loss}}, {"d_logprobs_new", d_logprob}, {"token_advantages", advantages}}};
}

// Whether the ids that a case looks at are those that we look at.
bool are_top_k(const Json& ids, const Json& teacher_logits) {
  for (size_t t = 0; t < ids.size(); ++t) {
    std::vector<int32_t> ours(ids[t].size());
    const std::vector<float> z = Problem::logits(teacher_logits[t]);
    kernels::top_k(z.data(), static_cast<int64_t>(z.size()), static_cast<int64_t>(ours.size()),
                   ours.data());
    if (ids[t].get<std::set<int32_t>>() != std::set<int32_t>(ours.begin(), ours.end()))
      return false;
  }
  return true;
}

std::optional<Computed> compute(const Json& c, const Json& data) {
  if (c.at("kind") == "distill_sampled") {
    Json batch = data.at("batches").at(c.at("batch").get<std::string>());
    if (c.contains("inputs")) batch.update(c.at("inputs"));
    return sampled(c.at("config"), batch);
  }
  const auto which = objective(c.at("config"));
  if (!which) return std::nullopt;
  const Json& p = data.at("problems").at(c.at("problem").get<std::string>());
  const auto weights = teacher_weights(c.at("config").at("teachers"), p);
  if (!weights) return std::nullopt;
  if (c.contains("inputs") &&
      (!has_only(c.at("inputs"), {"topk_ids"}) || !c.at("config").at("teachers").is_number() ||
       !are_top_k(c.at("inputs").at("topk_ids"),
                  p.at("teacher_logits")[c.at("config").at("teachers").get<size_t>()])))
    return std::nullopt;
  const Problem problem(p);
  const auto mask = p.at("mask").get<std::vector<int>>();
  const Result all =
      run(problem, *weights, p.at("sampled"), std::vector<int>(problem.T, 1), *which);
  const Result masked = run(problem, *weights, p.at("sampled"), mask, *which);
  double loss = 0, tokens = 0;
  for (size_t t = 0; t < problem.T; ++t) loss += masked.token_losses[t], tokens += mask[t];
  return Computed{{{"loss", {loss / tokens}},
                   {"token_losses", all.token_losses},
                   {"d_student_logits", masked.d_logits}},
                  true};
}

// Computed are all names. Of distill_sampled_k1_advantage and k3 not where the policy has moved
// since it sampled (d6_off, d16_off): a step of distillation has one update.
TEST(LossVectors, EveryCase) {
  tests::check_loss_vectors([](const std::string& kind) { return kind.starts_with("distill"); },
                            compute,
                            {"distill_sampled_k1_advantage",
                             "distill_sampled_k3_advantage",
                             "distill_sampled_supervised_abs",
                             "distill_sampled_supervised_k1",
                             "distill_sampled_supervised_k2",
                             "distill_sampled_supervised_k3",
                             "forward_kl_full_sum_of_teachers",
                             "jsd_beta0.0",
                             "jsd_beta0.1",
                             "jsd_beta0.5",
                             "jsd_beta0.5_tempered",
                             "jsd_beta0.9",
                             "jsd_beta1.0",
                             "jsd_beta1.0_tempered",
                             "reverse_kl_full_sum_of_teachers",
                             "reverse_kl_full_teacher_per_token",
                             "sampled_token_advantage",
                             "topk_forward_nemo",
                             "topk_forward_nemo_zero_outside",
                             "topk_forward_verl",
                             "topk_forward_verl_tight_clamp",
                             "topk_mixed_nemo",
                             "topk_mixed_nemo_zero_outside",
                             "topk_reverse_nemo",
                             "topk_reverse_nemo_zero_outside"});
}

}  // namespace
}  // namespace amalgam::distill
