#include "pipeline/stages/domain_rows.h"

#include "configs/check.h"
#include "configs/error.h"
#include "model/encoding/encoding.h"
#include "pipeline/data/for_each_row.h"
#include "pipeline/stages/run_context.h"
#include "pipeline/workers/domain_tools.h"
#include "proto/worker.pb.h"

namespace amalgam::pipeline {
namespace {

model::EncodeOptions encode_options(const configs::DomainConfig& domain, const Row& row) {
  model::EncodeOptions o;
  o.mode = is_thinking(domain, row) ? model::ThinkingMode::kThinking : model::ThinkingMode::kChat;
  o.old_reasoning = model::OldReasoning::kKeep;
  o.tools = tools_style(domain);
  return o;
}

model::Prompt prompt_of(const rollout::ToolRegistry& registry, const configs::DomainConfig& domain,
                        const Row& row, const std::string& where) {
  auto messages = model::messages_from_json(row.prompt, where);
  add_tools(tools_of(registry, domain, row, where), &messages);
  return model::encode_messages(messages, encode_options(domain, row));
}

}  // namespace

bool is_thinking(const configs::DomainConfig& domain, const Row& row) {
  return row.mode.empty() ? domain.mode == configs::Mode::kThinking : row.mode == "thinking";
}

std::string encoded_prompt(const rollout::ToolRegistry& registry,
                           const configs::DomainConfig& domain, const Row& row,
                           const std::string& where) {
  return prompt_of(registry, domain, row, where).text;
}

std::vector<std::string> encoded_sft_prompts(const rollout::ToolRegistry& registry,
                                             const configs::DomainConfig& domain, const Row& row) {
  const std::string where = "messages of domain " + domain.name;
  auto messages = model::messages_from_json(row.messages, where);
  add_tools(tools_of(registry, domain, row, where), &messages);
  std::vector<std::string> prompts;
  for (size_t i = 0; i < messages.size(); ++i)
    if (messages[i].role == model::MessageRole::kAssistant)
      prompts.push_back(
          model::encode_messages(std::span(messages).first(i), encode_options(domain, row)).text);
  return prompts;
}

std::vector<PromptRow> encode_prompts(kernels::ThreadPool& pool, const model::Tokenizer& tokenizer,
                                      const rollout::ToolRegistry& registry,
                                      const configs::DomainConfig& domain,
                                      const std::vector<Row>& rows, Split split,
                                      int64_t max_prompt_length, int64_t* num_too_long) {
  std::vector<PromptRow> prompts(rows.size());
  const std::string set = domain.name + "-" + to_string(split);
  for_each_row(pool, "encoding " + set, static_cast<int64_t>(rows.size()), [&](int64_t i) {
    const Row& row = rows[static_cast<size_t>(i)];
    const std::string id = set + "-" + std::to_string(i);
    prompts[static_cast<size_t>(i)] = {
        .id = id,
        .row = row.to_json(),
        .domain = domain.name,
        .data_source = row.data_source.empty() ? domain.name : row.data_source,
        .ids = model::prompt_ids(tokenizer, prompt_of(registry, domain, row, id)),
        .thinking = is_thinking(domain, row),
        .tools = tools_of(registry, domain, row, id).names};
  });
  *num_too_long = static_cast<int64_t>(std::erase_if(prompts, [&](const PromptRow& p) {
    return static_cast<int64_t>(p.ids.size()) > max_prompt_length;
  }));
  if (prompts.empty())
    throw Error("domain " + domain.name + ": all " + std::to_string(rows.size()) +
                " prompts are longer than data.max_prompt_length (" +
                std::to_string(max_prompt_length) + " tokens); raise it");
  return prompts;
}

namespace {

SftRow encode_sft_row(const model::Tokenizer& tokenizer, const rollout::ToolRegistry& registry,
                      const configs::DomainConfig& domain, const Row& row) {
  const std::string where = "messages of domain " + domain.name;
  auto messages = model::messages_from_json(row.messages, where);
  add_tools(tools_of(registry, domain, row, where), &messages);
  const model::EncodeOptions options = encode_options(domain, row);
  SftRow out;
  std::string done;
  const auto append = [&](const model::Prompt& whole, bool learned) {
    CHECK(whole.text.starts_with(done));
    std::vector<model::TextRange> literal;
    for (const auto& r : whole.literal)
      if (r.begin >= done.size()) literal.push_back({r.begin - done.size(), r.end - done.size()});
    const auto ids = tokenizer.encode(std::string_view(whole.text).substr(done.size()), literal);
    out.ids.insert(out.ids.end(), ids.begin(), ids.end());
    out.learned.insert(out.learned.end(), ids.size(), learned);
    done = whole.text;
  };
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role != model::MessageRole::kAssistant) continue;
    append(model::encode_messages(std::span(messages).first(i), options), false);
    append(model::encode_messages(std::span(messages).first(i + 1), options), true);
  }
  if (out.ids.empty())
    throw Error("domain " + domain.name + ": a row for supervised training has no assistant turn");
  return out;
}

}  // namespace

std::vector<SftRow> encode_sft_rows(kernels::ThreadPool& pool, const model::Tokenizer& tokenizer,
                                    const rollout::ToolRegistry& registry,
                                    const configs::DomainConfig& domain,
                                    const std::vector<Row>& rows) {
  std::vector<SftRow> out(rows.size());
  for_each_row(pool, "encoding " + domain.name, static_cast<int64_t>(rows.size()), [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    out[at] = encode_sft_row(tokenizer, registry, domain, rows[at]);
  });
  return out;
}

proto::SampleGroup sample_group(const PromptRow& prompt, int64_t step, int64_t group, int64_t n) {
  proto::SampleGroup g;
  auto& meta = *g.mutable_meta();
  meta.set_prompt_id(prompt.id);
  meta.set_domain(prompt.domain);
  meta.set_effort(prompt.thinking ? "high" : "none");
  meta.set_group(group);
  g.mutable_prompt()->Assign(prompt.ids.begin(), prompt.ids.end());
  g.set_row(prompt.row);
  g.set_thinking(prompt.thinking);
  g.mutable_tools()->Assign(prompt.tools.begin(), prompt.tools.end());
  for (int64_t i = 0; i < n; ++i) {
    g.add_sample_index(static_cast<int32_t>(i));
    g.add_seed(request_key(step, group, i));
  }
  return g;
}

}  // namespace amalgam::pipeline
