// The stages of `amalgam run` and `amalgam compare`, in their order: base, specialists, student,
// comparisons, evaluation.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "pipeline/stages/run_session.h"

namespace amalgam::pipeline {

// The models made of specialists that a command is asked for, by their names in tables; empty: all
// of the config. Base and specialists are what the others are made of, and always there.
struct WantedModels {
  std::vector<std::string> names = {};
  bool has(const std::string& name) const;
};
// Throws Error for a name that the config does not have, saying those that it has.
void check_wanted(const configs::RunConfig& config, const WantedModels& wanted);

struct RunPart {
  std::string stage;
  std::function<void(RunSession&)> run;
};
// All but the evaluation can begin anew (--restart).
std::vector<RunPart> parts_of_run(const configs::RunConfig& config,
                                  const WantedModels& wanted = {});
// Throws Error for a name that is no stage of the run.
void check_restarts(const std::vector<RunPart>& parts, const std::vector<std::string>& restart);

}  // namespace amalgam::pipeline
