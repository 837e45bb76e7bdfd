#include "pipeline/cli.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <ostream>

#include "configs/error.h"
#include "configs/foreign_names.h"
#include "configs/load.h"
#include "configs/suggest.h"
#include "configs/version.h"
#include "pipeline/command_line/manual.h"
#include "pipeline/commands/compare_command.h"
#include "pipeline/commands/convert.h"
#include "pipeline/commands/data.h"
#include "pipeline/commands/data_check.h"
#include "pipeline/commands/doctor.h"
#include "pipeline/commands/effort.h"
#include "pipeline/commands/encode.h"
#include "pipeline/commands/generate.h"
#include "pipeline/commands/init.h"
#include "pipeline/commands/inspect.h"
#include "pipeline/commands/judge_export.h"
#include "pipeline/commands/judge_import.h"
#include "pipeline/commands/merge.h"
#include "pipeline/commands/report_command.h"
#include "pipeline/commands/reward.h"
#include "pipeline/commands/run.h"
#include "pipeline/commands/samples.h"
#include "pipeline/commands/score.h"
#include "pipeline/commands/tokenize.h"
#include "pipeline/commands/train_commands.h"
#include "pipeline/commands/verify.h"
#include "pipeline/commands/worker.h"
#include "pipeline/run_store/metric_names.h"
#include "pipeline/sandbox_commands/bench.h"
#include "pipeline/sandbox_commands/images.h"
#include "pipeline/sandbox_commands/journal.h"
#include "pipeline/sandbox_commands/manage.h"
#include "pipeline/sandbox_commands/run.h"
#include "pipeline/sandbox_commands/serve.h"
#include "pipeline/sandbox_commands/service.h"
#include "pipeline/sandbox_commands/shell.h"
#include "rewards/registry/reference.h"

namespace amalgam::pipeline {
namespace {

class Cli11Options final : public OptionSet {
 public:
  explicit Cli11Options(CLI::App* app) : app_(app) {}
  void flag(const std::string& names, bool& field, const std::string& doc) override {
    app_->add_flag(names, field, doc);
  }
  void option(const std::string& names, std::string& field, const std::string& doc,
              Need need) override {
    CLI::Option* option = app_->add_option(names, field, doc)->required(need == Need::kRequired);
    if (!field.empty()) option->capture_default_str();
  }
  void option(const std::string& names, int64_t& field, const std::string& doc,
              Need need) override {
    app_->add_option(names, field, doc)->required(need == Need::kRequired)->capture_default_str();
  }
  void option(const std::string& names, double& field, const std::string& doc, Need need) override {
    app_->add_option(names, field, doc)->required(need == Need::kRequired)->capture_default_str();
  }
  void option(const std::string& names, std::vector<std::string>& field, const std::string& doc,
              Need need) override {
    CLI::Option* option = app_->add_option(names, field, doc)->required(need == Need::kRequired);
    // One value each time it is given: what follows may be overrides.
    if (names[0] == '-') option->allow_extra_args(false);
  }
  void option_or_bare(const std::string& names, std::string& field, const std::string& bare,
                      const std::string& doc) override {
    const auto take = [&field, bare](const CLI::results_t& given) {
      field = given.empty() || given[0].empty() || given[0] == "{}" ? bare : given[0];
      return true;
    };
    app_->add_option(names, take, doc)->expected(0, 1);
  }

