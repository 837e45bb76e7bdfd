// [[compare]]: other ways to merge the specialists.
#pragma once
#include "configs/objective_config.h"

namespace amalgam::configs {

enum class CompareKind { kWeightAverage, kDistill };
inline std::vector<std::string> names_of(CompareKind) { return {"weight_average", "distill"}; }

// Another way to merge the specialists, scored beside the student.
struct CompareConfig {
  std::string name;
  CompareKind kind = CompareKind::kWeightAverage;
  std::vector<double> coefficients;
  Objective objective = Objective::kSampledAdvantage;

  template <class V>
  void visit(V& v) {
    v.value("name", name,
            "lower-case letters, digits and _: its column in tables and results.json");
    v.value("kind", kind,
            "weight_average: base + c (mean of the specialists - base), tensor by tensor; distill: "
            "as [distill], with this table's objective");
    v.value(
        "coefficients", coefficients, between(-100, 100),
        "weight_average: the c that are compared on the validation prompts; empty: as many as the "
        "student had candidates, around 1");
    v.value("objective", objective, "distill: its objective");
  }

  std::optional<Problem> problem() const {
    if (!is_identifier(name))
      return Problem{"name", "'" + name + "' must be made of lower-case letters, digits and _"};
    if (name == "base" || name == "specialist" || name == "student")
      return Problem{"name", "'" + name + "' is a model of the run itself"};
    if (kind == CompareKind::kDistill && !coefficients.empty())
      return Problem{"coefficients", "are those of kind = \"weight_average\""};
    if (kind == CompareKind::kWeightAverage && objective != Objective::kSampledAdvantage)
      return Problem{"objective", "is that of kind = \"distill\""};
    return std::nullopt;
  }
};

}  // namespace amalgam::configs
