#include "pipeline/workers/score_request.h"

#include <nlohmann/json.hpp>

#include "configs/effort.h"
#include "pipeline/data/forms/row_reader.h"
#include "proto/worker.pb.h"
#include "rollout/episodes/transcript.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::ordered_json;

std::string sample_id(const proto::TrajectoryMetadata& m) {
  return m.stage() + "/" + std::to_string(m.step()) + "/" + std::to_string(m.group()) + "/" +
         std::to_string(m.sample_index());
}

ordered_json effort_of(const proto::TrajectoryMetadata& m) {
  const auto number = configs::effort_number(m.effort());
  return number ? ordered_json(*number) : ordered_json(m.effort());
}

// What a function in TRL's form gets by name: the row's columns, and its prompt.
std::string named_columns(const Row& row, const std::string& row_json) {
  ordered_json columns = ordered_json::object();
  const ordered_json given = ordered_json::parse(row_json);
  for (const auto& [name, value] : given.items())
    if (!is_never_passed(name)) columns[name] = value;
  if (!columns.contains("prompt") || columns["prompt"].is_null())
    columns["prompt"] = ordered_json::parse(row.prompt);
  return columns.dump();
}

// One place for names and values; without an episode all values are null.
ordered_json sample_info(const rollout::Transcript* t, const Row& row,
                         const proto::TrajectoryMetadata& m) {
  ordered_json messages =
      row.prompt.empty() ? ordered_json::array() : ordered_json::parse(row.prompt);
  if (t)
    for (const model::Message& message : t->messages)
      messages.push_back(ordered_json::parse(model::turn_to_json(message)));
  return {{"messages", std::move(messages)},
          {"finish_reason", m.finish_reason()},
          {"num_turns", t ? t->num_turns : 0},
          {"effort", effort_of(m)},
          {"response_tokens", t ? t->response_tokens : 0},
          {"thinking_tokens", t ? t->thinking_tokens : 0},
          {"forced_thinking_ends", t ? t->forced_thinking_ends : 0},
          {"sample_id", sample_id(m)}};
}

void add_function_arguments(const rollout::Transcript& t, const Row& row,
                            const proto::TrajectoryMetadata& meta, const std::string& row_json,
                            rewards::ScoreRequest* r) {
  ordered_json info = sample_info(&t, row, meta);
  if (!row.extra_info.empty()) info.update(ordered_json::parse(row.extra_info));
  r->extra_info = info.dump();
  r->columns = named_columns(row, row_json);
}

// The tokens that the policy sampled, in all turns.
std::vector<int32_t> policy_ids(const rollout::Episode& episode) {
  std::vector<int32_t> ids;
  size_t place = static_cast<size_t>(episode.prompt_length());
  auto forced = episode.forced().begin();
  for (const bool is_assistants : episode.from_assistant()) {
    const bool is_forced = forced != episode.forced().end() && *forced == place;
    if (is_forced) ++forced;
    if (is_assistants && !is_forced) ids.push_back(episode.ids()[place]);
    ++place;
  }
  return ids;
}

rewards::MessageState state_of(rollout::Episode::Message state) {
  switch (state) {
    case rollout::Episode::Message::kComplete:
      return rewards::MessageState::kComplete;
    case rollout::Episode::Message::kTruncated:
      return rewards::MessageState::kTruncated;
    case rollout::Episode::Message::kMalformed:
      break;
  }
  return rewards::MessageState::kMalformed;
}

}  // namespace

std::vector<std::string> sample_keys() {
  std::vector<std::string> keys;
  const ordered_json info = sample_info(nullptr, {}, {});
  for (const auto& [key, value] : info.items()) keys.push_back(key);
  return keys;
}

rewards::ScoreRequest score_request(const rollout::Episode& episode, const std::string& row_json,
                                    const proto::TrajectoryMetadata& meta, rewards::ScoredBy by) {
  return score_request(episode, row_from_json(row_json, RowUse::kPrompt, "prompt row"), row_json,
                       meta, by);
}

rewards::ScoreRequest row_request(const Row& row) {
  rewards::ScoreRequest r;
  r.data_source = row.data_source;
  r.style = row.style;
  r.ground_truth = row.ground_truth;
  r.row = row.json;
  return r;
}

rewards::ScoreRequest score_request(const rollout::Episode& episode, const Row& row,
                                    const std::string& row_json,
                                    const proto::TrajectoryMetadata& meta, rewards::ScoredBy by) {
  rollout::Episode::Final final = episode.final_message();
  rewards::ScoreRequest r = row_request(row);
  r.content = std::move(final.content);
  r.state = state_of(final.state);
  r.sample_id = sample_id(meta);
  r.response_tokens = meta.response_length();
  if (by == rewards::ScoredBy::kVerifier) return r;
  const rollout::Transcript transcript = rollout::transcript(episode);
  r.solution = transcript.solution;
  if (by == rewards::ScoredBy::kFunction) {
    add_function_arguments(transcript, row, meta, row_json, &r);
    r.completion_ids = policy_ids(episode);
  }
  return r;
}

bool is_scored(const proto::SampleGroup& group, int place) {
  return group.scored_size() == 0 || group.scored(place);
}

rewards::ScoreRequest trial_request(const Row& row, bool thinking) {
  rewards::ScoreRequest r = row_request(row);
  const rollout::Transcript t{
      .solution = thinking ? "</think>0" : "0",
      .messages = {{.role = model::MessageRole::kAssistant, .content = "0"}},
      .num_turns = 1,
      .response_tokens = 1};
  proto::TrajectoryMetadata meta;
  meta.set_stage("doctor");
  meta.set_finish_reason("stop");
  meta.set_effort(!row.effort.empty() ? row.effort : thinking ? "high" : "none");
  r.sample_id = sample_id(meta);
  r.solution = t.solution;
  add_function_arguments(t, row, meta, row.to_json(), &r);
  r.completion_ids = {0};  // of one token, as it says
  return r;
}

}  // namespace amalgam::pipeline