 private:
  CLI::App* app_;
};

class Cli {
 public:
  Cli()
      : app_("Amalgam: specialists by reinforcement learning, merged by on-policy distillation.") {
    pages_.push_back({"",
                      "specialists by reinforcement learning, merged by on-policy distillation",
                      "  amalgam run configs/quickstart.toml\n  amalgam rl --help\n",
                      {}});
    app_.name("amalgam");
    app_.set_version_flag("--version", std::string("amalgam ") + kVersionAndCommit);
    app_.add_flag("--config-reference", print_reference_, "print docs/CONFIG.md: every config key");
    app_.add_flag("--metrics-reference", print_metrics_,
                  "print docs/METRICS.md: every name in metrics.jsonl");
    app_.add_flag("--verifiers-reference", print_verifiers_,
                  "print the tables of docs/REWARDS.md: every verifier and data set");
    app_.add_flag("--verl-names", print_verl_names_,
                  "print the table of docs/COMING_FROM_VERL.md: which keys verl's are");
    app_.add_flag("--trl-names", print_trl_names_,
                  "the same of docs/COMING_FROM_TRL.md, for TRL's");
    app_.add_option("--write-manual", manual_dir_,
                    "write manual pages and completions for bash and zsh into this folder");
    app_.footer("`amalgam COMMAND --help` shows a command's options and examples.");
  }

  // A word before the names of a family of commands: `amalgam sandbox run`.
  CLI::App* group(const char* name, const char* summary, const char* examples) {
    CLI::App* app = app_.add_subcommand(name, summary);
    app->require_subcommand(1);
    app->footer(std::string("Examples:\n") + examples);
    pages_.push_back({name, summary, examples, {}});
    return app;
  }

  template <class Options>
  CLI::App* add(int (*command_main)(const Options&), CLI::App* family = nullptr) {
    CLI::App* command =
        (family ? family : &app_)->add_subcommand(Options::kName, Options::kSummary);
    command->footer(std::string("Examples:\n") + Options::kExamples);
    const auto options = std::make_shared<Options>();
    Cli11Options set(command);
    options->describe(set);
    OptionPages pages;
    Options().describe(pages);
    pages_.push_back({(family ? family->get_name() + " " : "") + Options::kName, Options::kSummary,
                      Options::kExamples, pages.take()});
    command->callback([this, command, options, command_main] {
      if (command->get_subcommands().empty()) chosen_ = [=] { return command_main(*options); };
    });
    return command;
  }

  int run(int argc, const char* const* argv, std::ostream& out) {
    require_known_command(argc, argv);
    try {
      app_.parse(argc, argv);
    } catch (const CLI::Success& help_or_version) {
      return app_.exit(help_or_version, out, out);
    } catch (const CLI::ParseError& e) {
      throw Error(explain(e));
    }
    if (print_reference_) {
      out << configs::config_reference();
      return 0;
    }
    if (print_verifiers_) {
      out << rewards::verifiers_reference();
      return 0;
    }
    if (print_metrics_) {
      out << metrics_reference();
      return 0;
    }
    if (print_verl_names_ || print_trl_names_) {
      out << configs::foreign_reference(print_verl_names_ ? configs::Peer::kVerl
                                                          : configs::Peer::kTrl);
      return 0;
    }
    if (!manual_dir_.empty()) {
      write_manual(pages_, kVersionAndCommit, manual_dir_);
      return 0;
    }
    if (!chosen_) throw Error("no command given; see `amalgam --help`");
    return chosen_();
  }

 private:
  void require_known_command(int argc, const char* const* argv) const {
    std::string path;  // of the family: "", "sandbox "
    const CLI::App* family = &app_;
    for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
      std::vector<std::string> names;
      const CLI::App* found = nullptr;
      for (const CLI::App* command : family->get_subcommands({})) {
        names.push_back(command->get_name());
        if (names.back() == argv[i]) found = command;
      }
      if (names.empty()) return;
      // Beside its commands it does something of its own, with arguments.
      if (!found && family != &app_ && family->get_require_subcommand_min() == 0) return;
      if (!found) {
        const std::string hint = configs::nearest(argv[i], names);
        throw Error("unknown command '" + path + argv[i] + "'; " +
                    (hint.empty() ? "see `amalgam " + path + "--help`"
                                  : "did you mean " + path + hint + "?"));
      }
      path += found->get_name() + " ";
      family = found;
    }
  }

