#include "configs/objective_config.h"

#include <algorithm>

namespace amalgam::configs {
namespace {

using O = Objective;

// A key is set where it is not as in a new ObjectiveParameters: a run's resolved config has all.
struct OwnKey {
  const char* key;
  bool is_set;
  std::vector<Objective> of;
};

}  // namespace

std::optional<Problem> ObjectiveParameters::problem(Objective objective) const {
  const ObjectiveParameters plain;
  const std::vector<Objective> nemo{O::kTopkForwardNemo, O::kTopkReverseNemo, O::kTopkMixedNemo};
  std::vector<Objective> top_k = nemo;
  top_k.insert(top_k.end(), {O::kTopkForwardVerl, O::kTopkTail});
  const OwnKey keys[] = {
      {"jsd_beta", jsd_beta != plain.jsd_beta, {O::kJsd}},
      {"topk", topk != plain.topk, top_k},
      {"topk_outside", topk_outside != plain.topk_outside, nemo},
      {"mixed_kl_weight", mixed_kl_weight != plain.mixed_kl_weight, {O::kTopkMixedNemo}},
      {"log_prob_min", log_prob_min != plain.log_prob_min, {O::kTopkForwardVerl}},
      {"loss_max", loss_max != plain.loss_max, {O::kTopkForwardVerl, O::kSampledLoss}},
      {"kl_estimator",
       kl_estimator != plain.kl_estimator,
       {O::kSampledAdvantage, O::kSampledLoss}}};
  for (const auto& [key, is_set, of] : keys) {
    if (!is_set || std::count(of.begin(), of.end(), objective) > 0) continue;
    std::string names;
    for (const Objective o : of) names += (names.empty() ? "" : ", ") + name_of(o);
    return Problem{key, "has no effect with objective '" + name_of(objective) + "': it is one of " +
                            names + "; drop it, or change the objective"};
  }
  return std::nullopt;
}

}  // namespace amalgam::configs
