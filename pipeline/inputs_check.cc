#include "pipeline/inputs_check.h"

#include "pipeline/data_rows.h"
#include "rewards/plugin.h"

namespace amalgam::pipeline {

void check_inputs(const configs::RunConfig& config) {
  for (const configs::DomainConfig& d : config.domains) {
    for (const configs::Path* file : {&d.train_file, &d.heldout_file, &d.sft_file})
      if (!file->empty()) read_rows(file->string());
    if (!d.reward_file.empty())
      rewards::Plugin({.path = d.reward_file.string(), .function = d.reward_function});
  }
}

}  // namespace amalgam::pipeline
