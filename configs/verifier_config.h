// One of several verifiers that score a domain's answers ([[domain.reward]], docs/REWARDS.md).
#pragma once
#include "configs/arguments.h"
#include "configs/schema.h"

namespace amalgam::configs {

// reward: its score times `weight` is added; gate: the sum is multiplied by its score; audit: it is
// recorded beside the reward, never trained on, and chooses nothing.
enum class VerifierRole { kReward, kGate, kAudit };
inline std::vector<std::string> names_of(VerifierRole) { return {"reward", "gate", "audit"}; }

// The names that rewards/registry knows, and what stands for something else than one verifier.
std::vector<std::string> verifier_styles();
inline constexpr const char* kRowStyle = "row";            // what the row says
inline constexpr const char* kFunctionStyle = "function";  // the domain's reward_file

struct VerifierConfig {
  std::string style = kRowStyle;
  std::string name = {};
  VerifierRole role = VerifierRole::kReward;
  double weight = 1;
  double min = -1e6, max = 1e6;
  std::string truth = {};
  Arguments arguments = {};

  bool operator==(const VerifierConfig&) const = default;

  template <class V>
  void visit(V& v) {
    v.value("style", style,
            "a verifier of docs/REWARDS.md; row: what the row's style or data_source names; "
            "function: the domain's reward_file");
    v.value("name", name, "what its scores are recorded as; empty: its style");
    v.value("role", role,
            "reward: its score times weight is added; gate: the sum of the others is multiplied by "
            "its score; audit: an independent check, recorded and shown beside the reward, that "
            "neither rewards nor chooses");
    v.value("weight", weight, between(-1e6, 1e6), "of role reward");
    v.value("min", min, between(-1e6, 1e6), "its score is raised to this before it is weighed");
    v.value("max", max, between(-1e6, 1e6), "and cut to this");
    v.value("truth", truth,
            "column with its ground truth, as extra_info.answer; empty: the row's ground truth");
    v.value("arguments", arguments, "arguments of the verifier, as { ngram = 4 }");
  }

  void resolve() {
    if (name.empty()) name = style;
  }
  std::optional<Problem> problem() const;
};

}  // namespace amalgam::configs
