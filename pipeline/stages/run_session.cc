#include "pipeline/stages/run_session.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "configs/clock.h"
#include "configs/error.h"
#include "configs/version.h"
#include "kernels/device/isa.h"
#include "pipeline/run_store/hooks.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/run_store/machine.h"
#include "pipeline/run_store/progress.h"
#include "pipeline/run_store/results.h"
#include "pipeline/stages/run_dirs.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;

// Whether there is nothing but what every start makes.
bool is_empty_run(const std::string& run_dir) {
  for (const auto& entry : fs::recursive_directory_iterator(run_dir)) {
    if (entry.is_directory()) continue;
    const std::string name = fs::relative(entry.path(), run_dir).string();
    if (name != "lock" && name != "config.toml" && name != "target" && name != "log.txt" &&
        !name.starts_with("run.sqlite"))
      return false;
  }
  return true;
}

// What it scored may not be what is there now.
void reopen_evaluation(RunStore* store) {
  for (const StageRow& row : store->stages())
    if (row.name == kEvaluation) store->start_stage(kEvaluation);
}

// Runs f, and logs how a stage begins and ends.
void log_stage(const std::function<void()>& f) {
  const auto begin = Clock::now();
  log::info(log::Part::kRun, "begins");
  try {
    f();
  } catch (const std::exception& e) {
    log::error(log::Part::kRun, std::string("failed: ") + e.what());
    throw;
  } catch (const Interrupted&) {
    log::info(log::Part::kRun, "stopped as it was told");
    throw;
  }
  log::info(log::Part::kRun, "ends after " + compact_duration(seconds_since(begin)));
}

}  // namespace

void SessionOptions::describe(OptionSet& options) {
  config.describe(options, Need::kRequired);
  options.option("--threads", threads,
                 "CPU threads; 0 = all cores, -1 = as the config says; changes no result");
  options.option("--workers", workers,
                 "rollout worker processes; -1 = as the config says; changes no result");
  options.option("--isa", isa, "auto, avx2 or avx512; changes no result");
  options.option("--restart", restart,
                 "stages that begin anew, and with them what was made from them; for example "
                 "distill");
  options.option("--log-level", log_level,
                 "debug, info, warning, error or critical; PART=LEVEL for one part, as in "
                 "info,sandbox=debug; changes no result");
  options.flag("--skip-bad-rows", skip_bad_rows,
               "leave out and count rows that cannot be used, instead of refusing to start");
}

configs::RunConfig SessionOptions::load() const {
  configs::RunConfig c = config.load();
  if (threads >= 0) c.threads = threads;
  if (workers >= 0) c.workers = workers;
  if (skip_bad_rows) c.skip_bad_rows = true;
  if (!log_level.empty()) c.log.level = log_level;
  try {
    log::set_levels(log::Levels(c.log.level));
  } catch (const Error& e) {
    throw Error(std::string("--log-level: ") + e.what());
  }
  if (!isa.empty()) {
    const auto names = configs::names_of(c.isa);
    const auto it = std::find(names.begin(), names.end(), isa);
    if (it == names.end()) throw Error("--isa is auto, avx2 or avx512, not '" + isa + "'");
    c.isa = static_cast<configs::Isa>(it - names.begin());
  }
  kernels::select_isa(configs::name_of(c.isa));
  return c;
}

RunSession::RunSession(configs::RunConfig config, InputFacts facts,
                       const std::vector<std::string>& restart)
    : was_there_(fs::exists(config.run_dir)),
      lock_(config.run_dir),
      log_(config.run_dir, config.log),
      store_(config.run_dir),
      pool_(num_threads(config.threads)),
      context_(std::move(config), std::move(facts), store_, pool_),
      anew_(restart.begin(), restart.end()),
      counted_s_(steady_seconds()) {
  log::info(log::Part::kRun, std::string("amalgam ") + kVersionAndCommit + ", process " +
                                 std::to_string(::getpid()) + ", " +
                                 std::to_string(pool_.num_threads()) + " threads");
}

RunSession::~RunSession() {
  try {
    if (!was_there_ && store_.evals().empty() && is_empty_run(context_.run_dir))
      fs::remove_all(context_.run_dir);
  } catch (const std::exception& e) {  // what it holds stays
    log::info(log::Part::kRun, std::string("the run directory was not looked at: ") + e.what());
  }
}

void RunSession::count_resources() {
  const double now = steady_seconds();
  store_.add_figure(RunStore::kRun, kWallFigure, now - counted_s_);
  counted_s_ = now;
  rusage self{}, children{};
  getrusage(RUSAGE_SELF, &self);
  getrusage(RUSAGE_CHILDREN, &children);
  double bytes = 1024.0 * static_cast<double>(self.ru_maxrss + children.ru_maxrss);
  for (const auto& [name, value] : store_.figures(RunStore::kRun))
    if (name.starts_with("worker_peak_rss_bytes/")) bytes += value;
  store_.max_figure(RunStore::kRun, kPeakRssFigure, bytes);
}

void RunSession::stage(const StagePlan& plan) {
  const log::At at(plan.name, -1);
  StagePlan told = plan;
  told.run = [&] {
    reopen_evaluation(&store_);
    record_config(context_.config);
    begin_work();
    log_stage(plan.run);
  };
  if (run_stage(told, &anew_, store_, context_.digests()) == StageOutcome::kWasDone)
    log::say(log::Part::kRun, plan.name + ": done before, and nothing that it read has changed");
  if (context_.config.keep_trajectories == configs::KeepTrajectories::kScored)
    for (const std::string& stage : training_sample_stages(context_.run_dir, plan.name)) {
      store_.forget_offsets(stage);
      fs::remove(trajectory_log_path(context_.run_dir, stage));
    }
  count_resources();
}

void RunSession::stage(const std::string& name, const std::function<void()>& f) {
  const log::At at(name, -1);
  store_.start_stage(name);
  record_config(context_.config);
  try {
    log_stage(f);
  } catch (const std::exception&) {
    store_.end_stage(name, StageState::kFailed);
    throw;
  }
  store_.end_stage(name, StageState::kFinished);
  count_resources();
}

int run_interruptible(const configs::RunConfig& config, const std::string& how_to_continue,
                      const std::function<int()>& body) {
  set_stop_notice("\nstopped; " + how_to_continue + "\n");
  const Hook stopped(config.on_stop, config.run_dir, RunEnd::kStopped, how_to_continue);
  set_stop_hook(&stopped);
  const auto end = [&](const std::string& command, RunEnd how, const std::string& message) {
    set_stop_hook(nullptr);
    if (has_begun_work()) Hook(command, config.run_dir, how, message).run_and_warn();
  };
  try {
    const int status = body();
    end(config.on_finish, RunEnd::kFinished, "");
    return status;
  } catch (const Interrupted&) {
    say_stop_notice();
    if (const Hook* hook = take_stop_hook()) hook->run_and_warn();
    set_stop_hook(nullptr);
    return kStoppedExit;
  } catch (const std::exception& e) {
    end(config.on_stop, RunEnd::kFailed, e.what());
    throw;
  }
}

}  // namespace amalgam::pipeline
