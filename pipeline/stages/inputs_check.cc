#include "pipeline/stages/inputs_check.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "configs/error.h"
#include "configs/log/log.h"
#include "model/checkpoint/checkpoint.h"
#include "model/encoding/message.h"
#include "model/tokenizer/tokenizer.h"
#include "pipeline/data/for_each_row.h"
#include "pipeline/data/unused_keys.h"
#include "pipeline/run_store/machine.h"
#include "pipeline/stages/row_files.h"
#include "pipeline/workers/domain_tools.h"
#include "pipeline/workers/run_sandboxes.h"
#include "pipeline/workers/score_request.h"
#include "rewards/programs/plugin.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;
using rewards::PluginForm;

constexpr size_t kMaxListed = 10;  // bad rows of a file

// The columns of a row that something reads. `form`: of the function that scores it, if any.
std::vector<std::string> used_columns(const Row& row, RowUse use, bool has_tools,
                                      std::optional<PluginForm> form) {
  std::vector<std::string> used = {"mode", "tools"};
  if (has_tools || form) used.push_back("extra_info");
  if (use == RowUse::kExample) {
    used.push_back("messages");
    return used;
  }
  used.insert(used.end(), {"prompt", "data_source", "reward_model"});
  if (form) used.push_back("effort");
  if (form == PluginForm::kTrl)
    for (const std::string& name : row.column_names()) used.push_back(name);
  return used;
}

void add_unused(const Row& row, const configs::DomainConfig& domain, RowUse use, bool has_tools,
                std::optional<PluginForm> form, UnusedKeys* unused) {
  std::vector<std::string> columns = row.column_names();
  if (!row.reward_model.empty() && use == RowUse::kPrompt && form != PluginForm::kTrl) {
    const json others = json::parse(row.reward_model);
    for (const auto& [key, value] : others.items()) columns.push_back("reward_model." + key);
  }
  unused->add_row(columns, used_columns(row, use, has_tools, form));

  std::vector<model::UnusedMessageKey> keys;
  const auto messages = model::messages_from_json(
      use == RowUse::kExample ? row.messages : row.prompt, "messages", &keys);
  unused->add_messages(keys);
  if (!is_thinking(domain, row) &&
      std::any_of(messages.begin(), messages.end(), [](const model::Message& m) {
        return m.role == model::MessageRole::kAssistant && !m.reasoning_content.empty();
      }))
    unused->add("key \"reasoning_content\" of messages is not used in chat mode");

  if (!form || row.extra_info.empty()) return;
  static const std::vector<std::string> kSampleKeys = sample_keys();
  const json info = json::parse(row.extra_info);
  for (const std::string& key : kSampleKeys)
    if (info.contains(key))
      unused->add("extra_info has a \"" + key +
                  "\" of its own; the reward function gets that one, not the sample's");
}

class Inspection {
 public:
  Inspection(const configs::RunConfig& config, kernels::ThreadPool& pool, const InputScope& scope)
      : config_(config), pool_(pool), scope_(scope) {}

  InputReport run() {
    if (!config_.model.path.empty()) model(config_.model.path.string(), /*has_tokenizer=*/true);
    for (const std::string& teacher : scope_.teachers) model(teacher, /*has_tokenizer=*/false);
    for (const configs::DomainConfig& d : config_.domains)
      if (!d.specialist.empty()) model(d.specialist.string(), /*has_tokenizer=*/true);
    if (!config_.distill.student.empty())
      model(config_.distill.student.string(), /*has_tokenizer=*/true);
    if (config_.model.path.empty() && !config_.model.config.empty())
      attempt([&] {
        (void)model::load_model_config(config_.model.config.string());
        usable("model", config_.model.config.string());
      });
    if (!scope_.examples_of && !config_.sandbox.gateway.empty())
      attempt([&] {
        (void)connect_gateway(config_.sandbox);
        usable("gateway", config_.sandbox.gateway);
      });
    // Without its tools no row is good or bad.
    attempt([&] {
      const rollout::ToolRegistry tools(load_user_tools(config_));
      for (const configs::ToolConfig& tool : config_.tools) usable("tool", tool.name);
      for (const configs::DomainConfig& d : config_.domains)
        if (!scope_.examples_of || scope_.examples_of->name == d.name) domain(tools, d);
    });
    return std::move(report_);
  }

 private:
  // What it throws is a problem, once: domains may share files.
  template <class F>
  void attempt(const F& f) {
    try {
      f();
    } catch (const Error& e) {
      problem(e.what());
    }
  }
  void problem(const std::string& line) {
    if (said_.insert(line).second) report_.problems.push_back(line);
  }
  void note(const std::string& line) {
    if (said_.insert(line).second) report_.notes.push_back(line);
  }
  void usable(const std::string& kind, const std::string& text) {
    if (said_.insert(kind + text).second) report_.usable.emplace_back(kind, text);
  }

  void model(const std::string& directory, bool has_tokenizer) {
    attempt([&] {
      model::check_model(directory);
      if (has_tokenizer) (void)model::Tokenizer::load(directory);
      usable("model", directory);
    });
  }

