// What each stage of a run, and each command with one stage, reads and makes.
#pragma once
#include <string>

#include "pipeline/identity/stage_plan.h"
#include "pipeline/stages/distill.h"
#include "pipeline/stages/rl.h"
#include "pipeline/stages/run_context.h"

namespace amalgam::pipeline {

// Of `amalgam run`. A plan is made when its turn has come: what earlier stages make is there then.
StagePlan base_plan(RunContext& run);
// Of the specialist that the domain has, alone or with others (specialist_domains).
StagePlan specialist_plan(RunContext& run, const configs::DomainConfig& domain);
// `student_group`: one of student_groups().
StagePlan student_plan(RunContext& run, const std::string& student_group);
StagePlan comparison_plan(RunContext& run, const configs::CompareConfig& compare,
                          const std::string& student_group);

// Of the commands that make one model from others.
StagePlan sft_plan(RunContext& run, const configs::DomainConfig& domain,
                   const std::string& start_dir, const std::string& out_dir);
StagePlan rl_plan(RunContext& run, const configs::DomainConfig& domain, const RlJob& job);
StagePlan distill_plan(RunContext& run, const DistillJob& job);

}  // namespace amalgam::pipeline
