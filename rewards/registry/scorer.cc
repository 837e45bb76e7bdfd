#include "rewards/registry/scorer.h"

#include "rewards/instruct/instruct.h"
#include "rewards/math/math_answer.h"

namespace amalgam::rewards {

Scorer::Scorer(ScorerOptions options) : options_(std::move(options)) {
  if (options_.plugin) plugin_ = std::make_unique<Plugin>(*options_.plugin);
}

Score Scorer::score(const ScoreRequest& request) const {
  const bool number = request.style == "math" || request.style == "agent";
  const bool code = request.style == "code", instruct = request.style == "instruct";
  if (number || code || instruct) {
    if (request.state == MessageState::kTruncated) return scored(0, "truncated");
    if (request.state == MessageState::kMalformed) return scored(0, "malformed message");
    if (number) return score_math_answer(request.solution, request.ground_truth);
    if (code) return score_code_tests(request.solution, request.ground_truth, options_.code);
    return score_instruct(request.solution, request.ground_truth);
  }
  if (plugin_)
    return plugin_->score({request.data_source,
                           request.response.empty() ? request.solution : request.response,
                           request.ground_truth, request.extra_info, request.row});
  return failed(Status::kBadRow, "reward style \"" + request.style +
                                     "\" is none of math, code, agent, instruct, and no plug-in is "
                                     "configured");
}

}  // namespace amalgam::rewards
