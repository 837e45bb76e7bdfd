#include "pipeline/stages/domain_rows.h"

#include <algorithm>

#include "configs/error.h"
#include "kernels/device/rng.h"
#include "model/encoding/effort.h"
#include "model/encoding/encoding.h"
#include "model/encoding/prompt_writer.h"
#include "model/tokenizer/special_tokens.h"
#include "pipeline/data/for_each_row.h"
#include "pipeline/data/forms/row_reader.h"
#include "pipeline/stages/judged_answers.h"
#include "pipeline/stages/run_context.h"
#include "pipeline/workers/domain_tools.h"
#include "pipeline/workers/score_request.h"
#include "proto/worker.pb.h"
#include "rewards/registry/scorer.h"

namespace amalgam::pipeline {
namespace {

constexpr uint64_t kUseEffort = 11;

// The number that a row without one gets in a band: always the same for its place.
std::string number_in(const configs::EffortBand& band, size_t place) {
  const auto count = static_cast<uint64_t>(band.last - band.first + 1);
  return std::to_string(
      band.first + static_cast<int>(kernels::uniform_int({.stream = kUseEffort}, place, count)));
}

// The effort that the row at this place asks for; empty: none is said.
std::string effort_of(const configs::DomainConfig& domain, const Row& row, size_t place) {
  const std::string mode = domain.effort_mode();
  if (mode.empty() || !row.effort.empty()) return row.effort;
  const auto band = configs::effort_band(mode);
  return band ? number_in(*band, place) : mode;
}

// How a row asks: whether the answer begins with reasoning, and the effort that is said; empty:
// none.
struct Asked {
  bool thinking = false;
  std::string effort;
};

Asked asked_of(const configs::DomainConfig& domain, const Row& row, size_t place) {
  const std::string effort = effort_of(domain, row, place);
  if (!effort.empty()) return {model::thinks_at(effort, domain.effort_form), effort};
  return {row.mode.empty() ? domain.mode == configs::Mode::kThinking : row.mode == "thinking", ""};
}

// The ways to ask by which a row's prompt is compared with others'.
std::vector<Asked> compared_ways(const configs::DomainConfig& domain, const Row& row) {
  const Asked own = asked_of(domain, row, 0), without_effort{.thinking = true, .effort = ""};
  if (own.effort.empty()) return {own};
  const bool has_any_number = row.effort.empty() && configs::effort_band(domain.effort_mode());
  return has_any_number ? std::vector{without_effort} : std::vector{without_effort, own};
}

// Messages, and how they are encoded.
struct Conversation {
  std::vector<model::Message> messages;
  model::EncodeOptions options;

