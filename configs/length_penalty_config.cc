#include "configs/length_penalty_config.h"

namespace amalgam::configs {

std::optional<Problem> LengthPenaltyConfig::problem() const {
  const std::string of_form = "form = \"" + name_of(form) + "\"";
  for (const auto& [name, value] : k)
    if (!is_effort_mode(name))
      return Problem{"k", "'" + name +
                              "' is no effort: none, low, high, max, a number from 1 to 100 or a "
                              "band of them as b1-20"};
  for (const auto& [name, value] : k)
    for (const auto& [other, other_value] : k) {
      const auto a = effort_band(name), b = effort_band(other);
      if (name < other && a && b && a->first <= b->last && b->first <= a->last)
        return Problem{"k", "the bands " + name + " and " + other + " share efforts"};
    }
  switch (form) {
    case LengthForm::kLinear:
      if (k.empty()) return Problem{"k", of_form + " needs it, as { none = 0.2, max = 0.001 }"};
      break;
    case LengthForm::kEffort:
      if (k0 == 0) return Problem{"k0", of_form + " needs one above 0"};
      break;
    case LengthForm::kOverlong:
      if (buffer == 0) return Problem{"buffer", of_form + " needs its tokens, at least 1"};
      break;
    case LengthForm::kEfficient:
    case LengthForm::kL1Exact:
    case LengthForm::kL1Max:
      if (alpha == 0) return Problem{"alpha", of_form + " needs one above 0"};
      if (form != LengthForm::kEfficient && target == 0)
        return Problem{"target", of_form + " needs its tokens, at least 1"};
      break;
    case LengthForm::kAlp:
      if (beta == 0) return Problem{"beta", of_form + " needs one above 0"};
      break;
    case LengthForm::kNone:
    case LengthForm::kKimiK15:
    case LengthForm::kCosine:
      break;
  }
  if (!k.empty() && form != LengthForm::kLinear)
    return Problem{"k", "is that of form = \"linear\", and it is " + of_form};
  if ((repetition_ngram > 0) != (repetition_max_penalty < 0))
    return Problem{"repetition_ngram",
                   "and repetition_max_penalty go together: tokens above 0, a penalty below 0"};
  return std::nullopt;
}

std::string LengthPenaltyConfig::effort_problem(const std::string& effort) const {
  if (form == LengthForm::kLinear && !value_of_effort(k, effort))
    return "effort " + effort + " has no k in rl.length_penalty.k; give it one there";
  if (form == LengthForm::kEffort && !effort_number(effort))
    return "effort " + effort +
           " is no number from 1 to 100, which rl.length_penalty.form = \"effort\" needs; use "
           "form = \"linear\"";
  return "";
}

}  // namespace amalgam::configs
