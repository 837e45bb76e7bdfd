#include "rewards/registry/scorer.h"

#include "rewards/instruct/instruct.h"
#include "rewards/math/math_answer.h"

namespace amalgam::rewards {

Scorer::Scorer(ScorerOptions options) : options_(std::move(options)) {
  if (options_.plugin) plugin_ = std::make_unique<Plugin>(*options_.plugin);
}

bool is_built_in(const std::string& style) {
  return style == "math" || style == "code" || style == "agent" || style == "instruct";
}

std::optional<double> best_reward(const std::string& style) {
  return is_built_in(style) ? std::optional<double>(1) : std::nullopt;
}

Score Scorer::score(const ScoreRequest& request) const {
  if (is_built_in(request.style)) {
    if (request.state == MessageState::kTruncated) return scored(0, "truncated");
    if (request.state == MessageState::kMalformed) return scored(0, "malformed message");
    if (request.style == "code")
      return score_code_tests(request.content, request.ground_truth, options_.code);
    if (request.style == "instruct") return score_instruct(request.content, request.ground_truth);
    return score_math_answer(request.content, request.ground_truth);
  }
  if (plugin_) return score_batch({request})[0];
  return failed(Status::kBadRow, "reward style \"" + request.style +
                                     "\" is none of math, code, agent, instruct, and no plug-in is "
                                     "configured");
}

bool Scorer::takes_batches(const std::string& style) const {
  return plugin_ && !is_built_in(style) && plugin_->takes_batches();
}

std::vector<Score> Scorer::score_batch(const std::vector<ScoreRequest>& requests) const {
  const ScoreRequest& first = requests.at(0);
  if (!plugin_ || is_built_in(first.style)) return {score(first)};
  std::vector<PluginRequest> samples;
  for (const ScoreRequest& r : requests)
    samples.push_back({r.data_source, r.solution, r.ground_truth, r.extra_info, r.row});
  // That of a batch is its prompt's: STAGE/STEP/GROUP.
  const std::string& id = first.sample_id;
  return plugin_->score(plugin_->takes_batches() ? id.substr(0, id.rfind('/')) : id, samples);
}

void Scorer::stop() {
  if (plugin_) plugin_->stop();
}

}  // namespace amalgam::rewards
