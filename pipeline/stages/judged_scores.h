// Scores of prompts whose domain has a judge, and no function that audits it: what the judge says.
#pragma once
#include <vector>

#include "pipeline/stages/sampling.h"

namespace amalgam::pipeline {

// Whether a judge says how good answers are: the domain has one and no function.
bool is_scored_by_judge(const configs::DomainConfig& domain);
// Marks their groups: workers do not score them.
void leave_to_judge(const configs::RunConfig& config, std::vector<proto::SampleGroup>* groups);
// Judges them with the weights that wrote them, or those that the config names; the records in
// `log` then have rewards too.
void score_by_judge(RunContext& run, const std::string& stage, int64_t step,
                    const proto::WeightsRef& weights, double temperature,
                    const std::vector<PromptRow>& prompts, TrajectoryLog& log,
                    std::vector<proto::Trajectory>* samples);

}  // namespace amalgam::pipeline
