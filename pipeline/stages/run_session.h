// What every command that trains or samples opens first: config, instruction set, lock, store,
// threads. And what it does on Ctrl-C.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "configs/log/log.h"
#include "kernels/device/thread_pool.h"
#include "pipeline/command_line/config_options.h"
#include "pipeline/command_line/options.h"
#include "pipeline/run_store/run_lock.h"
#include "pipeline/run_store/run_store.h"
#include "pipeline/stages/run_context.h"

namespace amalgam::pipeline {

struct SessionOptions {
  ConfigOptions config;
  int64_t threads = -1, workers = -1;  // -1: as the config says
  std::string isa;                     // empty: as the config says
  std::string log_level;               // empty: as the config says
  bool skip_bad_rows = false;

  void describe(OptionSet& options);
  configs::RunConfig load() const;  // throws Error
};

// Members are opened in this order and closed in the other.
class RunSession {
 public:
  // Takes the lock of config.run_dir, which is created if it is missing.
  explicit RunSession(configs::RunConfig config);
  RunContext& context() { return context_; }
  RunStore& store() { return store_; }
  // Adds the wall time since the last call to the run's, and keeps the largest memory of all
  // processes.
  void count_resources();
  // Runs f as a stage of the store: started, finished or failed.
  void stage(const std::string& name, const std::function<void()>& f);

 private:
  RunLock lock_;
  log::RunLog log_;
  RunStore store_;
  kernels::ThreadPool pool_;
  RunContext context_;
  double counted_s_;
};

// Writes config.toml into a fresh run directory; one that holds a run of this config may be
// continued if `resume` says so. Throws Error otherwise.
void open_run_dir(const configs::RunConfig& config, bool resume);

// Calls body(); on Ctrl-C says how to continue and returns kStoppedExit.
int run_interruptible(const std::string& how_to_continue, const std::function<int()>& body);

}  // namespace amalgam::pipeline
