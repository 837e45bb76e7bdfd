#include "pipeline/commands/report_command.h"

#include <cstdio>
#include <filesystem>

#include "model/tokenizer/tokenizer.h"
#include "pipeline/report/compare_report.h"
#include "pipeline/report/report.h"
#include "pipeline/stages/run_dirs.h"

namespace amalgam::pipeline {

void ReportOptions::describe(OptionSet& options) {
  options.option("run-dir", run_dir, "directory of the run", Need::kRequired);
}

Results write_run_report(const std::string& run_dir, const std::string& tokenizer_dir) {
  const model::Tokenizer tokenizer = model::Tokenizer::load(tokenizer_dir);
  return write_report(run_dir, [&](int32_t id) { return std::string(tokenizer.token_bytes(id)); });
}

void report_run(const std::string& run_dir, const RunStore& store,
                const std::string& tokenizer_dir) {
  const Results results = write_run_report(run_dir, tokenizer_dir);
  std::printf("%s\n", results_text(results).c_str());
  const double visible = store.figure(RunStore::kRun, "index_visible").value_or(0);
  if (visible > 0)
    std::printf(
        "indexer: left out %.0f %% of the visible compressed entries on held-out rollouts\n",
        100 * (1 - store.figure(RunStore::kRun, "index_selected").value_or(0) / visible));
  const double compared = store.figure(RunStore::kRun, "index_compared").value_or(0);
  if (compared > 0)
    std::printf("indexer: bf16 scores chose %.2f %% of what f32 scores choose\n",
                100 * store.figure(RunStore::kRun, "index_agreed").value_or(0) / compared);
  std::printf("report: %s/report.html\n", run_dir.c_str());
  if (std::filesystem::exists(run_dir + "/tb"))
    std::printf("curves: tensorboard --logdir %s/tb\n", run_dir.c_str());
}

void report_compare(const std::string& dir) {
  std::printf("%s", compare_text(write_compare_report(dir)).c_str());
  std::printf("report: %s/report.html\n", dir.c_str());
}

int run_report(const ReportOptions& options) {
  if (is_compare_dir(options.run_dir)) {
    report_compare(options.run_dir);
    return 0;
  }
  const configs::RunConfig config = recorded_config(options.run_dir);
  report_run(config.run_dir, RunStore(config.run_dir, Access::kReadOnly), tokenizer_dir(config));
  return 0;
}

}  // namespace amalgam::pipeline
