#include "rewards/registry/reference.h"

#include "configs/format.h"
#include "rewards/registry/data_sources.h"
#include "rewards/registry/verifier.h"

namespace amalgam::rewards {
namespace {

std::string arguments_text(const Verifier& verifier) {
  std::string text;
  for (const VerifierArgument& a : verifier.arguments)
    text += std::string(text.empty() ? "" : "; ") + "`" + a.name + "`" +
            (*a.json ? std::string(" (") + a.json + ")" : "") + ": " + a.what;
  return text;
}

std::string range_text(const DataSource& s) {
  std::string text =
      s.verl_arguments == std::string("{\"partial\": true}")
          ? "0 … 1"
          : configs::format_number(s.verl_wrong) + ", " + configs::format_number(s.verl_right);
  return s.verl_arguments == std::string("{}") ? text : text + " with `" + s.verl_arguments + "`";
}

}  // namespace

std::string verifiers_reference() {
  std::string text =
      "| `style` | an answer is right if | `ground_truth` | scores | `arguments` |\n"
      "|---|---|---|---|---|\n";
  for (const Verifier& v : verifiers())
    text += std::string("| `") + v.name + "` | " + v.what + " | " + v.truth + " | " + v.range +
            " | " + arguments_text(v) + " |\n";
  text +=
      "\n## Data sets by name\n\n"
      "Of a row whose style names no verifier `data_source` says which one scores it; a `*` stands "
      "for anything.\nThe range is that of `compat = \"verl\"`; without it scores are those of the "
      "table above. What differs from verl 0.9.1's\n`default_compute_score` does so on purpose.\n\n"
      "| `data_source` | verifier | verl's range | what differs |\n|---|---|---|---|\n";
  for (const DataSource& s : data_sources())
    text += std::string("| `") + s.name + "` | `" + s.verifier + "` | " + range_text(s) + " | " +
            s.difference + " |\n";
  return text;
}

}  // namespace amalgam::rewards