  // "doctor: unknown argument --dri; did you mean --dir?"
  std::string explain(const CLI::ParseError& e) const {
    const CLI::App* parsed = &app_;
    std::string path;
    for (std::vector<CLI::App*> next; !(next = parsed->get_subcommands()).empty();) {
      parsed = next.back();
      path += parsed->get_name() + " ";
    }
    const CLI::App& command = *parsed;
    const std::string prefix = path.empty() ? "" : path.substr(0, path.size() - 1) + ": ";
    const std::string help = "see `amalgam " + path + "--help`";
    const std::vector<std::string> extras = app_.remaining(true);
    if (extras.empty()) return prefix + e.what() + "; " + help;
    std::vector<std::string> names;
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    const std::string hint = configs::nearest(extras[0], names);
    return prefix + "unknown argument " + extras[0] + "; " +
           (hint.empty() ? help : "did you mean " + hint + "?");
  }

  CLI::App app_;
  bool print_reference_ = false, print_metrics_ = false, print_verifiers_ = false,
       print_verl_names_ = false, print_trl_names_ = false;
  std::string manual_dir_;
  std::function<int()> chosen_;
  std::vector<CommandPage> pages_;  // the program's own first
};

}  // namespace

int run_cli(int argc, const char* const* argv, std::ostream& out) {
  Cli cli;
  cli.add(run_run);
  cli.add(run_compare);
  cli.add(run_data_check, cli.add(run_data));
  cli.add(run_init);
  cli.add(run_sft);
  cli.add(run_rl);
  cli.add(run_distill);
  cli.add(run_eval);
  cli.add(run_effort_suggest,
          cli.group("effort", "reasoning effort: what to train its modes with",
                    "  amalgam effort suggest configs/effort.toml --model runs/effort/base \\\n"
                    "      --domain modes\n"));
  CLI::App* const judge =
      cli.group("judge", "answers for people to label, which train and measure a judge",
                "  amalgam judge export runs/rubric --stage rl-joint --limit 40 --out form.jsonl\n"
                "  amalgam judge import form.jsonl --run runs/rubric --out labelled.jsonl\n");
  cli.add(run_judge_export, judge);
  cli.add(run_judge_import, judge);
  cli.add(run_report);
  cli.add(run_samples);
  cli.add(run_generate);
  cli.add(run_score);
  cli.add(run_reward);
  cli.add(run_verify);
  cli.add(run_convert);
  cli.add(run_merge);
  cli.add(run_inspect);
  cli.add(run_tokenize);
  cli.add(run_encode);
  cli.add(run_doctor);
  cli.add(run_worker);
  CLI::App* const sandbox =
      cli.group("sandbox", "run programs isolated from this machine, and measure what that costs",
                "  amalgam sandbox run script.py\n"
                "  amalgam sandbox shell\n"
                "  amalgam sandbox run --detach script.py; amalgam sandbox ps\n"
                "  amalgam sandbox build; amalgam sandbox run --image python script.py\n"
                "  amalgam sandbox run --journal session.journal script.py\n"
                "  amalgam sandbox bench --json\n");
  cli.add(run_sandbox_run, sandbox);
  cli.add(run_sandbox_shell, sandbox);
  cli.add(run_sandbox_ps, sandbox);
  cli.add(run_sandbox_logs, sandbox);
  cli.add(run_sandbox_rm, sandbox);
  cli.add(run_sandbox_build, sandbox);
  cli.add(run_sandbox_images, sandbox);
  cli.add(run_sandbox_replay, sandbox);
  cli.add(run_sandbox_changes, sandbox);
  cli.add(run_sandbox_bench, sandbox);
  cli.add(run_sandbox_serve, sandbox);
  cli.add(run_sandbox_gateway, sandbox);
  cli.add(run_sandbox_agent, sandbox);
  cli.add(run_sandbox_keygen, sandbox);
  return cli.run(argc, argv, out);
}

}  // namespace amalgam::pipeline
