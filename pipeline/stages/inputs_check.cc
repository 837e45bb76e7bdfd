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
#include "pipeline/data/judge_rows.h"
#include "pipeline/data/unused_keys.h"
#include "pipeline/run_store/machine.h"
#include "pipeline/stages/distill.h"
#include "pipeline/stages/domain_groups.h"
#include "pipeline/stages/judge.h"
#include "pipeline/stages/judged_answers.h"
#include "pipeline/stages/row_files.h"
#include "pipeline/stages/row_teachers.h"
#include "pipeline/workers/domain_tools.h"
#include "pipeline/workers/run_sandboxes.h"
#include "pipeline/workers/sandbox_images.h"
#include "pipeline/workers/score_request.h"
#include "rewards/programs/plugin.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;
using rewards::PluginForm;

constexpr size_t kShownDigits = 12;  // of an image's id
constexpr size_t kMaxListed = 10;    // bad rows of a file

// The fields of a row that something reads. `form`: of the function that scores it, if any.
// has_teachers: its extra_info has weights of teachers.
bool is_read(std::string_view field, RowUse use, bool has_tools, bool has_judge, bool has_teachers,
             std::optional<PluginForm> form) {
  if (field == "ability" || field == "id") return false;
  if (field == "rubric") return use == RowUse::kPrompt && has_judge;
  if (field == "extra_info" && has_teachers) return use == RowUse::kPrompt;
  if (field == "extra_info" || field == "tools_kwargs")
    return use == RowUse::kPrompt && (has_tools || form);
  return true;
}

// What a slip in a column's name may have meant.
std::vector<std::string> names_near(RowUse use) {
  if (use == RowUse::kExample) return {"messages", "prompt", "completion", "text", "tools", "mode"};
  return {"prompt", "data_source", "reward_model", "extra_info", "tools", "mode"};
}

// has_judge: the domain has one, or another one does that may read the same files.
void add_unused(const UnderstoodRow& row, const configs::DomainConfig& domain, RowUse use,
                bool has_tools, bool has_judge, std::optional<PluginForm> form,
                UnusedKeys* unused) {
  if (form != PluginForm::kTrl) {
    std::vector<std::string> used;
    const bool has_teachers = row.row.extra_info.find("\"teachers\"") != std::string::npos;
    for (const auto& [field, path] : row.understood)
      if (is_read(field, use, has_tools, has_judge, has_teachers, form))
        used.push_back(path.substr(0, path.find('.')));
    if (has_judge && use == RowUse::kPrompt) used.push_back(kReferenceColumn);
    std::vector<std::string> columns = row.columns;
    if (!row.row.reward_model.empty() && use == RowUse::kPrompt) {
      const json others = json::parse(row.row.reward_model);
      for (const auto& [key, value] : others.items()) columns.push_back("reward_model." + key);
    }
    unused->add_row(columns, used, names_near(use));
  }
  unused->add_messages(row.unused_message_keys);
  const auto thinks = [](const ChatMessage& m) { return !m.reasoning_content.empty(); };
  if (!is_thinking(domain, row.row) &&
      (std::any_of(row.prompt.begin(), row.prompt.end(), thinks) ||
       std::any_of(row.messages.begin(), row.messages.end(), thinks)))
    unused->add("key \"reasoning_content\" of messages is not used in chat mode");

  if (!form || row.row.extra_info.empty()) return;
  static const std::vector<std::string> kSampleKeys = sample_keys();
  const json info = json::parse(row.row.extra_info);
  for (const std::string& key : kSampleKeys)
    if (info.contains(key))
      unused->add("extra_info has a \"" + key +
                  "\" of its own; the reward function gets that one, not the sample's");
}

// What is found out of the rows of a domain's key, while they are read.
struct FoundRows {
  explicit FoundRows(const std::string& files) : unused(files), unused_lacking_truth(files) {}
  std::optional<Row> first, first_lacking_truth;  // that can be used
  int64_t num_bad = 0, num_lacking_truth = 0;
  int64_t num_of_no_effort = 0;                  // that the domain's table lists
  std::vector<std::string> bad, bad_if_lacking;  // the first few
  UnusedKeys unused, unused_lacking_truth;
  std::set<std::string> required;  // columns of those that the function requires
};

class Inspection {
 public:
  Inspection(const configs::RunConfig& config, kernels::ThreadPool& pool, const InputScope& scope)
      : config_(config), pool_(pool), scope_(scope), images_(config) {}

