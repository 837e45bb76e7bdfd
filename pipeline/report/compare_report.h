// The report of `amalgam compare`: report.html and results.json of its directory.
#pragma once
#include <string>

#include "pipeline/report/compare_results.h"

namespace amalgam::pipeline {

// Tables with standard errors, score against student tokens, what each domain loses, and costs.
std::string compare_section(const CompareResults& results);

// Gathers the seeds in DIR and writes both files. Returns the results; print compare_text() of them
// to close the command.
CompareResults write_compare_report(const std::string& dir);

}  // namespace amalgam::pipeline
