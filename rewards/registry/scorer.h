// Scores answers: one entry for every kind of reward that needs no model.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rewards/code/code_tests.h"
#include "rewards/programs/plugin.h"
#include "rewards/score/score.h"

namespace amalgam::rewards {

// How the final message came out of the parser.
enum class MessageState {
  kComplete,
  kTruncated,  // the token budget ended it
  kMalformed   // it does not parse: an unclosed thought, a broken tool call
};

// Styles that have a verifier here: math, code, agent, instruct.
bool is_built_in(const std::string& style);
// The best reward that a row of this style can get; none: a plug-in decides.
std::optional<double> best_reward(const std::string& style);

// Structured values are JSON text; empty stands for null.
struct ScoreRequest {
  std::string data_source;
  std::string style;         // reward_model.style
  std::string ground_truth;  // reward_model.ground_truth
  // For built-in styles:
  std::string content;  // of the final message, without reasoning and calls
  MessageState state = MessageState::kComplete;
  // For plug-ins (docs/REWARDS.md):
  std::string solution;
  std::string extra_info;
  std::string row;  // the whole row
  std::string sample_id;
};

struct ScorerOptions {
  CodeTestOptions code;
  std::optional<PluginOptions> plugin;
};

// Safe for use by several threads at once. The same request gives the same score.
class Scorer {
 public:
  // Throws Error when the plug-in cannot be loaded.
  explicit Scorer(ScorerOptions options);

  // By style: "math" and "agent" match a number, "code" runs unit tests, "instruct" checks
  // constraints, "plugin" asks the plug-in, as does every other style (verl's "rule", or none) when
  // there is one. The first four give 0 to a message that is not complete.
  Score score(const ScoreRequest& request) const;

  // Whether one call scores all samples of a prompt whose row has this style; then it must.
  bool takes_batches(const std::string& style) const;
  // Of one sample, or of a batch.
  std::vector<Score> score_batch(const std::vector<ScoreRequest>& requests) const;

  // Calls of the plug-in that are under way, and all later ones, fail at once.
  void stop();

 private:
  ScorerOptions options_;
  std::unique_ptr<Plugin> plugin_;  // null: none configured
};

}  // namespace amalgam::rewards