  InputReport run() {
    if (!config_.model.path.empty())
      has_tokenizer_ = model(config_.model.path.string(), /*has_tokenizer=*/true);
    for (const std::string& teacher : scope_.teachers) model(teacher, /*has_tokenizer=*/false);
    if (config_.distill.steps > 0)
      for (const configs::TeacherConfig& t : config_.teachers) teacher(t);
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
        if (!scope_.examples_of || specialist_name(*scope_.examples_of) == specialist_name(d))
          domain(tools, d);
    });
    for (const configs::TeacherConfig& t : config_.teachers)
      if (!is_named(t.name))
        note("teacher '" + t.name +
             "' is not used: neither distill.teachers nor a row's extra_info.teachers names it");
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

  // Whether it can be used.
  bool model(const std::string& directory, bool has_tokenizer) {
    bool is_usable = false;
    attempt([&] {
      model::check_model(directory);
      if (has_tokenizer) (void)model::Tokenizer::load(directory);
      usable("model", directory);
      is_usable = true;
    });
    return is_usable;
  }

  void teacher(const configs::TeacherConfig& t) {
    const std::string directory = t.path.string();
    if (!model(directory, /*has_tokenizer=*/true) || !has_tokenizer_) return;
    attempt([&] { check_tokenizers(config_.model.path.string(), {directory}); });
    attempt([&] {
      const auto vocabulary = [](const std::string& dir) {
        return model::load_model_config(dir + "/config.json").vocab_size;
      };
      const int64_t ours = vocabulary(config_.model.path.string()), its = vocabulary(directory);
      if (its != ours)
        throw Error(directory + ": has " + std::to_string(its) +
                    " tokens in its vocabulary, the student has " + std::to_string(ours) +
                    "; teachers and student must share a tokenizer");
    });
  }
  bool is_named(const std::string& teacher) const {
    const auto names_it = [&](const configs::TeacherRow& row) {
      const auto it = row.weight.find(teacher);
      return it != row.weight.end() && it->second > 0;
    };
    return named_by_rows_.contains(teacher) ||
           std::any_of(config_.distill.teachers.begin(), config_.distill.teachers.end(), names_it);
  }

  void domain(const rollout::ToolRegistry& tools, const configs::DomainConfig& d) {
    std::unique_ptr<rewards::Plugin> function;
    bool can_score = true;
    if (d.has_program() && !scope_.examples_of) {
      can_score = false;
      attempt([&] {
        const rewards::PluginOptions options = rewards::plugin_options(d);
        function = std::make_unique<rewards::Plugin>(options);
        const rewards::PluginFacts& facts = function->facts();
        report_.facts.functions[d.name] = facts;
        usable("python", facts.python + " (" + facts.python_version + ") runs reward functions");
        if (!facts.package.empty())
          usable("generator", d.generator.text() + " of " + facts.package);
        can_score = true;
      });
    }
    // Verifiers that no row could make sense of are wrong once, not in every row.
    if (!scope_.examples_of) {
      try {
        (void)row_checker(d);
      } catch (const Error& e) {
        return problem("reward of domain " + d.group() + ": " + e.what());
      }
    }
    if (!scope_.examples_of)
      image(d, d.image.empty() ? "sandbox.image" : "domain." + d.name + ".image");
    std::optional<Row> first;  // to try the function with
    for (const RowFiles& files : row_files(d)) {
      if (scope_.examples_of && files.use != RowUse::kExample) continue;
      attempt([&] {
        rows(tools, d, files, function ? std::optional(function->form()) : std::nullopt, can_score,
             function ? function->facts().columns : std::vector<std::string>(), &first);
      });
    }
    if (function && first && scope_.calls_rewards) try_reward(d, *function, *first);
    if (d.judge.is_on() && !scope_.examples_of) judge(d);
  }

  void judge(const configs::DomainConfig& d) {
    attempt([&] {
      (void)judge_template(d.judge);
      if (!d.judge.template_file.empty()) usable("judge", d.judge.template_file.string());
    });
    if (!d.judge.model.empty() && model(d.judge.model.string(), /*has_tokenizer=*/true) &&
        has_tokenizer_)
      attempt([&] {
        require_same_tokenizer(d.judge, model::Tokenizer::load(config_.model.path.string()));
      });
    for (const configs::Paths& files : {d.judge.train_file, d.judge.heldout_file})
      if (!files.empty())
        attempt([&] {
          const auto rows = read_judge_rows(files.strings(), verdict_form(d.judge.form),
                                            d.reward.interpreter(), pool_);
          if (rows.empty()) throw Error(files.text() + ": holds no rows");
          usable("rows", files.text() + ": " + std::to_string(rows.size()) + " with labels");
        });
  }

  void rows(const rollout::ToolRegistry& tools, const configs::DomainConfig& d,
            const RowFiles& files, std::optional<PluginForm> form, bool can_score,
            const std::vector<std::string>& required, std::optional<Row>* first) {
    const std::string name = files.paths.text();
    FoundRows found(name);
    const auto add_bad = [&](const std::string& why) {
      if (++found.num_bad <= static_cast<int64_t>(kMaxListed)) found.bad.push_back(why);
    };
    const ReadSummary summary =
        read_checked_rows(config_, pool_, tools, d, files, [&](ReadRow&& row) {
          if (!row.problem.empty()) return add_bad(row.where() + ": " + row.problem);
          const UnderstoodRow& u = row.understood;
          for (const std::string& column : required)
            if (std::find(u.columns.begin(), u.columns.end(), column) != u.columns.end())
              found.required.insert(column);
          found.num_of_no_effort += !is_of_any_effort(d, u.row);
          if (files.use == RowUse::kPrompt && is_of_efforts(d, u.row))
            if (const auto weights = row_teachers(config_, d, u.row))
              for (const auto& [teacher, weight] : *weights) named_by_rows_.insert(teacher);
          if (files.use == RowUse::kPrompt && !scope_.examples_of && uses_sandbox(d, u.row))
            image(d, name, u.row);
          if (can_score) {  // else what its function reads is not known
            const bool has_tools = !(u.row.tools.empty() ? d.tools.empty() : u.row.tools == "[]");
            add_unused(u, d, files.use, has_tools, has_judge(),
                       files.use == RowUse::kPrompt ? form : std::nullopt,
                       u.lacks_truth ? &found.unused_lacking_truth : &found.unused);
          }
          if (u.lacks_truth && ++found.num_lacking_truth <= static_cast<int64_t>(kMaxListed))
            found.bad_if_lacking.push_back(row.where() + ": " + kNoTruth);
          std::optional<Row>& kept = u.lacks_truth ? found.first_lacking_truth : found.first;
          if (!kept) kept = std::move(row.understood.row);
        });
    settle(summary, &found);
    if (found.num_bad == summary.num_rows && config_.skip_bad_rows) {
      problem(name + ": holds no row that can be used; the first: " + found.bad[0]);
      return;
    }
    if (found.num_bad > 0 && config_.skip_bad_rows) {
      note(name + ": " + std::to_string(found.num_bad) + " of " + std::to_string(summary.num_rows) +
           " rows cannot be used and are left out; the first: " + found.bad[0]);
    } else if (found.num_bad > 0) {
      if (!bad_files_.insert(name).second) return;
      report_.num_bad_rows += found.num_bad;
      for (const std::string& why : found.bad) problem(why);
      if (const int64_t more = found.num_bad - static_cast<int64_t>(found.bad.size()); more > 0)
        problem(name + ": and " + std::to_string(more) + " more rows that cannot be used");
      return;
    }
    for (const std::string& column : required)
      if (files.use == RowUse::kPrompt && !found.required.contains(column))
        problem(name + ": no row has a column \"" + column + "\", which a function of " +
                d.reward_file.string() + " requires");
    if (found.num_of_no_effort > 0)
      note(name + ": " + std::to_string(found.num_of_no_effort) + " of " +
           std::to_string(summary.num_rows) +
           " rows are left out: their effort is none of domain " + d.group() + "'s");
    usable("rows",
           name + ": " + std::to_string(summary.num_rows - found.num_bad - found.num_of_no_effort));
    if (files.use == RowUse::kPrompt && !*first) *first = found.first;
    if (!can_score) return;
    for (const std::string& line : found.unused.lines()) note(line);
  }

  bool has_judge() const {
    return std::any_of(config_.domains.begin(), config_.domains.end(),
                       [](const auto& d) { return d.judge.is_on(); });
  }

  // Whether one of the group's domains has a use for the row.
  bool is_of_any_effort(const configs::DomainConfig& d, const Row& row) const {
    const Domains group = named_domains(config_, d.group(), "");
    return std::any_of(group.begin(), group.end(),
                       [&](const auto* part) { return is_of_efforts(*part, row); });
  }

  // Rows without a ground truth are bad, or as good as the others.
  static void settle(const ReadSummary& summary, FoundRows* found) {
    if (summary.needs_truth) {
      found->num_bad += found->num_lacking_truth;
      found->bad.insert(found->bad.end(), found->bad_if_lacking.begin(),
                        found->bad_if_lacking.end());
      if (found->bad.size() > kMaxListed) found->bad.resize(kMaxListed);
      return;
    }
    found->unused.add_all(found->unused_lacking_truth);
    if (!found->first) found->first = std::move(found->first_lacking_truth);
  }

  // That a row runs in, or of an empty one the domain.
  void image(const configs::DomainConfig& d, const std::string& where, const Row& row = {}) {
    try {
      const std::string name = images_.name_for(d, row);
      if (name.empty() || !seen_images_.insert({d.name, name}).second) return;
      const std::string id = images_.find(name).id;
      if (has_machines())
        throw Error("image " + name +
                    ": virtual machines run the image \"python\" alone; take it "
                    "out, or choose sandbox.substrate=container");
      report_.facts.images[d.name][name] = id;
      usable("image", name + " (" + id.substr(0, kShownDigits) + ")");
    } catch (const Error& e) {
      problem(where + ": " + e.what());
    }
  }
  bool has_machines() const {
    return config_.sandbox.substrate == configs::Substrate::kMicrovm ||
           config_.sandbox.substrate == configs::Substrate::kVm;
  }

  void try_reward(const configs::DomainConfig& d, rewards::Plugin& function, const Row& row) {
    const std::string file = d.reward_file.string();
    Row asked = row;
    asked.effort = said_effort(d, row);
    const rewards::ScoreRequest request = trial_request(asked, is_thinking(d, row));
    const rewards::Score score = function.score(
        request.sample_id, {{request.data_source, request.solution, request.ground_truth,
                             request.extra_info, request.columns, request.completion_ids}})[0];
    if (score.status == rewards::Status::kScored)
      usable("reward", file + ": " + function.facts().function + " gives " +
                           json(score.reward).dump() + " for a trial answer");
    else if (score.status == rewards::Status::kNoReward)
      note(file + ": a trial answer has no reward: " + score.detail);
    else
      problem(file + ": " + function.facts().function + " does not score a trial answer: " +
              rewards::to_string(score.status) + ": " + score.detail);
  }

  const configs::RunConfig& config_;
  kernels::ThreadPool& pool_;
  const InputScope& scope_;
  InputReport report_;
  bool has_tokenizer_ = false;  // of model.path; else the run makes its own
  SandboxImages images_;
  std::set<std::pair<std::string, std::string>> seen_images_;  // domain, name
  std::set<std::string> said_, bad_files_, named_by_rows_;
};

}  // namespace

