#pragma once
#include <algorithm>
#include <string>
#include <utility>

#include "configs/effort.h"
#include "configs/generator.h"
#include "configs/judge_config.h"
#include "configs/mode.h"
#include "configs/names.h"
#include "configs/reward_config.h"
#include "configs/stage_configs.h"

namespace amalgam::configs {

// Rows of a generated domain.
struct DataConfig {
  int64_t train_rows = 2000;
  int64_t validation_rows = 100;
  int64_t heldout_rows = 200;
  int64_t sft_rows = 8000;
  double careless = 0;

  bool operator==(const DataConfig&) const = default;

  template <class V>
  void visit(V& v) {
    v.value("train_rows", train_rows, between(1, 1e9), "prompts for RL and distillation");
    v.value("validation_rows", validation_rows, between(1, 1e9),
            "prompts on which steps and rates are chosen; none is a training prompt");
    v.value("heldout_rows", heldout_rows, between(1, 1e9),
            "test prompts, of the final table alone; none is a training or validation prompt");
    v.value("sft_rows", sft_rows, between(0, 1e9), "rows with answers for supervised training");
    v.value(
        "careless", careless, between(0, 1),
        "share of the answers of base.anneal that are in a verifiably bad style, decided early in "
        "the answer: real bases have seen careless answers too");
  }
};

// How a prompt says its effort (model/encoding/effort.h).
enum class EffortForm { kEncoding, kLine };
inline std::vector<std::string> names_of(EffortForm) { return {"encoding", "line"}; }

// What RL makes of a domain's efforts.
enum class Specialists { kPerEffort, kOne };
inline std::vector<std::string> names_of(Specialists) { return {"per_effort", "one"}; }

// How prompts tell the model of its tools.
enum class ToolsPrompt { kSchemas, kNames, kNone };
inline std::vector<std::string> names_of(ToolsPrompt) { return {"schemas", "names", "none"}; }

// The parts of a domain's name after efforts are resolved: NAME, or NAME and MODE of NAME-MODE.
inline std::pair<std::string, std::string> split_domain_name(const std::string& name) {
  const size_t dash = name.find('-');
  return dash == std::string::npos ? std::pair(name, std::string())
                                   : std::pair(name.substr(0, dash), name.substr(dash + 1));
}
// As metrics name it: NAME or NAME/MODE.
inline std::string domain_metric_name(const std::string& name) {
  const auto [group, mode] = split_domain_name(name);
  return mode.empty() ? group : group + "/" + mode;
}

// One specialist: where its prompts and rewards come from, and how it is trained. A table with
// `efforts` becomes one of these for each of them, named NAME-MODE, with that one alone in
// `efforts` (RunConfig::resolve).
struct DomainConfig {
  std::string name = {};
  Generator generator = Generator::kNone;
  Arguments generator_config = {};
  Paths train_file = {}, validation_file = {}, heldout_file = {};  // rows
  Paths sft_file = {}, anneal_file = {};                           // rows
  Path reward_file = {};                                           // Python
  Path specialist = {};                                            // model directory
  Names reward_function = {};
  std::vector<double> reward_weights = {};
  Mode mode = Mode::kThinking;
  Efforts efforts = {};
  EffortForm effort_form = EffortForm::kEncoding;
  Specialists specialists = Specialists::kPerEffort;
  Weights windows = {};
  std::vector<std::string> tools = {};
  ToolsPrompt tools_prompt = ToolsPrompt::kSchemas;
  std::string image = {};
  DataConfig data;
  SftConfig sft;
  RlConfig rl;
  RewardConfig reward;
  JudgeConfig judge = {};

