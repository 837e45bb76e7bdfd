#include "pipeline/stages/inputs_check.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "model/encoding/message.h"
#include "pipeline/data/rows.h"
#include "pipeline/data/unused_keys.h"
#include "pipeline/stages/domain_rows.h"
#include "pipeline/workers/domain_tools.h"
#include "pipeline/workers/score_request.h"
#include "rewards/programs/plugin.h"
#include "rewards/registry/scorer.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;

enum class Scorer { kBuiltIn, kVerl, kTrl };  // of a row

// The columns of a row that something reads.
std::vector<std::string> used_columns(const Row& row, bool is_sft, bool has_tools, Scorer scorer) {
  std::vector<std::string> used = {"mode", "tools"};
  if (has_tools || scorer != Scorer::kBuiltIn) used.push_back("extra_info");
  if (is_sft) {
    used.push_back("messages");
    return used;
  }
  used.insert(used.end(), {"prompt", "data_source", "reward_model"});
  if (scorer != Scorer::kBuiltIn) used.push_back("effort");
  if (scorer == Scorer::kTrl)
    for (const std::string& name : row.column_names()) used.push_back(name);
  return used;
}

void check_row(const Row& row, const configs::DomainConfig& domain, bool is_sft, bool has_tools,
               Scorer scorer, const std::string& where, UnusedKeys* unused) {
  std::vector<std::string> columns = row.column_names();
  if (!row.reward_model.empty() && !is_sft && scorer != Scorer::kTrl) {
    const json others = json::parse(row.reward_model);
    for (const auto& [key, value] : others.items()) columns.push_back("reward_model." + key);
  }
  unused->add_row(columns, used_columns(row, is_sft, has_tools, scorer));

  std::vector<model::UnusedMessageKey> keys;
  const auto messages = model::messages_from_json(is_sft ? row.messages : row.prompt, where, &keys);
  unused->add_messages(keys);
  if (!is_thinking(domain, row) &&
      std::any_of(messages.begin(), messages.end(), [](const model::Message& m) {
        return m.role == model::MessageRole::kAssistant && !m.reasoning_content.empty();
      }))
    unused->add("key \"reasoning_content\" of messages is not used in chat mode");

  if (scorer == Scorer::kBuiltIn || row.extra_info.empty()) return;
  const json info = json::parse(row.extra_info);
  for (const std::string& key : sample_keys())
    if (info.contains(key))
      unused->add("extra_info has a \"" + key +
                  "\" of its own; the reward function gets that one, not the sample's");
}

void check_file(const rollout::ToolRegistry& registry, const configs::DomainConfig& domain,
                const std::string& file, bool is_sft, Scorer scorer, UnusedKeys* unused) {
  int number = 0;
  for (const Row& row : read_rows(file)) {
    const std::string where = file + ": row " + std::to_string(++number);
    const bool has_tools = !tools_of(registry, domain, row, where).names.empty();
    const bool is_built_in = is_sft || rewards::is_built_in(row.style);
    check_row(row, domain, is_sft, has_tools, is_built_in ? Scorer::kBuiltIn : scorer, where,
              unused);
  }
}

void check_examples(const rollout::ToolRegistry& registry, const configs::DomainConfig& domain,
                    std::vector<UnusedKeys>* unused) {
  for (const configs::Path* file : {&domain.sft_file, &domain.anneal_file})
    if (!file->empty())
      check_file(registry, domain, file->string(), /*is_sft=*/true, Scorer::kBuiltIn,
                 &unused->emplace_back(file->string()));
}

void say(const std::vector<UnusedKeys>& unused) {
  std::set<std::string> said;  // domains may share a file
  for (const UnusedKeys& u : unused)
    for (const std::string& line : u.lines())
      if (said.insert(line).second) std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace

void check_inputs(const configs::RunConfig& config) {
  const rollout::ToolRegistry registry(load_user_tools(config));
  std::vector<UnusedKeys> unused;
  std::set<std::string> interpreters;
  for (const configs::DomainConfig& d : config.domains) {
    Scorer scorer = Scorer::kBuiltIn;
    if (!d.reward_file.empty()) {
      const rewards::PluginOptions options = rewards::plugin_options(d);
      const rewards::Plugin plugin(options);
      interpreters.insert(options.python + " (" + plugin.python_version() + ")");
      scorer = plugin.form() == rewards::PluginForm::kTrl ? Scorer::kTrl : Scorer::kVerl;
    }
    for (const configs::Path* file : {&d.train_file, &d.validation_file, &d.heldout_file})
      if (!file->empty())
        check_file(registry, d, file->string(), /*is_sft=*/false, scorer,
                   &unused.emplace_back(file->string()));
    check_examples(registry, d, &unused);
  }
  say(unused);
  for (const std::string& python : interpreters)
    std::fprintf(stderr, "reward functions run in %s\n", python.c_str());
}

void check_examples(const configs::RunConfig& config, const configs::DomainConfig& domain) {
  std::vector<UnusedKeys> unused;
  check_examples(rollout::ToolRegistry(load_user_tools(config)), domain, &unused);
  say(unused);
}

}  // namespace amalgam::pipeline
