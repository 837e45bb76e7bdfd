// The sections of the report, each as an HTML fragment. All text from outside is escaped here.
#pragma once
#include <optional>
#include <string>

#include "configs/run_config.h"
#include "pipeline/report/report.h"
#include "pipeline/run_store/run_store.h"

namespace amalgam::pipeline {

// "weight average" for "weight_average".
std::string model_label(std::string model);

// Head figures; scores with their standard errors as plot and table; how many candidates each model
// was chosen from, and what the candidates scored.
std::string figures_section(const Results& results);
// Null: config.toml is missing or of another version.
std::string results_section(const Results& results, const configs::RunConfig* config);
// Accuracy and length by reasoning effort, of the domains that have modes.
std::string efforts_section(const Results& results);
// Score against audit, of the stages that have one; empty if none has.
std::string audits_section(const std::string& run_dir, const RunStore& store,
                           const TokenText& token_text);
// Judges' scores and agreement; empty if no domain has a judge.
std::string judges_section(const Results& results, const RunStore& store);
std::string choices_section(const Results& results, const RunStore& store);

// One row per stage: state, steps, time split, largest difference between rollout and learner; and
// the curves.
std::string stages_section(const RunStore& store);
std::string curves_section(const RunStore& store);
// Failed attempts and samples left out, by stage and kind; empty if there are none.
std::string failures_section(const RunStore& store);

// What each stage left out of its sets; empty if nothing was.
std::string left_out_section(const RunStore& store);

std::string workers_section(const RunStore& store);
std::string config_section(const std::string& run_dir);

// What the base has seen, said openly. Null as above.
std::string base_statement(const configs::RunConfig* config);

// Ten trajectories per domain, spread evenly over the run.
std::string samples_section(const std::string& run_dir, const RunStore& store,
                            const TokenText& token_text);

}  // namespace amalgam::pipeline
