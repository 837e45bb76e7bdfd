#include "rewards/registry/scorer.h"

#include "rewards/instruct/instruct.h"
#include "rewards/math/math_answer.h"

namespace amalgam::rewards {
namespace {

bool is_built_in(const std::string& style) {
  return style == "math" || style == "code" || style == "agent" || style == "instruct";
}

}  // namespace

std::optional<std::string> problem_of_truth(const std::string& style,
                                            const std::string& ground_truth) {
  if (style == "math" || style == "agent") return problem_of_number(ground_truth);
  if (style == "code") return problem_of_tests(ground_truth);
  if (style == "instruct") return problem_of_constraints(ground_truth);
  return "reward_model.style \"" + style +
         "\" is none of math, code, agent, instruct; give the domain a reward_file";
}

Scorer::Scorer(ScorerOptions options) : options_(std::move(options)) {
  if (options_.plugin) plugin_ = std::make_unique<Plugin>(*options_.plugin);
}

Score Scorer::score(const ScoreRequest& request) const {
  if (plugin_) return score_batch({request})[0];
  if (!is_built_in(request.style))
    return failed(Status::kBadRow, *problem_of_truth(request.style, request.ground_truth));
  if (request.state == MessageState::kTruncated) return scored(0, "truncated");
  if (request.state == MessageState::kMalformed) return scored(0, "malformed message");
  if (request.style == "code") {
    CodeTestOptions options = options_.code;
    options.image = request.image;
    return score_code_tests(request.content, request.ground_truth, options);
  }
  if (request.style == "instruct") return score_instruct(request.content, request.ground_truth);
  return score_math_answer(request.content, request.ground_truth);
}

std::vector<Score> Scorer::score_batch(const std::vector<ScoreRequest>& requests) const {
  const ScoreRequest& first = requests.at(0);
  if (!plugin_) return {score(first)};
  std::vector<PluginRequest> samples;
  for (const ScoreRequest& r : requests)
    samples.push_back(
        {r.data_source, r.solution, r.ground_truth, r.extra_info, r.row, r.completion_ids});
  // That of a batch is its prompt's: STAGE/STEP/GROUP.
  const std::string& id = first.sample_id;
  return plugin_->score(plugin_->takes_batches() ? id.substr(0, id.rfind('/')) : id, samples);
}

void Scorer::stop() {
  if (plugin_) plugin_->stop();
}

}  // namespace amalgam::rewards
