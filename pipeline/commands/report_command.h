// `amalgam report`: writes a run's report again, also while the run goes on.
#pragma once
#include <string>

#include "pipeline/command_line/options.h"
#include "pipeline/run_store/results.h"
#include "pipeline/run_store/run_store.h"

namespace amalgam::pipeline {

struct ReportOptions {
  static constexpr const char* kName = "report";
  static constexpr const char* kSummary =
      "write report.html and results.json of a run or a comparison";
  static constexpr const char* kExamples =
      "  amalgam report runs/quickstart\n"
      "  amalgam report runs/quickstart-compare\n";

  std::string run_dir;
  void describe(OptionSet& options);
};

int run_report(const ReportOptions& options);

Results write_run_report(const std::string& run_dir, const std::string& tokenizer_dir);
// Writes the report and prints the closing table.
void report_run(const std::string& run_dir, const RunStore& store,
                const std::string& tokenizer_dir);
// The same of a directory of `amalgam compare`.
void report_compare(const std::string& dir);

}  // namespace amalgam::pipeline
