#include "configs/verifier_config.h"

#include <algorithm>

#include "configs/suggest.h"

namespace amalgam::configs {

std::vector<std::string> verifier_styles() {
  return {"math",         "agent",           "gsm8k",       "code",  "instruct", "ifeval",
          "choice",       "multiple_choice", "exact_match", "f1",    "regex",    "json_schema",
          "think_format", "language",        "repetition",  "length"};
}

std::optional<Problem> VerifierConfig::problem() const {
  std::vector<std::string> styles = verifier_styles();
  styles.insert(styles.end(), {kRowStyle, kFunctionStyle});
  if (std::find(styles.begin(), styles.end(), style) == styles.end()) {
    const std::string near = nearest(style, styles);
    std::string all;
    for (const std::string& s : styles) all += (all.empty() ? "" : ", ") + s;
    return Problem{"style", "there is no verifier '" + style + "'; " +
                                (near.empty() ? "there are " + all : "did you mean " + near + "?")};
  }
  if (!is_identifier(name))
    return Problem{"name", "'" + name + "' must be made of lower-case letters, digits and _"};
  if (min > max) return Problem{"min", "is more than max"};
  return std::nullopt;
}

}  // namespace amalgam::configs
