// The report: one self-contained RUN/report.html (no external resource, opens offline, light and
// dark), and RUN/results.json beside it.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "pipeline/run_store/results.h"

namespace amalgam::pipeline {

// The text (any bytes) of one token. Called for ids that the tokenizer produced.
using TokenText = std::function<std::string(int32_t id)>;

// Reads the run store, the trajectory logs and config.toml of `run_dir` and writes both files. A
// run that is unfinished, or still writing, gives a report of what is there. Returns the results;
// print results_text() of them to close a run. Error when the directory is no run or cannot be
// written.
Results write_report(const std::string& run_dir, const TokenText& token_text);

}  // namespace amalgam::pipeline
