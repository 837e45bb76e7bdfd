#include "pipeline/stages/flat_rewards.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/utf8.h"
#include "pipeline/data/forms/row_reader.h"
#include "pipeline/run_store/text_format.h"
#include "pipeline/run_store/trajectory_log.h"
#include "proto/trajectory.pb.h"
#include "rollout/episodes/transcript.h"

namespace amalgam::pipeline {
namespace {

constexpr size_t kMaxShown = 400;  // bytes: a few lines

// The text after the prompt, as JSON.
std::string shown(const model::Tokenizer& tokenizer, const proto::Trajectory& t) {
  const auto prompt = static_cast<size_t>(t.meta().prompt_length());
  const std::span<const int32_t> ids(t.ids().data(), static_cast<size_t>(t.ids_size()));
  const std::string text =
      rollout::solution_text(tokenizer, ids.subspan(prompt), from_assistant(t));
  return nlohmann::json(shortened_utf8(text, kMaxShown)).dump();
}

}  // namespace

std::optional<std::string> FlatRewards::add(
    const std::vector<proto::Trajectory>& step,
    const std::function<std::string(const proto::Trajectory&)>& row_of) {
  std::vector<const proto::Trajectory*> scored;
  for (const proto::Trajectory& t : step)
    if (t.meta().has_reward()) scored.push_back(&t);
  if (scored.empty()) return std::nullopt;
  const double value = scored[0]->meta().reward();
  const bool all_equal = std::all_of(scored.begin(), scored.end(),
                                     [&](const auto* t) { return t->meta().reward() == value; });
  const bool goes_on = all_equal && value_ == value;
  if (!goes_on) is_said_ = false;
  value_ = all_equal ? std::optional(value) : std::nullopt;
  if (!goes_on || is_said_) return std::nullopt;
  if (best_ && value >= *best_) return std::nullopt;
  is_said_ = true;
  const proto::Trajectory& t = *scored[0];
  const Row row = row_from_json(row_of(t), RowUse::kPrompt, "prompt row");
  return t.meta().stage() + ": all rewards of steps " + std::to_string(t.meta().step() - 1) +
         " and " + std::to_string(t.meta().step()) + " are " + format_number(value) +
         ", so there is nothing to learn from; is the reward right, and the task neither too hard "
         "nor too easy? One sample, of prompt " +
         t.meta().prompt_id() + ": " + shown(tokenizer_, t) + "; its truth: " +
         (row.ground_truth.empty() ? "none" : shortened_utf8(row.ground_truth, kMaxShown));
}

}  // namespace amalgam::pipeline
