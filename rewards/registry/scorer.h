// Scores answers: one entry for every kind of reward that needs no model.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "configs/reward_config.h"
#include "rewards/programs/plugin.h"
#include "rewards/registry/score_request.h"
#include "rewards/registry/verifier.h"

namespace amalgam::rewards {

struct DataSource;

// What a right answer gets from a built-in verifier.
inline constexpr double kBestReward = 1;

// Parts of 1 that count an answer as incomplete.
inline constexpr const char* kIncompleteKinds[] = {"truncated", "malformed", "empty"};
// The part of a score that an audit gave; in no reward.
inline constexpr const char* kAuditPart = "audit";
// What a judge gave, and of each criterion; what a function's label says of each criterion.
inline constexpr char kJudgePart[] = "judge";
inline constexpr char kCriterionPrefix[] = "criterion/";
inline constexpr char kLabelPrefix[] = "label/";

// Built in, and told the final message, or all that the policy wrote; the user's own.
enum class ScoredBy { kVerifier, kVerifierOfAll, kFunction };

struct ScorerOptions {
  CodeTestOptions code;
  std::optional<PluginOptions> plugin;
  configs::RewardConfig reward = {};  // verifiers, compat, and what is incomplete
  bool is_check_of_function = false;  // problem() alone is asked, of a domain with a plug-in
};

// The verifier that a row names: its style, else that of its data_source (data_sources.h), else
// what its columns are (tests of code, instruction ids). Null: none.
const Verifier* verifier_of(const ScoreRequest& row);

// Safe for use by several threads at once. The same request gives the same score.
class Scorer {
 public:
  // Throws Error when the plug-in cannot be loaded or an argument of a verifier is unknown.
  explicit Scorer(ScorerOptions options);
  ~Scorer();

  // Those of reward.verifiers, weighed and gated; without any the plug-in scores every row; without
  // one the row's own verifier. A failure of any of them is the failure of all.
  Score score(const ScoreRequest& request) const;
  ScoredBy by() const;

  // Whether one call scores all samples of a prompt; then it must.
  bool takes_batches() const { return plugin_ && plugin_->takes_batches(); }
  // Of one sample, or of a batch.
  std::vector<Score> score_batch(const std::vector<ScoreRequest>& requests) const;

  // Why no answer to a row can be scored. None: it can.
  std::optional<std::string> problem(const ScoreRequest& row) const;

  bool has_audit() const;

  // Calls of the plug-in that are under way, and all later ones, fail at once.
  void stop();

 private:
  struct Part;
  struct Guard;
  std::optional<Guard> guard(const ScoreRequest& request) const;
  void apply(const Guard& guard, const ScoreRequest& request, Score* score) const;
  using SettingsByName = std::map<std::string, VerifierSettings>;  // by verifier
  // The row's data set, where scores have verl's range; null: they have not.
  const DataSource* theirs_of(const ScoreRequest& request) const;
  // Whether any score is that of the verifier which the row names.
  bool asks_rows() const;
  // 0 and 1 in the range of the row's data source.
  double in_range(const ScoreRequest& request, double score) const;
  Score score_by_row(const ScoreRequest& request, const SettingsByName& settings) const;
  std::vector<Score> call_plugin(const std::vector<ScoreRequest>& requests) const;
  std::vector<Score> score_part(const Part& part, const std::vector<ScoreRequest>& requests) const;
  Score combined(const std::vector<std::vector<Score>>& by_part, size_t i) const;

  ScorerOptions options_;
  std::unique_ptr<Plugin> plugin_;  // null: none configured
  std::vector<Part> parts_;         // of reward.verifiers
  SettingsByName defaults_;
};

}  // namespace amalgam::rewards
