// What every command that trains or samples opens first: config, instruction set, lock, store,
// threads. And what it does on Ctrl-C.
#pragma once
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "configs/log/log.h"
#include "kernels/device/thread_pool.h"
#include "pipeline/command_line/config_options.h"
#include "pipeline/command_line/options.h"
#include "pipeline/identity/stage_plan.h"
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
  std::vector<std::string> restart;

  void describe(OptionSet& options);
  configs::RunConfig load() const;  // throws Error
};

// Members are opened in this order and closed in the other.
class RunSession {
 public:
  // Takes the lock of config.run_dir, which is created if it is missing. `functions`: as
  // check_inputs() found them. restart: stages that begin anew.
  RunSession(configs::RunConfig config, InputFacts facts,
             const std::vector<std::string>& restart = {});
  // A directory in which nothing was computed goes again.
  ~RunSession();
  RunContext& context() { return context_; }
  RunStore& store() { return store_; }
  bool has_begun() const { return !store_.stages().empty(); }
  // Adds the wall time since the last call to the run's, and keeps the largest memory of all
  // processes.
  void count_resources();
  // Runs the stage as far as it is not done: run_stage(). The first one writes config.toml.
  void stage(const StagePlan& plan);
  // Runs f, which knows itself what is done, as a stage.
  void stage(const std::string& name, const std::function<void()>& f);

 private:
  bool was_there_;
  RunLock lock_;
  log::RunLog log_;
  RunStore store_;
  kernels::ThreadPool pool_;
  RunContext context_;
  std::set<std::string> anew_;
  double counted_s_;
};

// Calls body(); on Ctrl-C says how to continue and returns kStoppedExit. Then the config's
// on_finish or on_stop, if anything was computed: an answer from the record finishes nothing, and a
// refusal stops nothing.
int run_interruptible(const configs::RunConfig& config, const std::string& how_to_continue,
                      const std::function<int()>& body);

}  // namespace amalgam::pipeline
