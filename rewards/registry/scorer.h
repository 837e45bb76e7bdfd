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

// What a right answer gets from a built-in verifier.
inline constexpr double kBestReward = 1;

// Why no answer to a row can be scored by a built-in verifier: an unknown style, or a ground truth
// that its verifier cannot use. None: it can.
std::optional<std::string> problem_of_truth(const std::string& style,
                                            const std::string& ground_truth);

// Structured values are JSON text; empty stands for null.
struct ScoreRequest {
  std::string data_source;
  std::string style;         // reward_model.style
  std::string ground_truth;  // reward_model.ground_truth
  // For built-in verifiers:
  std::string content;  // of the final message, without reasoning and calls
  MessageState state = MessageState::kComplete;
  sandbox::Image image = {};  // that tests of code run in
  // For plug-ins (docs/REWARDS.md):
  std::string solution;
  std::string extra_info;
  std::string row;  // the whole row
  std::string sample_id;
};

enum class ScoredBy { kVerifier, kFunction };  // built in; the user's own

struct ScorerOptions {
  CodeTestOptions code;
  std::optional<PluginOptions> plugin;
};

// Safe for use by several threads at once. The same request gives the same score.
class Scorer {
 public:
  // Throws Error when the plug-in cannot be loaded.
  explicit Scorer(ScorerOptions options);

  // The plug-in, where there is one, scores every row. Without one the row's style says how: "math"
  // and "agent" compare the final answer, "code" runs unit tests, "instruct" checks constraints;
  // they give 0 to a message that is not complete.
  Score score(const ScoreRequest& request) const;
  ScoredBy by() const { return plugin_ ? ScoredBy::kFunction : ScoredBy::kVerifier; }

  // Whether one call scores all samples of a prompt; then it must.
  bool takes_batches() const { return plugin_ && plugin_->takes_batches(); }
  // Of one sample, or of a batch.
  std::vector<Score> score_batch(const std::vector<ScoreRequest>& requests) const;

  // Calls of the plug-in that are under way, and all later ones, fail at once.
  void stop();

 private:
  ScorerOptions options_;
  std::unique_ptr<Plugin> plugin_;  // null: none configured
};

}  // namespace amalgam::rewards