  template <class V>
  void visit(V& v) {
    v.value("name", name, "lower-case letters, digits and _");
    v.value(
        "generator", generator,
        "what makes the rows, and verifies the answers: a built-in generator; one whose prompts "
        "ask for one of two forms of answers, as math:words (docs/DATA.md); a data set of the "
        "Python package reasoning-gym by its name, as reasoning_gym:chain_sum; or none "
        "(docs/REWARDS.md)");
    v.value(
        "generator_config", generator_config,
        "of a reasoning-gym data set: the keys of its own config, as { max_terms = 3 }, without "
        "size and seed");
    v.value(
        "train_file", train_file,
        "rows with prompts: a file (JSON lines, a JSON array, parquet, Arrow), a glob, a folder "
        "of save_to_disk, or a list of these (docs/DATA.md); needed without generator");
    v.value("validation_file", validation_file,
            "the same, on which steps and rates are chosen; without it those of heldout_file are "
            "shared out: the first, third, … to validation, the second, fourth, … to the test");
    v.value("heldout_file", heldout_file,
            "the same, for the final table; needed without generator. A row whose prompt stands in "
            "an earlier set (training, validation, test) is left out and counted");
    v.value("sft_file", sft_file,
            "the same with examples (messages, prompt and completion, text …), for supervised "
            "training");
    v.value("anneal_file", anneal_file, "the same for base.anneal; without it sft_file");
    v.value("reward_file", reward_file,
            "Python file with the reward function: verl's compute_score(data_source, solution_str, "
            "ground_truth, extra_info) or TRL's f(completions, ...), async or not. It scores every "
            "row of the "
            "domain; without it each row's reward_model.style names a built-in verifier: math, "
            "code, agent or instruct (docs/REWARDS.md)");
    v.value("reward_function", reward_function,
            "its name in reward_file; empty: compute_score, or else the only function with "
            "\"reward\" in its name. Of several in TRL's form a list: [\"right\", \"brief\"]");
    v.value("reward_weights", reward_weights, between(-1e9, 1e9),
            "of the functions that reward_function names, in TRL's form: the score is the sum of "
            "weight · number over those that return a number; empty: all 1");
    v.value("specialist", specialist,
            "model directory of a specialist that is there already: no RL then, it teaches and is "
            "scored as it is");
    v.value("mode", mode, "thinking: answers start with reasoning; chat: they do not");
    v.value(
        "efforts", efforts,
        "modes of reasoning effort: none, low, high, max, numbers of 1 … 100, bands of them "
        "(\"b21-40\"), or { bands = 5 }. Each is a specialist of its own, NAME-MODE, on all rows "
        "with that effort or with none of their own; a row in a band gets a number of it. Empty: "
        "rows have the effort that they say, or none (docs/EFFORT.md)");
    v.value("effort_form", effort_form,
            "how prompts say their effort: encoding: none as chat mode, max by the encoding's "
            "prefix, high without one; line: a system line \"Reasoning Effort: X\" with the think "
            "tag open for every mode");
    v.value("specialists", specialists,
            "per_effort: RL trains a specialist for each of efforts; one: a single policy on all "
            "of them, mixed in every step");
    v.value("windows", windows, between(1, 1 << 20),
            "tokens the policy may write, by effort or band: { none = 24, max = 72 }; an effort "
            "that is not there has data.max_response_length of the stage");
    v.value("tools", tools,
            "tools of this domain's episodes, by name: built in (calculator, edit_file, grep, "
            "kv_lookup, lookup, read_file, run_python, run_shell, search, submit, write_file) or "
            "of a [[tool]]; a row's own `tools` column, a list of names or of OpenAI tools, goes "
            "first");
    v.value("tools_prompt", tools_prompt,
            "how the prompt describes them: schemas: the encoding's \"## Tools\" section; names: "
            "one line, for a small context window; none: the rows do");
    v.value("image", image,
            "image that its tools and tests of code run in; a row's extra_info.image goes first; "
            "empty: sandbox.image");
    v.section_like("data", data, "data", "row counts of this domain");
    v.section_like("sft", sft, "sft", "cold start of this specialist");
    v.section_like("rl", rl, "rl", "RL of this specialist");
    v.section_like("reward", reward, "reward", "calls of this domain's reward_function");
    v.section_like("judge", judge, "judge", "who judges this domain's answers");
  }

