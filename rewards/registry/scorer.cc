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
  if (plugin_)
    return plugin_->score({request.data_source, request.solution, request.ground_truth,
                           request.extra_info, request.row});
  return failed(Status::kBadRow, "reward style \"" + request.style +
                                     "\" is none of math, code, agent, instruct, and no plug-in is "
                                     "configured");
}

}  // namespace amalgam::rewards
