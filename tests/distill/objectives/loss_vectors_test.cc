// Distillation's objectives against others' numbers, in the kernels' own precision.
#include "tests/loss_vectors.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "configs/stage_configs.h"
#include "distill/objectives/distill_loss.h"
#include "distill/step/distill_step.h"

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
  if (objective.kind == configs::Objective::kExact) {
    exact_kl(pool, arena, rows, value.data(), {.hidden = gradient.data()});
    result.token_losses.assign(value.begin(), value.end());
  } else {
    const kernels::HeadLogprobs ours{logprob.data(), lse.data()};
    kernels::head_logprobs(pool, arena, rows.student, ours);
    sampled_kl(pool, arena, rows, ours, value.data(), {.hidden = gradient.data()});
    for (size_t t = 0; t < problem.T; ++t)
      result.token_losses.push_back(double{value[t]} * double{logprob[t]});  // -A log π
  }
  result.d_logits.assign(gradient.begin(), gradient.end());
  return result;
}

std::optional<DistillObjective> objective(const Json& config) {
  if (config.at("agg") != "token-mean") return std::nullopt;
  const bool plain = has_only(config, {"divergence", "teachers", "agg"});
  const Json& divergence = config.at("divergence");
  if (plain && divergence == "reverse") return DistillObjective{configs::Objective::kExact};
  if (plain && divergence == "sampled_token") return DistillObjective{configs::Objective::kSampled};
  // The end of the Jensen-Shannon family that is the reverse KL.
  if (has_only(config, {"divergence", "teachers", "agg", "beta", "temperature"}) &&
      divergence == "jsd" && config.at("beta") == 1.0)
    return DistillObjective{configs::Objective::kExact, config.at("temperature")};
  return std::nullopt;
}

std::optional<Computed> compute(const Json& c, const Json& data) {
  if (c.at("kind") != "distill")
    return std::nullopt;  // distill_sampled is PPO's or another estimate
  const auto which = objective(c.at("config"));
  if (!which) return std::nullopt;
  const Json& p = data.at("problems").at(c.at("problem").get<std::string>());
  const auto weights = teacher_weights(c.at("config").at("teachers"), p);
  if (!weights) return std::nullopt;
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

TEST(LossVectors, EveryCase) {
  tests::check_loss_vectors(
      [](const std::string& kind) { return kind.starts_with("distill"); }, compute,
      {"jsd_beta1.0", "jsd_beta1.0_tempered", "reverse_kl_full_sum_of_teachers",
       "reverse_kl_full_teacher_per_token", "sampled_token_advantage"});
}

}  // namespace
}  // namespace amalgam::distill