  // Of a resolved table: the mode it is for; empty: rows have their own efforts, or none.
  std::string effort_mode() const { return efforts.modes.size() == 1 ? efforts.modes[0] : ""; }
  // The name that the table was given: NAME of NAME-MODE.
  std::string group() const { return split_domain_name(name).first; }
  // Tokens the policy may write in answer to a prompt of this effort.
  int64_t window(const std::string& effort, int64_t max_response_length) const {
    const auto own = value_of_effort(windows, effort);
    return own ? static_cast<int64_t>(*own) : max_response_length;
  }
  int64_t max_window(int64_t max_response_length) const {
    for (const auto& [effort, tokens] : windows)
      max_response_length = std::max(max_response_length, static_cast<int64_t>(tokens));
    return max_response_length;
  }

  std::optional<Problem> problem() const {
    if (!is_identifier(group()) || (name != group() && name != group() + "-" + effort_mode())) {
      return Problem{"name", "'" + name + "' must be made of lower-case letters, digits and _"};
    }
    if (const auto problem = effort_problem()) return problem;
    for (const std::string& asked : efforts.modes) {
      const auto band = effort_band(asked);
      for (int b = band ? band->first : 0; b <= (band ? band->last : 0); ++b) {
        const std::string what = rl.length_penalty.effort_problem(band ? std::to_string(b) : asked);
        if (rl.steps > 0 && !what.empty())
          return Problem{"rl.length_penalty", "domain '" + name + "': " + what};
      }
    }
    for (const auto& [effort, tokens] : windows)
      if (rl.length_penalty.form == LengthForm::kOverlong &&
          static_cast<double>(rl.length_penalty.buffer) > tokens)
        return Problem{"windows." + effort, "is smaller than rl.length_penalty.buffer"};
    const bool from_files = generator == Generator::kNone;
    const bool has_prompts = !train_file.empty() || !heldout_file.empty();
    if (!from_files && has_prompts)
      return Problem{"generator", "domain '" + name + "' has a generator and files; drop one"};
    if (from_files && !has_prompts && validation_file.empty() && sft_file.empty() &&
        anneal_file.empty())
      return Problem{"generator", "domain '" + name +
                                      "' needs a generator or files: train_file and heldout_file, "
                                      "for supervised training alone sft_file"};
    if (const auto problem = generator_problem()) return problem;
    if (!from_files && !reward_file.empty())
      return Problem{"reward_file", "a generator has its own verifier; drop one"};
    if (!from_files)
      for (const auto& [key, file] :
           {std::pair("validation_file", &validation_file), std::pair("sft_file", &sft_file),
            std::pair("anneal_file", &anneal_file)})
        if (!file->empty()) return Problem{key, "a generator makes its own rows; drop one"};
    const auto is_function = [](const VerifierConfig& v) { return v.style == kFunctionStyle; };
    const bool names_function =
        std::any_of(reward.verifiers.begin(), reward.verifiers.end(), is_function);
    if (!has_program() && names_function)
      return Problem{"reward", "a verifier has style \"function\", but there is no reward_file"};
    if (has_program() && !reward.verifiers.empty() && !names_function)
      return Problem{"reward_file",
                     "none of the domain's verifiers has style \"function\"; add one or drop it"};
    if (reward_file.empty() && !reward_function.empty())
      return Problem{"reward_function", "names a function of reward_file; drop it"};
    if (const auto problem = reward_problem()) return problem;
    if (const auto problem = judge_problem()) return problem;
    return std::nullopt;
  }

  std::optional<Problem> effort_problem() const;
  std::optional<Problem> reward_problem() const;
  std::optional<Problem> judge_problem() const;
  std::optional<Problem> generator_problem() const;

  // Whether Python scores its answers, as [reward] says.
  bool has_program() const {
    return !reward_file.empty() || generator.source == Generator::kReasoningGym;
  }
};

}  // namespace amalgam::configs
