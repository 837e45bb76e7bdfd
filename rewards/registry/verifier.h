// The verifiers that are built in, by name.
#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "rewards/code/code_tests.h"
#include "rewards/registry/score_request.h"
#include "rewards/score/score.h"

namespace amalgam::rewards {

// What a verifier is told beside the request.
struct VerifierSettings {
  std::shared_ptr<const nlohmann::json> arguments;  // of the config, by name
  CodeTestOptions code;
};

// One argument of a verifier, and what it is without being given.
struct VerifierArgument {
  const char* name;
  const char* json;  // the default; "": it is the row's ground truth
  const char* what;
};

struct Verifier {
  const char* name;
  const char* what;   // an answer is right if …
  const char* truth;  // its ground truth; "": it needs none
  const char* range;  // of its scores
  std::vector<VerifierArgument> arguments;
  Score (*score)(const ScoreRequest&, const VerifierSettings&);
  // Why no answer to such a row can be scored; null: any row will do.
  std::optional<std::string> (*problem)(const ScoreRequest&, const VerifierSettings&);
  // What is wrong with the settings, whatever the row; null: nothing can be.
  std::optional<std::string> (*settings_problem)(const VerifierSettings&) = nullptr;
};

// All of them, in the order of docs/REWARDS.md.
const std::vector<Verifier>& verifiers();
const Verifier* find_verifier(const std::string& name);  // null: there is none
std::string verifier_names();                            // "math, code, …"

// The settings of a verifier whose arguments the config gives as JSON text. Throws Error for one
// that it does not have or whose value is of another kind.
VerifierSettings settings_of(const Verifier& verifier, const std::string& arguments_json,
                             const CodeTestOptions& code);

}  // namespace amalgam::rewards
