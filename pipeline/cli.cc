#include "pipeline/cli.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <ostream>

#include "configs/error.h"
#include "configs/load.h"
#include "configs/suggest.h"
#include "pipeline/data.h"
#include "pipeline/doctor.h"
#include "pipeline/encode.h"
#include "pipeline/generate.h"
#include "pipeline/init.h"
#include "pipeline/inspect.h"
#include "pipeline/report_command.h"
#include "pipeline/run.h"
#include "pipeline/score.h"
#include "pipeline/tokenize.h"
#include "pipeline/train_commands.h"
#include "pipeline/verify.h"
#include "pipeline/worker.h"

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

 private:
  CLI::App* app_;
};

class Cli {
 public:
  Cli()
      : app_("Amalgam: specialists by reinforcement learning, merged by on-policy distillation.") {
    app_.name("amalgam");
    app_.set_version_flag("--version", "amalgam " AMALGAM_VERSION);
    app_.add_flag("--config-reference", print_reference_, "print docs/CONFIG.md: every config key");
    app_.footer("`amalgam COMMAND --help` shows a command's options and examples.");
  }

  template <class Options>
  void add(int (*command_main)(const Options&)) {
    CLI::App* command = app_.add_subcommand(Options::kName, Options::kSummary);
    command->footer(std::string("Examples:\n") + Options::kExamples);
    const auto options = std::make_shared<Options>();
    Cli11Options set(command);
    options->describe(set);
    command->callback(
        [this, options, command_main] { chosen_ = [=] { return command_main(*options); }; });
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
    if (!chosen_) throw Error("no command given; see `amalgam --help`");
    return chosen_();
  }

 private:
  void require_known_command(int argc, const char* const* argv) const {
    if (argc < 2 || argv[1][0] == '-') return;
    std::vector<std::string> names;
    for (const CLI::App* command : app_.get_subcommands({})) names.push_back(command->get_name());
    for (const std::string& name : names) {
      if (name == argv[1]) return;
    }
    const std::string hint = configs::nearest(argv[1], names);
    throw Error("unknown command '" + std::string(argv[1]) + "'; " +
                (hint.empty() ? "see `amalgam --help`" : "did you mean " + hint + "?"));
  }

  // "doctor: unknown argument --dri; did you mean --dir?"
  std::string explain(const CLI::ParseError& e) const {
    const std::vector<CLI::App*> parsed = app_.get_subcommands();
    const CLI::App& command = parsed.empty() ? app_ : *parsed.back();
    const std::string prefix = parsed.empty() ? "" : command.get_name() + ": ";
    const std::string help =
        "see `amalgam " + (parsed.empty() ? "" : command.get_name() + " ") + "--help`";
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
  bool print_reference_ = false;
  std::function<int()> chosen_;
};

}  // namespace

int run_cli(int argc, const char* const* argv, std::ostream& out) {
  Cli cli;
  cli.add(run_run);
  cli.add(run_data);
  cli.add(run_init);
  cli.add(run_sft);
  cli.add(run_rl);
  cli.add(run_distill);
  cli.add(run_eval);
  cli.add(run_report);
  cli.add(run_generate);
  cli.add(run_score);
  cli.add(run_verify);
  cli.add(run_inspect);
  cli.add(run_tokenize);
  cli.add(run_encode);
  cli.add(run_doctor);
  cli.add(run_worker);
  return cli.run(argc, argv, out);
}

}  // namespace amalgam::pipeline
