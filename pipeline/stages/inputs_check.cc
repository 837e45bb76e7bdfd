#include "pipeline/stages/inputs_check.h"

#include "pipeline/data/rows.h"
#include "pipeline/workers/domain_tools.h"
#include "rewards/programs/plugin.h"

namespace amalgam::pipeline {

namespace {

// Rows of the user's own that name their tools.
void check_tools(const rollout::ToolRegistry& registry, const configs::DomainConfig& domain,
                 const configs::Path& file) {
  int number = 0;
  for (const Row& row : read_rows(file.string()))
    tools_of(registry, domain, row, file.string() + ": row " + std::to_string(++number));
}

}  // namespace

void check_inputs(const configs::RunConfig& config) {
  const rollout::ToolRegistry registry(load_user_tools(config));
  for (const configs::DomainConfig& d : config.domains) {
    for (const configs::Path* file :
         {&d.train_file, &d.validation_file, &d.heldout_file, &d.sft_file, &d.anneal_file})
      if (!file->empty()) check_tools(registry, d, *file);
    if (!d.reward_file.empty())
      rewards::Plugin({.path = d.reward_file.string(), .function = d.reward_function});
  }
}

}  // namespace amalgam::pipeline
