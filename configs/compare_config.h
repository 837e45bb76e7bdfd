// [[compare]]: other ways to make one model of the specialists, beside the student.
#pragma once
#include "configs/objective_config.h"

namespace amalgam::configs {

// Merges of weights, trainings, models that are there anyway; then every objective of distillation.
enum class Method {
  kMean,
  kTaskArithmetic,
  kTies,
  kDare,
  kDareTies,
  kSlerp,
  kMixedRl,
  kSft,
  kBase,
  kSpecialist,
  kFirstObjective
};
inline std::vector<std::string> names_of(Method) {
  std::vector<std::string> names = {"mean",  "task_arithmetic", "ties", "dare", "dare_ties",
                                    "slerp", "mixed_rl",        "sft",  "base", "specialist"};
  for (const std::string& objective : names_of(Objective())) names.push_back(objective);
  return names;
}

constexpr bool is_merge(Method m) { return m <= Method::kSlerp; }
constexpr bool is_own_model(Method m) { return m == Method::kBase || m == Method::kSpecialist; }
constexpr bool is_objective(Method m) { return m >= Method::kFirstObjective; }
constexpr bool is_trained(Method m) {
  return m == Method::kMixedRl || m == Method::kSft || is_objective(m);
}
constexpr Objective objective_of(Method m) {  // is_objective(m)
  return static_cast<Objective>(static_cast<int>(m) - static_cast<int>(Method::kFirstObjective));
}

struct CompareConfig {
  std::string name;
  Method method = Method::kMean;
  std::vector<double> scales, densities, ts, learning_rates;
  int64_t n = 0;
  ObjectiveParameters parameters;  // of a method that is an objective: keys of this table

  template <class V>
  void visit(V& v) {
    v.value("name", name,
            "lower-case letters, digits and _: its column in tables and results.json; empty: the "
            "method");
    v.value(
        "method", method,
        "of weights alone: mean, task_arithmetic, ties, dare, dare_ties, slerp (of two specialists "
        "only). Trained with the student's steps, samples and choices: mixed_rl (GRPO on all "
        "domains' prompts, from the base), sft (supervised, on answers of the teachers), or an "
        "objective of distill.objective. base and specialist stand in every table. "
        "docs/MERGING.md says what each does");
    v.value("scales", scales, between(-100, 100),
            "task_arithmetic, ties, dare, dare_ties: the lambda that are compared on the "
            "validation prompts, 1 adds the mean of the specialists' differences to the base; "
            "empty: 1, 1.25, 0.75, 1.5, …, all above 0");
    v.value("densities", densities, between(0.001, 1),
            "ties, dare, dare_ties: the shares of a difference's elements that stay, each compared "
            "with each of scales; empty: 0.5, and without scales 0.2 too");
    v.value("ts", ts, between(0, 1),
            "slerp: the places between the first specialist, 0, and the second, 1, that are "
            "compared; empty: 0.5, 0.625, 0.375, …");
    v.value("learning_rates", learning_rates, between(0, 1),
            "mixed_rl, sft and objectives: as distill.lr_candidates, and as many; empty: those "
            "(mixed_rl: rl.optim.lr times 1, 2, 0.5, 4, …)");
    v.value("n", n, between(0, 4096),
            "mixed_rl: samples of a prompt; divides the samples of a step of [distill]; 0: "
            "rl.rollout.n");
    parameters.visit(v);
  }

  void resolve() {
    if (name.empty()) name = name_of(method);
  }

  std::optional<Problem> problem() const {
    const std::string of = name_of(method);
    if (!is_identifier(name))
      return Problem{"name", "'" + name + "' must be made of lower-case letters, digits and _"};
    if (is_own_model(method) && name != of)
      return Problem{"name", "method '" + of + "' is a model of the run itself, named so"};
    if (name == "student" || (!is_own_model(method) && (name == "base" || name == "specialist")))
      return Problem{"name", "'" + name + "' is a model of the run itself"};
    for (const char* file :
         {"checkpoints", "lock", "target", "tb", "tokenizer", "trajectories", "wal"})
      if (name == file)
        return Problem{"name", "'" + name + "' is a file of every run; give it another name"};
    const bool has_scale = is_merge(method) && method != Method::kMean && method != Method::kSlerp;
    if (!scales.empty() && !has_scale) return not_of("scales");
    if (!densities.empty() && (!has_scale || method == Method::kTaskArithmetic))
      return not_of("densities");
    if (!ts.empty() && method != Method::kSlerp) return not_of("ts");
    if (!learning_rates.empty() && !is_trained(method)) return not_of("learning_rates");
    if (n != 0 && method != Method::kMixedRl) return not_of("n");
    if (is_objective(method)) return parameters.problem(objective_of(method));
    if (parameters.reward_coef != 0) return not_of("reward_coef");
    if (const auto of_objective = parameters.problem(Objective::kExact))  // which has none
      return not_of(of_objective->key);
    return std::nullopt;
  }

 private:
  Problem not_of(const std::string& key) const {
    return {key, "method '" + name_of(method) + "' has no such parameter; drop it"};
  }
};

}  // namespace amalgam::configs
