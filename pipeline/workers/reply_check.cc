#include "pipeline/workers/reply_check.h"

#include <algorithm>
#include <cmath>

#include "model/network/choices.h"
#include "pipeline/workers/score_request.h"

namespace amalgam::pipeline {
namespace {

constexpr size_t kMaxWordBytes = 64;

// Names of kinds and reasons: they are keys of tables and shown to people.
bool is_word(const std::string& text) {
  return text.size() <= kMaxWordBytes && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || c == '_';
         });
}

bool is_amount(double x) { return std::isfinite(x) && x >= 0; }

bool has_bad_counts(const proto::WorkerReply& r) {
  for (const int64_t n : {r.sampled_tokens(), r.sandbox_failures(), r.index_visible(),
                          r.index_selected(), r.index_compared(), r.index_agreed(),
                          r.drafts_proposed(), r.drafts_accepted(), r.peak_rss_bytes()})
    if (n < 0) return true;
  for (const auto& [kind, count] : r.reward_failures())
    if (!is_word(kind) || count < 0) return true;
  return !is_amount(r.engine_s()) || !is_amount(r.reward_wait_s());
}

// The part of the metadata that the request decides.
std::string asked(proto::TrajectoryMetadata meta) {
  meta.clear_outcome(), meta.clear_reward(), meta.clear_finish_reason();
  meta.clear_prompt_length(), meta.clear_response_length();
  meta.clear_forced_thinking_ends();
  meta.clear_failure(), meta.clear_failure_kind();
  meta.clear_answer(), meta.clear_reward_parts();
  return meta.SerializeAsString();
}

// A sample of a group that is owed. What is finished comes again with the others of its batch.
struct Asked {
  const proto::SampleGroup* group = nullptr;  // null: nobody asked for it
  bool is_finished = false;
  int place = 0;  // in the group
};

Asked asked_for(const proto::TrajectoryMetadata& meta,
                const std::vector<proto::SampleGroup>& owed) {
  for (const proto::SampleGroup& g : owed) {
    if (g.meta().group() != meta.group()) continue;
    for (int i = 0; i < g.sample_index_size(); ++i) {
      if (g.sample_index(i) != meta.sample_index()) continue;
      proto::TrajectoryMetadata want = g.meta();
      want.set_sample_index(g.sample_index(i));
      want.set_seed(g.seed(i));
      if (asked(want) == asked(meta)) return {&g, g.finished(i), i};
    }
  }
  return {};
}

// Token ids, who wrote them, and lengths.
bool has_bad_tokens(const proto::Trajectory& t, const proto::SampleGroup& group,
                    const CollectSpec& spec, int64_t vocab_size) {
  const auto& writer = t.writer();
  const auto prompt = static_cast<size_t>(group.prompt_size());
  if (static_cast<size_t>(t.ids_size()) != writer.size() || writer.size() <= prompt ||
      t.meta().prompt_length() != group.prompt_size() ||
      !std::equal(group.prompt().begin(), group.prompt().end(), t.ids().begin()))
    return true;
  for (size_t i = 0; i < writer.size(); ++i) {
    const bool is_prompt = writer[i] == static_cast<char>(proto::WRITER_PROMPT);
    if (is_prompt != (i < prompt) || static_cast<uint8_t>(writer[i]) > proto::WRITER_FORCED)
      return true;
  }
  const int64_t max_response_length =
      group.max_response_length() > 0 ? group.max_response_length() : spec.max_response_length;
  const auto count = [&](proto::Writer w) {
    return std::count(writer.begin(), writer.end(), static_cast<char>(w));
  };
  const auto num_policy = count(proto::WRITER_POLICY), num_forced = count(proto::WRITER_FORCED);
  return num_policy < 1 || num_policy + num_forced > max_response_length ||
         num_forced != t.meta().forced_thinking_ends() ||
         (num_forced > 0 && spec.max_thinking_tokens == 0) ||
         count(proto::WRITER_TOOL) > spec.max_tool_tokens || t.logprobs_size() != num_policy ||
         t.meta().response_length() != num_policy ||
         std::any_of(t.ids().begin(), t.ids().end(),
                     [&](int32_t id) { return id < 0 || id >= vocab_size; });
}

bool have_tools_failed(const proto::TrajectoryMetadata& meta) {
  return meta.outcome() == proto::OUTCOME_SANDBOX_FAILED ||
         meta.outcome() == proto::OUTCOME_WALL_CLOCK;
}

bool has_bad_parts(const proto::TrajectoryMetadata& meta) {
  return std::any_of(meta.reward_parts().begin(), meta.reward_parts().end(),
                     [](const auto& part) { return !std::isfinite(part.value()); });
}

bool has_bad_outcome(const proto::TrajectoryMetadata& meta, bool score) {
  const auto outcome = meta.outcome();
  if (!is_word(meta.finish_reason()) || !is_word(meta.failure_kind())) return true;
  if (outcome == proto::OUTCOME_OK || outcome == proto::OUTCOME_TRUNCATED)
    return meta.has_reward() != score || !std::isfinite(meta.reward()) || has_bad_parts(meta) ||
           !meta.failure_kind().empty() || !meta.failure().empty();
  return (outcome != proto::OUTCOME_VERIFIER_FAILED && !have_tools_failed(meta)) ||
         meta.has_reward() || meta.failure_kind().empty();
}

bool has_bad_choices(const proto::Trajectory& t, const CollectSpec& spec,
                     const model::ModelConfig& config) {
  const model::ChoiceView choices{
      t.experts(),
      std::span(t.index_entries().data(), static_cast<size_t>(t.index_entries_size()))};
  int kinds = 0;
  if (spec.keep_experts) kinds |= model::ChosenRows::kExperts;
  if (spec.keep_index) kinds |= model::ChosenRows::kEntries;
  // Where its tools failed there are none.
  if (have_tools_failed(t.meta()) && choices.experts.empty() && choices.entries.empty())
    return false;
  const auto tokens = t.writer().rfind(static_cast<char>(proto::WRITER_POLICY));
  return !model::is_record_of(config, static_cast<int64_t>(tokens), kinds, choices);
}

}  // namespace

std::string wrong_in(const proto::WorkerReply& reply, const CollectSpec& spec,
                     const model::ModelConfig& config,
                     const std::vector<proto::SampleGroup>& owed) {
  if (has_bad_counts(reply)) return "counts that cannot be";
  int64_t num_owed = 0;
  for (const proto::SampleGroup& g : owed)
    num_owed += std::count(g.finished().begin(), g.finished().end(), false);
  std::vector<std::pair<int64_t, int32_t>> seen;
  for (const proto::Trajectory& t : reply.finished()) {
    const auto [group, is_finished, place] = asked_for(t.meta(), owed);
    if (!group) return "a sample that it was not asked for";
    const std::pair sample{t.meta().group(), t.meta().sample_index()};
    if (std::find(seen.begin(), seen.end(), sample) != seen.end()) return "a sample twice";
    seen.push_back(sample);
    num_owed -= !is_finished;
    if (has_bad_tokens(t, *group, spec, config.vocab_size)) return "tokens that cannot be";
    if (has_bad_outcome(t.meta(), spec.score && is_scored(*group, place)))
      return "an outcome that cannot be";
    if (has_bad_choices(t, spec, config)) return "experts or entries that cannot be";
  }
  if (reply.done() && num_owed > 0) return "that it is done, which it is not";
  return "";
}

}  // namespace amalgam::pipeline
