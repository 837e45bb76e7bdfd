#include "pipeline/commands/compare_command.h"

#include <spdlog/fmt/fmt.h>

#include <filesystem>
#include <optional>
#include <sstream>

#include "configs/clock.h"
#include "configs/error.h"
#include "pipeline/commands/report_command.h"
#include "pipeline/report/compare_report.h"
#include "pipeline/run_store/progress.h"
#include "pipeline/stages/disk.h"
#include "pipeline/stages/inputs_check.h"
#include "pipeline/stages/sft.h"
#include "pipeline/stages/whole_run.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;

WantedModels wanted_of(const configs::RunConfig& config, const std::string& methods) {
  WantedModels wanted;
  std::istringstream text(methods);
  for (std::string name; std::getline(text, name, ',');) wanted.names.push_back(name);
  check_wanted(config, wanted);
  return wanted;
}

// Tells how far all seeds together are. Stages that were done before say nothing of the time that
// is left.
class StagesProgress {
 public:
  explicit StagesProgress(int64_t total) : total_(total) {}
  template <class F>
  void run(const std::string& what, const F& stage) {
    if (!has_worked_) progress_.emplace("compare", total_, done_, "stage");
    const auto begin = Clock::now();
    stage();
    has_worked_ = has_worked_ || seconds_since(begin) > 1;
    progress_->update(++done_, what);
  }

 private:
  const int64_t total_;
  int64_t done_ = 0;
  bool has_worked_ = false;
  std::optional<Progress> progress_;
};

}  // namespace

void CompareOptions::describe(OptionSet& options) {
  session.describe(options);
  options.option("--seeds", seeds, "how many, from the config's seed on");
  options.option("--methods", methods,
                 "NAME,NAME: of student and [[compare]] only these; what was scored before stays "
                 "in the table");
  options.flag("--resume", resume, "go on where the command stopped, as it does without this too");
}

int run_compare(const CompareOptions& options) {
  configs::RunConfig config = options.session.load();
  if (options.seeds < 1 || options.seeds > 1000)
    throw Error(fmt::format("--seeds is a number from 1 to 1000, not {}", options.seeds));
  const WantedModels wanted = wanted_of(config, options.methods);
  const std::string dir =
      options.session.config.run_dir.empty() ? config.run_dir + "-compare" : config.run_dir;
  if (fs::exists(dir + "/config.toml"))
    throw Error(dir +
                " holds a run; a comparison has a directory of its own: choose another "
                "--run-dir");
  for (const configs::DomainConfig& d : config.domains)
    require_sets(d, "compare",
                 {.train = d.specialist.empty() || config.distill.steps > 0, .test = true});
  const std::vector<RunPart> parts = parts_of_run(config, wanted);
  check_restarts(parts, options.session.restart);
  config.run_dir = dir;
  return run_interruptible(config, "the same command continues", [&] {
    StagesProgress progress(options.seeds * static_cast<int64_t>(parts.size()));
    for (int64_t i = 0; i < options.seeds; ++i) {
      configs::RunConfig of_seed = config;
      of_seed.seed += i;
      of_seed.run_dir = seed_dir(dir, of_seed.seed);
      InputFacts facts = check_inputs(of_seed);
      announce_disk(of_seed, {.all = true});
      RunSession session(of_seed, std::move(facts), options.session.restart);
      for (const RunPart& part : parts)
        progress.run(fmt::format("seed {}: {}", of_seed.seed, part.stage),
                     [&] { part.run(session); });
      write_run_report(of_seed.run_dir, tokenizer_dir(session.context()));
      write_compare_report(dir);
    }
    report_compare(dir);
    return 0;
  });
}

}  // namespace amalgam::pipeline
