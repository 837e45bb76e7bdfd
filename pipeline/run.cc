#include "pipeline/run.h"

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <filesystem>

#include "configs/error.h"
#include "kernels/isa.h"
#include "model/durable_file.h"
#include "pipeline/interrupt.h"
#include "pipeline/machine.h"
#include "pipeline/report.h"
#include "pipeline/run_lock.h"
#include "pipeline/stage_distill.h"
#include "pipeline/stage_eval.h"
#include "pipeline/stage_rl.h"
#include "pipeline/stage_sft.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

configs::RunConfig load_config(const RunOptions& o) {
  configs::RunConfig c = o.config.load();
  if (o.threads >= 0) c.threads = o.threads;
  if (o.workers >= 0) c.workers = o.workers;
  if (!o.isa.empty()) {
    const auto names = configs::names_of(c.isa);
    const auto it = std::find(names.begin(), names.end(), o.isa);
    if (it == names.end()) throw Error("--isa is auto, avx2 or avx512, not '" + o.isa + "'");
    c.isa = static_cast<configs::Isa>(it - names.begin());
  }
  return c;
}

// What decides the run's bytes; threads, workers and instruction set do not.
std::string fingerprint(configs::RunConfig c) {
  c.threads = c.workers = 0;
  c.isa = configs::Isa::kAuto;
  c.run_dir.clear();
  return configs::to_toml(c);
}

// A fresh directory, or one that this config was run in and that --resume may continue.
void open_run_dir(const configs::RunConfig& config, bool resume) {
  const std::string path = config.run_dir + "/config.toml";
  if (!fs::exists(path)) {
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

// Upper bound of what a run keeps at one time, from the number of parameters: a training state has
// two slots of parameters and two moments, and the models stay.
void announce_disk(const configs::RunConfig& config) {
  const configs::ModelSpec& m = config.model;
  const double experts = static_cast<double>(m.n_routed_experts + m.n_shared_experts) * 3 *
                         static_cast<double>(m.hidden_size * m.moe_intermediate_size);
  const double attention =
      static_cast<double>(m.hidden_size * (m.q_lora_rank + 5 * m.head_dim) +
                          2 * m.q_lora_rank * m.num_attention_heads * m.head_dim +
                          12 * m.hc_mult * m.hc_mult * m.hidden_size);
  const double parameters = static_cast<double>(m.layer_types.size()) * (experts + attention) +
                            2 * static_cast<double>(config.tokenizer.vocab_size * m.hidden_size);
  const double models = static_cast<double>(config.domains.size()) + 6;
  const double bytes = 4 * parameters * (6 + models) + 100e6;
  const double free_bytes = static_cast<double>(free_disk_bytes(config.run_dir));
  std::fprintf(stderr, "run directory %s: needs about %.1f GB of disk, %.1f GB are free\n",
               config.run_dir.c_str(), bytes / 1e9, free_bytes / 1e9);
  if (free_bytes < bytes)
    throw Error("not enough disk space for " + config.run_dir +
                "; free some or choose another --run-dir");
}

void record_peak_memory(RunStore& store) {
  rusage self{}, children{};
  getrusage(RUSAGE_SELF, &self);
  getrusage(RUSAGE_CHILDREN, &children);
  double bytes = 1024.0 * static_cast<double>(self.ru_maxrss + children.ru_maxrss);
  for (const auto& [name, value] : store.figures(RunStore::kRun))
    if (name.starts_with("worker_peak_rss_bytes/")) bytes += value;
  store.max_figure(RunStore::kRun, kPeakRssFigure, bytes);
}

template <class F>
void stage(RunStore& store, const std::string& name, const F& f) {
  store.start_stage(name);
  try {
    f();
  } catch (const Error&) {
    store.end_stage(name, StageState::kFailed);
    throw;
  }
  store.end_stage(name, StageState::kFinished);
}

}  // namespace

void RunOptions::describe(OptionSet& options) {
  config.describe(options, Need::kRequired);
  options.option("--threads", threads, "CPU threads, instead of the config's; changes no result");
  options.option("--workers", workers, "rollout worker processes; changes no result");
  options.option("--isa", isa, "auto, avx2 or avx512; changes no result");
  options.flag("--resume", resume, "continue an interrupted run; harmless on a finished one");
}

int run_run(const RunOptions& options) {
  const configs::RunConfig config = load_config(options);
  kernels::select_isa(configs::names_of(config.isa)[static_cast<size_t>(config.isa)]);
  announce_disk(config);
  const RunLock lock(config.run_dir);
  open_run_dir(config, options.resume);
  RunStore store(config.run_dir);
  kernels::ThreadPool pool(num_threads(config.threads));
  RunContext run(config, store, pool);

  const auto begin = Clock::now();
  double counted = 0;
  // Wall time adds up over interruptions.
  const auto count_time = [&] {
    const double now = std::chrono::duration<double>(Clock::now() - begin).count();
    store.add_figure(RunStore::kRun, kWallFigure, now - counted);
    counted = now;
    record_peak_memory(store);
  };
  try {
    stage(store, "base", [&] { run_base_stage(run); });
    count_time();
    for (const configs::DomainConfig& d : config.domains) {
      stage(store, "rl-" + d.name, [&] { run_specialist_stage(run, d); });
      count_time();
    }
    stage(store, "weight_average", [&] { run_weight_average_stage(run); });
    stage(store, "distill", [&] { run_distill_stage(run); });
    count_time();
    stage(store, "eval", [&] { run_eval_stage(run); });
    count_time();
  } catch (const Interrupted&) {
    count_time();
    std::fprintf(stderr, "\nstopped; continue with: amalgam run %s --run-dir %s --resume\n",
                 options.config.config.c_str(), config.run_dir.c_str());
    return kInterruptedExit;
  }
  const model::Tokenizer tokenizer = model::Tokenizer::load(tokenizer_dir(run));
  const Results results = write_report(
      config.run_dir, [&](int32_t id) { return std::string(tokenizer.token_bytes(id)); });
  std::printf("%s\n", results_text(results).c_str());
  const double visible = store.figure(RunStore::kRun, "index_visible").value_or(0);
  if (visible > 0)
    std::printf(
        "indexer: left out %.0f %% of the visible compressed entries on held-out rollouts\n",
        100 * (1 - store.figure(RunStore::kRun, "index_selected").value_or(0) / visible));
  std::printf("report: %s/report.html\ncurves: tensorboard --logdir %s/tb\n",
              config.run_dir.c_str(), config.run_dir.c_str());
  return 0;
}

}  // namespace amalgam::pipeline
