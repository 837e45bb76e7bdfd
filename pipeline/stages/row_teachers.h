// Teachers of a prompt: what its row says goes before what its domain says.
#pragma once
#include <optional>

#include "configs/run_config.h"
#include "pipeline/data/rows.h"

namespace amalgam::pipeline {

// Weights by teacher as `extra_info.teachers` gives them, names as RunConfig::find_teacher; nothing
// where the row has none. Throws Error, in one line without the row's place, where they cannot be
// used.
std::optional<configs::Weights> row_teachers(const configs::RunConfig& config,
                                             const configs::DomainConfig& domain, const Row& row);

// The domain's row of distill.teachers; without one, its own specialist.
configs::Weights domain_teachers(const configs::RunConfig& config,
                                 const configs::DomainConfig& domain);

}  // namespace amalgam::pipeline