InputReport inspect_inputs(const configs::RunConfig& config, kernels::ThreadPool& pool,
                           const InputScope& scope) {
  return Inspection(config, pool, scope).run();
}

void require_sets(const configs::DomainConfig& domain, const std::string& command,
                  const NeededSets& needed) {
  if (domain.generator != configs::Generator::kNone) return;
  const auto require = [&](bool is_needed, bool is_there, const std::string& what) {
    if (is_needed && !is_there)
      throw Error("domain '" + domain.name + "': " + command + " needs " + what);
  };
  require(needed.train, !domain.train_file.empty(), "train_file, rows with prompts to train on");
  require(needed.test, !domain.heldout_file.empty(), "heldout_file, rows with prompts to score");
  require(needed.validation, !domain.validation_file.empty() || !domain.heldout_file.empty(),
          "validation_file or heldout_file, rows that choose the best step; or test_freq = 0, "
          "which chooses none");
}

InputFacts check_inputs(const configs::RunConfig& config, const InputScope& scope) {
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
  for (const auto& [domain, facts] : report.facts.functions)
    interpreters.insert(facts.python + " (" + facts.python_version + ")");
  for (const std::string& python : interpreters)
    log::say(log::Part::kReward, "reward functions run in " + python);
  return report.facts;
}

}  // namespace amalgam::pipeline