  model::Prompt encode(size_t num_messages, const std::string& where) const {
    try {
      return model::encode_messages(std::span(messages).first(num_messages), options);
    } catch (const Error& e) {
      throw Error(where + ": " + e.what());
    }
  }
};

Conversation conversation_of(const rollout::ToolRegistry& registry,
                             const configs::DomainConfig& domain, const Row& row, RowUse use,
                             const Asked& asked, const std::string& where) {
  const bool is_prompt = use == RowUse::kPrompt;
  const std::string& json = is_prompt ? row.prompt : row.messages;
  if (json.empty())
    throw Error(where + ": column \"" + (is_prompt ? "prompt" : "messages") + "\" is missing");
  Conversation c{.messages = model::messages_from_json(json, where), .options = {}};
  add_tools(is_prompt ? tools_of(registry, domain, row, where)
                      : example_tools(registry, domain, row, where),
            &c.messages);
  c.options.mode = asked.thinking ? model::ThinkingMode::kThinking : model::ThinkingMode::kChat;
  c.options.old_reasoning = model::OldReasoning::kKeep;
  c.options.tools = tools_style(domain);
  try {
    if (!asked.effort.empty())
      model::write_effort(asked.effort, domain.effort_form, &c.options, &c.messages);
  } catch (const Error& e) {
    throw Error(where + ": " + e.what());
  }
  return c;
}

model::Prompt prompt_of(const rollout::ToolRegistry& registry, const configs::DomainConfig& domain,
                        const Row& row, const Asked& asked, const std::string& where) {
  const Conversation c = conversation_of(registry, domain, row, RowUse::kPrompt, asked, where);
  return c.encode(c.messages.size(), where);
}

// What stands before an assistant's turn, and the turn itself.
struct Turn {
  model::Prompt before, turn;
  bool learned = true;
};

// An example that is text, as it is: between the tokens that begin and end a sequence.
Turn text_turn(const Row& row) {
  model::PromptWriter before, turn;
  before.control(model::kBos);
  before.literal(row.text_prompt);
  turn.literal(row.text);
  turn.control(model::kEos);
  return {before.prompt(), turn.prompt()};
}

// The turns of an example, each going on where the one before ended.
std::vector<Turn> turns_of(const rollout::ToolRegistry& registry,
                           const configs::DomainConfig& domain, const Row& row, const Asked& asked,
                           const std::string& where) {
  if (!row.text.empty()) return {text_turn(row)};
  const Conversation c = conversation_of(registry, domain, row, RowUse::kExample, asked, where);
  std::vector<Turn> turns;
  std::string done;
  const auto next = [&](size_t num_messages) {
    model::Prompt whole = c.encode(num_messages, where);
    if (!whole.text.starts_with(done))
      throw Error(where + ": message " + std::to_string(num_messages - 1) +
                  " changes how those before it are written");
    model::Prompt part{.text = whole.text.substr(done.size()), .literal = {}};
    for (const auto& r : whole.literal)
      if (r.begin >= done.size())
        part.literal.push_back({r.begin - done.size(), r.end - done.size()});
    done = std::move(whole.text);
    return part;
  };
  for (size_t i = 0; i < c.messages.size(); ++i) {
    if (c.messages[i].role != model::MessageRole::kAssistant) continue;
    model::Prompt before = next(i);
    turns.push_back({std::move(before), next(i + 1)});
    turns.back().learned = std::find(row.not_learned.begin(), row.not_learned.end(),
                                     turns.size() - 1) == row.not_learned.end();
  }
  if (turns.empty()) throw Error(where + ": there is no assistant's turn to learn from");
  return turns;
}

}  // namespace

rewards::Scorer row_checker(const configs::DomainConfig& domain) {
  return rewards::Scorer({.code = {},
                          .plugin = std::nullopt,
                          .reward = domain.reward,
                          .is_check_of_function = domain.has_program()});
}

void check_row(const rollout::ToolRegistry& registry, const configs::DomainConfig& domain,
               const rewards::Scorer& scorer, const Row& row, RowUse use) {
  if (!is_of_efforts(domain, row)) return;
  const std::string where = "the row";
  const Asked asked = asked_of(domain, row, 0);
  if (use == RowUse::kExample) {
    (void)turns_of(registry, domain, row, asked, where);
    return;
  }
  (void)prompt_of(registry, domain, row, asked, where);
  if (domain.judge.is_on()) {
    (void)rubric_prompt(row);
    if (!domain.has_program()) return;
  }
  if (const auto problem = scorer.problem(row_request(row))) throw Error(*problem);
}

std::string said_effort(const configs::DomainConfig& domain, const Row& row) {
  return effort_of(domain, row, 0);
}

bool is_of_efforts(const configs::DomainConfig& domain, const Row& row) {
  const std::string mode = domain.effort_mode();
  return mode.empty() || row.effort.empty() || configs::is_of_mode(row.effort, mode);
}

bool is_thinking(const configs::DomainConfig& domain, const Row& row) {
  return asked_of(domain, row, 0).thinking;
}

std::vector<std::string> encoded_prompts(const rollout::ToolRegistry& registry,
                                         const configs::DomainConfig& domain, const Row& row,
                                         const std::string& where) {
  std::vector<std::string> texts;
  for (const Asked& asked : compared_ways(domain, row))
    texts.push_back(prompt_of(registry, domain, row, asked, where).text);
  return texts;
}

std::vector<std::string> encoded_sft_prompts(const rollout::ToolRegistry& registry,
                                             const configs::DomainConfig& domain, const Row& row) {
  std::vector<std::string> prompts;
  if (!row.text.empty() && row.text_prompt.empty()) return prompts;
  for (const Asked& asked : compared_ways(domain, row)) {
    std::string done;
    for (const Turn& t :
         turns_of(registry, domain, row, asked, "messages of domain " + domain.name)) {
      prompts.push_back(done += t.before.text);
      done += t.turn.text;
    }
  }
  return prompts;
}

PromptRow encode_prompt(const model::Tokenizer& tokenizer, const rollout::ToolRegistry& registry,
                        const configs::DomainConfig& domain, const RowStore& rows, Split split,
                        size_t place) {
  const std::string id = domain.name + "-" + to_string(split) + "-" + std::to_string(place);
  const Row row = row_from_json(rows.json(place), RowUse::kPrompt, id);
  const Asked asked = asked_of(domain, row, place);
  const std::string told = !asked.effort.empty() ? asked.effort : asked.thinking ? "high" : "none";
  const std::string source = row.data_source.empty() ? domain.group() : row.data_source;
  const std::string mode = domain.effort_mode();
  return {.id = id,
          .rows = &rows,
          .place = place,
          .domain = domain.name,
          .data_source = source,
          .source = mode.empty() ? source : source + "/" + mode,
          .ids = model::prompt_ids(tokenizer, prompt_of(registry, domain, row, asked, id)),
          .thinking = asked.thinking,
          .effort = told,
          .window = domain.window(told, 0),
          .tools = tools_of(registry, domain, row, id).names};
}

std::vector<uint32_t> fitting_prompts(kernels::ThreadPool& pool, const model::Tokenizer& tokenizer,
                                      const rollout::ToolRegistry& registry,
                                      const configs::DomainConfig& domain, const RowStore& rows,
                                      Split split, int64_t max_prompt_length) {
  std::vector<int8_t> fits(rows.size());
  for_each_row(pool, "encoding " + domain.name + "-" + to_string(split),
               static_cast<int64_t>(rows.size()), [&](int64_t i) {
                 const auto at = static_cast<size_t>(i);
                 const PromptRow row = encode_prompt(tokenizer, registry, domain, rows, split, at);
                 fits[at] = static_cast<int64_t>(row.ids.size()) <= max_prompt_length;
               });
  std::vector<uint32_t> places;
  for (size_t i = 0; i < fits.size(); ++i)
    if (fits[i]) places.push_back(static_cast<uint32_t>(i));
  if (places.empty())
    throw Error("domain " + domain.name + ": all " + std::to_string(rows.size()) +
                " prompts are longer than data.max_prompt_length (" +
                std::to_string(max_prompt_length) + " tokens); raise it");
  return places;
}

namespace {

SftRow encode_sft_row(const model::Tokenizer& tokenizer, const rollout::ToolRegistry& registry,
                      const configs::DomainConfig& domain, const Row& row, size_t place) {
  SftRow out;
  const auto append = [&](const model::Prompt& part, bool learned) {
    const auto ids = tokenizer.encode(part.text, part.literal);
    out.ids.insert(out.ids.end(), ids.begin(), ids.end());
    out.learned.insert(out.learned.end(), ids.size(), learned);
  };
  for (const Turn& t : turns_of(registry, domain, row, asked_of(domain, row, place),
                                "messages of domain " + domain.name)) {
    append(t.before, false);
    append(t.turn, t.learned);
  }
  return out;
}

}  // namespace

std::vector<SftRow> encode_sft_rows(kernels::ThreadPool& pool, const model::Tokenizer& tokenizer,
                                    const rollout::ToolRegistry& registry,
                                    const configs::DomainConfig& domain, const RowStore& rows) {
  std::vector<SftRow> out(rows.size());
  for_each_row(pool, "encoding " + domain.name, static_cast<int64_t>(rows.size()), [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    const Row row =
        row_from_json(rows.json(at), RowUse::kExample, "messages of domain " + domain.name);
    out[at] = encode_sft_row(tokenizer, registry, domain, row, at);
  });
  return out;
}

proto::SampleGroup sample_group(const PromptRow& prompt, int64_t step, int64_t group, int64_t n) {
  proto::SampleGroup g;
  auto& meta = *g.mutable_meta();
  meta.set_prompt_id(prompt.id);
  meta.set_domain(prompt.domain);
  meta.set_effort(prompt.effort);
  meta.set_group(group);
  g.mutable_prompt()->Assign(prompt.ids.begin(), prompt.ids.end());
  g.set_row(prompt.row());
  g.set_thinking(prompt.thinking);
  g.set_max_response_length(prompt.window);
  g.mutable_tools()->Assign(prompt.tools.begin(), prompt.tools.end());
  for (int64_t i = 0; i < n; ++i) {
    g.add_sample_index(static_cast<int32_t>(i));
    g.add_seed(request_key(step, group, i));
  }
  return g;
}

}  // namespace amalgam::pipeline
