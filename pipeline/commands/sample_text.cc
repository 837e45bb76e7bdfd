#include "pipeline/commands/sample_text.h"

#include <spdlog/fmt/fmt.h>

#include <nlohmann/json.hpp>
#include <span>

#include "pipeline/run_store/text_format.h"
#include "pipeline/run_store/trajectory_log.h"
#include "rollout/episodes/messages.h"
#include "rollout/episodes/token_frame.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::ordered_json;

struct Conversation {
  std::vector<model::Message> prompt, turns;
};

std::span<const int32_t> ids_of(const proto::Trajectory& t) {
  return {t.ids().data(), static_cast<size_t>(t.ids_size())};
}

Conversation conversation_of(const proto::Trajectory& t, const model::Tokenizer& tokenizer) {
  const auto ids = ids_of(t);
  const auto length = static_cast<size_t>(t.meta().prompt_length());
  rollout::PromptMessages prompt = rollout::prompt_messages(tokenizer, ids.first(length));
  return {std::move(prompt.messages),
          rollout::turn_messages(tokenizer, ids.subspan(length), from_assistant(t), prompt.mode)};
}

std::string reward_text(const proto::TrajectoryMetadata& m) {
  if (m.has_reward()) {
    std::string text = "reward " + format_number(m.reward());
    for (const proto::RewardPart& part : m.reward_parts())
      text += ", " + part.name() + " " + format_number(part.value());
    return m.answer().empty() ? text : text + ", answer " + m.answer();
  }
  return m.failure().empty() ? "not scored" : "no reward: " + m.failure();
}

std::string header(const proto::Trajectory& t) {
  const proto::TrajectoryMetadata& m = t.meta();
  return fmt::format(
      "{} · step {} · {} · {} · group {} sample {} · {} · {}{} · {} response "
      "tokens{}",
      m.stage(), m.step(), m.domain(), m.prompt_id(), m.group(), m.sample_index(), reward_text(m),
      outcome_name(t), m.finish_reason().empty() ? "" : " · finish " + m.finish_reason(),
      m.response_length(), m.forced_thinking_ends() > 0 ? " · thinking ended by its limit" : "");
}

const char* role_name(model::MessageRole role) {
  switch (role) {
    case model::MessageRole::kSystem:
      return "system";
    case model::MessageRole::kUser:
      return "user";
    case model::MessageRole::kAssistant:
      return "assistant";
    case model::MessageRole::kTool:
      return "tool result";
    case model::MessageRole::kDeveloper:
      return "developer";
    case model::MessageRole::kLatestReminder:
      return "reminder";
  }
  return "";
}

void add_part(const std::string& name, const std::string& text, std::string* out) {
  *out += "  " + name + "\n    ";
  for (const char c : terminal_text(text)) {
    *out += c;
    if (c == '\n') *out += "    ";
  }
  *out += '\n';
}

void add_message(const model::Message& message, const std::string& note, std::string* out) {
  const std::string role = role_name(message.role) + note;
  if (!message.reasoning_content.empty())
    add_part(role + ", reasoning", message.reasoning_content, out);
  const bool has_more = !message.reasoning_content.empty() || !message.tool_calls.empty();
  if (!message.content.empty() || !has_more) add_part(role, message.content, out);
  for (const model::ToolCall& call : message.tool_calls)
    add_part(role + ", tool call", call.name + " " + call.arguments_json, out);
}

}  // namespace

std::string sample_text(const proto::Trajectory& trajectory, const model::Tokenizer& tokenizer) {
  const Conversation c = conversation_of(trajectory, tokenizer);
  std::string out = terminal_text(header(trajectory)) + "\n";
  for (const model::Message& message : c.prompt) add_message(message, " (prompt)", &out);
  for (const model::Message& message : c.turns) add_message(message, "", &out);
  return out;
}

std::string sample_json(const proto::Trajectory& trajectory, const model::Tokenizer& tokenizer) {
  const proto::TrajectoryMetadata& m = trajectory.meta();
  const Conversation c = conversation_of(trajectory, tokenizer);
  ordered_json messages = ordered_json::parse(model::messages_to_json(c.prompt));
  for (const model::Message& message : c.turns)
    messages.push_back(ordered_json::parse(model::turn_to_json(message)));
  ordered_json parts = ordered_json::object();
  for (const proto::RewardPart& part : m.reward_parts()) parts[part.name()] = part.value();
  ordered_json line = {
      {"stage", m.stage()},
      {"step", m.step()},
      {"domain", m.domain()},
      {"effort", m.effort()},
      {"reward", m.has_reward() ? ordered_json(m.reward()) : ordered_json(nullptr)},
      {"parts", std::move(parts)},
      {"outcome", outcome_name(trajectory)},
      {"messages", std::move(messages)},
      {"response_tokens", m.response_length()}};
  if (m.forced_thinking_ends() > 0) line["forced_thinking_ends"] = m.forced_thinking_ends();
  return line.dump();
}

bool policy_wrote(const proto::Trajectory& trajectory, const model::Tokenizer& tokenizer,
                  const std::string& text) {
  bool found = false;
  const auto ids =
      ids_of(trajectory).subspan(static_cast<size_t>(trajectory.meta().prompt_length()));
  rollout::for_each_run(
      ids, from_assistant(trajectory), [&](std::span<const int32_t> run, bool policy) {
        found = found || (policy && tokenizer.decode(run, model::SpecialIds::kSkip).find(text) !=
                                        std::string::npos);
      });
  return found;
}

}  // namespace amalgam::pipeline