  void domain(const rollout::ToolRegistry& tools, const configs::DomainConfig& d) {
    std::unique_ptr<rewards::Plugin> function;
    bool can_score = true;
    if (!d.reward_file.empty() && !scope_.examples_of) {
      can_score = false;
      attempt([&] {
        const rewards::PluginOptions options = rewards::plugin_options(d);
        function = std::make_unique<rewards::Plugin>(options);
        const rewards::PluginFacts& facts = function->facts();
        report_.functions[d.name] = facts;
        usable("python", facts.python + " (" + facts.python_version + ") runs reward functions");
        can_score = true;
      });
    }
    std::optional<Row> first;  // to try the function with
    for (const RowFile& file : row_files(d)) {
      if (scope_.examples_of && file.use != RowUse::kExample) continue;
      attempt([&] {
        rows(tools, d, file, function ? std::optional(function->form()) : std::nullopt, can_score,
             &first);
      });
    }
    if (function && first && scope_.calls_rewards) try_reward(d, *function, *first);
  }

  void rows(const rollout::ToolRegistry& tools, const configs::DomainConfig& d, const RowFile& file,
            std::optional<PluginForm> form, bool can_score, std::optional<Row>* first) {
    const std::vector<CheckedRow> rows = read_checked_rows(pool_, tools, d, file.path, file.use);
    const auto num_rows = static_cast<int64_t>(rows.size());
    std::vector<std::string> bad;
    for (const CheckedRow& row : rows)
      if (!row.problem.empty()) bad.push_back(row.problem);
    const auto num_bad = static_cast<int64_t>(bad.size());
    if (num_bad == num_rows && config_.skip_bad_rows) {
      problem(file.path + ": holds no row that can be used; the first: " + bad[0]);
      return;
    }
    if (num_bad > 0 && config_.skip_bad_rows) {
      note(file.path + ": " + std::to_string(num_bad) + " of " + std::to_string(num_rows) +
           " rows cannot be used and are left out; the first: " + bad[0]);
    } else if (num_bad > 0) {
      if (!bad_files_.insert(file.path).second) return;
      report_.num_bad_rows += num_bad;
      for (size_t i = 0; i < std::min(kMaxListed, bad.size()); ++i) problem(bad[i]);
      if (bad.size() > kMaxListed)
        problem(file.path + ": and " + std::to_string(bad.size() - kMaxListed) +
                " more rows that cannot be used");
      return;
    }
    usable("rows", file.path + ": " + std::to_string(num_rows - num_bad));
    if (file.use == RowUse::kPrompt && !*first)
      *first = std::find_if(rows.begin(), rows.end(), [](const CheckedRow& r) {
                 return r.problem.empty();
               })->row;
    if (!can_score) return;  // what its function reads is not known
    UnusedKeys all(file.path);
    std::vector<UnusedKeys> unused(rows.size(), UnusedKeys(""));
    for_each_row(pool_, "reading " + file.path, num_rows, [&](int64_t i) {
      const CheckedRow& row = rows[static_cast<size_t>(i)];
      if (!row.problem.empty()) return;
      const bool has_tools = !tools_of(tools, d, row.row, file.path).names.empty();
      add_unused(row.row, d, file.use, has_tools, file.use == RowUse::kPrompt ? form : std::nullopt,
                 &unused[static_cast<size_t>(i)]);
    });
    for (const UnusedKeys& u : unused) all.add_all(u);
    for (const std::string& line : all.lines()) note(line);
  }

  void try_reward(const configs::DomainConfig& d, rewards::Plugin& function, const Row& row) {
    const std::string file = d.reward_file.string();
    const rewards::ScoreRequest request = trial_request(row, is_thinking(d, row));
    const rewards::Score score = function.score(
        request.sample_id, {{request.data_source, request.solution, request.ground_truth,
                             request.extra_info, request.row}})[0];
    if (score.status == rewards::Status::kScored)
      usable("reward", file + ": " + function.facts().function + " gives " +
                           json(score.reward).dump() + " for a trial answer");
    else
      problem(file + ": " + function.facts().function + " does not score a trial answer: " +
              rewards::to_string(score.status) + ": " + score.detail);
  }

  const configs::RunConfig& config_;
  kernels::ThreadPool& pool_;
  const InputScope& scope_;
  InputReport report_;
  std::set<std::string> said_, bad_files_;
};

}  // namespace

InputReport inspect_inputs(const configs::RunConfig& config, kernels::ThreadPool& pool,
                           const InputScope& scope) {
  return Inspection(config, pool, scope).run();
}

RewardFunctions check_inputs(const configs::RunConfig& config, const InputScope& scope) {
  kernels::ThreadPool pool(num_threads(config.threads));
  const InputReport report = inspect_inputs(config, pool, scope);
  const size_t n = report.problems.size();
  if (n == 1)
    throw Error(report.problems[0] +
                (report.num_bad_rows > 0 ? " (--skip-bad-rows leaves such rows out)" : ""));
  for (const std::string& line : n > 1 ? report.problems : report.notes)
    log::warn(log::Part::kData, line);
  if (n > 1)
    throw Error("of what the config names some cannot be used, see above; mend it" +
                std::string(report.num_bad_rows > 0
                                ? ", or leave " + std::to_string(report.num_bad_rows) +
                                      " rows out with --skip-bad-rows"
                                : ""));
  std::set<std::string> interpreters;
  for (const auto& [domain, facts] : report.functions)
    interpreters.insert(facts.python + " (" + facts.python_version + ")");
  for (const std::string& python : interpreters)
    log::say(log::Part::kReward, "reward functions run in " + python);
  return report.functions;
}

}  // namespace amalgam::pipeline
