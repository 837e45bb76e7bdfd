#include "pipeline/identity/stage_inputs.h"

#include <algorithm>
#include <filesystem>

#include "pipeline/data/forms/input_files.h"

namespace amalgam::pipeline {
namespace {

bool is_among(const std::string& key, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return name.ends_with('.') ? key.starts_with(name) : key == name;
  });
}

}  // namespace

bool is_free_key(const std::string& key) {
  return key.ends_with("reward.processes") || key.ends_with("reward.python") ||
         key == "sandbox.gateway" || key == "sandbox.key" || key == "sandbox.store" ||
         key == "distill.teacher_memory" || key == "distill.hidden_memory" ||
         key == "sandbox.image";  // what counts is which image has the name: add_scoring
}

void StageInputs::add(Input input) { all_[input.name] = std::move(input); }

void StageInputs::add_keys(const std::vector<std::string>& names, bool is_of_scoring) {
  for (const configs::KeyValue& k : keys_) {
    if (!is_among(k.key, names) || is_free_key(k.key)) continue;
    Input input{
        .name = k.key, .value = k.value, .is_key = !k.is_path, .is_of_scoring = is_of_scoring};
    if (!k.files.empty())
      input.value = digest_of_files(k.files);
    else if (k.is_path && !k.value.empty())
      input.value =
          std::filesystem::is_directory(k.value) ? digests_.model(k.value) : digests_.file(k.value);
    add(std::move(input));
  }
}

// Of files of rows: their bytes in their order, whatever their names.
std::string StageInputs::digest_of_files(const std::vector<std::string>& paths) {
  std::vector<std::string> all;
  for (const InputFile& input : find_input_files(paths).all)
    for (const std::string& file : input.files) all.push_back(digests_.file(file));
  if (all.size() == 1) return all[0];
  std::string together;
  for (const std::string& digest : all) together += digest + "\n";
  return text_digest(together);
}

void StageInputs::add_prompts() {
  std::vector<std::string> names;
  for (const configs::DomainConfig& d : config_.domains)
    for (const char* key : {"generator", "generator_config", "train_file", "validation_file",
                            "heldout_file", "sft_file", "anneal_file", "mode", "efforts",
                            "effort_form", "specialists", "tools", "tools_prompt", "data."})
      names.push_back("domain." + d.name + "." + key);
  add_keys(names);
  for (const auto& [domain, facts] : facts_.functions)
    if (!facts.package.empty())
      add({.name = "generator of " + domain, .value = text_digest(facts.package)});
  for (const proto::UserTool& tool : tools_)
    add({.name = "tool." + tool.name(), .value = text_digest(tool.SerializeAsString())});
}

void StageInputs::add_scoring(const std::string& domain) {
  const std::string prefix = "domain." + domain + ".";
  add_keys({"sandbox.", prefix + "reward_function", prefix + "reward_weights", prefix + "reward.",
            config_.find_domain(domain)->judge.is_on() ? prefix + "judge." : prefix + "judge.form"},
           /*is_of_scoring=*/true);
  if (const auto images = facts_.images.find(domain); images != facts_.images.end())
    for (const auto& [name, id] : images->second)
      add({.name = "image " + name + " of " + domain, .value = id, .is_of_scoring = true});
  const auto function = facts_.functions.find(domain);
  if (function == facts_.functions.end()) return;
  const rewards::PluginFacts& facts = function->second;
  add({.name = prefix + "reward.python",
       .value = facts.python + " " + facts.python_version,
       .is_key = true,
       .is_of_scoring = true});
  const std::filesystem::path folder = config_.find_domain(domain)->reward_file.parent_path();
  for (const std::string& file : facts.files)
    add({.name = std::filesystem::proximate(file, folder).string() + " of " + domain,
         .value = digests_.file(file),
         .is_of_scoring = true});
}

void StageInputs::add_model(const std::string& name, const std::string& directory,
                            const std::string& made_by) {
  add({.name = "model " + name, .value = digests_.model(directory), .made_by = made_by});
}

void StageInputs::add_number(const std::string& name, int64_t value, const std::string& made_by) {
  add({.name = name, .value = std::to_string(value), .is_key = true, .made_by = made_by});
}

std::vector<Input> StageInputs::take() {
  std::vector<Input> inputs;
  for (auto& [name, input] : all_) inputs.push_back(std::move(input));
  all_.clear();
  return inputs;
}

}  // namespace amalgam::pipeline
