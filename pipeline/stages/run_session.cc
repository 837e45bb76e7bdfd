#include "pipeline/stages/run_session.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "configs/clock.h"
#include "configs/error.h"
#include "kernels/device/isa.h"
#include "model/tensors/durable_file.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/run_store/machine.h"
#include "pipeline/run_store/progress.h"
#include "pipeline/run_store/results.h"

namespace amalgam::pipeline {
namespace {

// What decides the run's bytes; threads, workers, processes, instruction set, recomputation and the
// hosts of sandboxes do not, nor the log, nor whether rows may be bad: without leave to skip them
// none is.
std::string fingerprint(configs::RunConfig c) {
  c.threads = c.workers = 0;
  c.isa = configs::Isa::kAuto;
  c.recompute = configs::Recompute::kNone;
  c.skip_bad_rows = false;
  c.run_dir.clear();
  c.reward.processes = 0;
  for (configs::DomainConfig& d : c.domains) d.reward.processes = 0;
  c.sandbox.gateway.clear();
  c.sandbox.key.clear();
  c.log = {};
  return configs::to_toml(c);
}

}  // namespace

void open_run_dir(const configs::RunConfig& config, bool resume) {
  const std::string path = config.run_dir + "/config.toml";
  if (!std::filesystem::exists(path)) {
    model::write_file_durably(path, configs::to_toml(config));
    return;
  }
  if (!resume)
    throw Error(config.run_dir +
                " holds a run already; add --resume to continue it, or choose another --run-dir");
  const configs::RunConfig before = configs::load_run_config(path);
  if (fingerprint(before) != fingerprint(config))
    throw Error(config.run_dir + " was started with another config (" + path +
                "); resume with that one, or choose another --run-dir");
}

void SessionOptions::describe(OptionSet& options) {
  config.describe(options, Need::kRequired);
  options.option("--threads", threads,
                 "CPU threads; 0 = all cores, -1 = as the config says; changes no result");
  options.option("--workers", workers,
                 "rollout worker processes; -1 = as the config says; changes no result");
  options.option("--isa", isa, "auto, avx2 or avx512; changes no result");
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

RunSession::RunSession(configs::RunConfig config)
    : lock_(config.run_dir),
      log_(config.run_dir, config.log),
      store_(config.run_dir),
      pool_(num_threads(config.threads)),
      context_(std::move(config), store_, pool_),
      counted_s_(steady_seconds()) {
  log::info(log::Part::kRun, "amalgam " AMALGAM_VERSION ", process " + std::to_string(::getpid()) +
                                 ", " + std::to_string(pool_.num_threads()) + " threads");
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

void RunSession::stage(const std::string& name, const std::function<void()>& f) {
  const log::At at(name, -1);
  const auto begin = Clock::now();
  log::info(log::Part::kRun, "begins");
  store_.start_stage(name);
  try {
    f();
  } catch (const std::exception& e) {
    log::error(log::Part::kRun, std::string("failed: ") + e.what());
    store_.end_stage(name, StageState::kFailed);
    throw;
  } catch (const Interrupted&) {
    log::info(log::Part::kRun, "stopped as it was told");
    throw;
  }
  store_.end_stage(name, StageState::kFinished);
  log::info(log::Part::kRun, "ends after " + compact_duration(seconds_since(begin)));
  count_resources();
}

int run_interruptible(const std::string& how_to_continue, const std::function<int()>& body) {
  set_stop_notice("\nstopped; " + how_to_continue + "\n");
  try {
    return body();
  } catch (const Interrupted&) {
    say_stop_notice();
    return kStoppedExit;
  }
}

}  // namespace amalgam::pipeline
