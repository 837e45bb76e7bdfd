// Which domains a model is trained on, where one table of the config stands for several: those of
// its efforts (configs/run_config.h, resolve).
#pragma once
#include <string>
#include <vector>

#include "configs/run_config.h"

namespace amalgam::pipeline {

using Domains = std::vector<const configs::DomainConfig*>;

// The domain alone, or, where one policy is trained on all efforts, those of its group.
Domains specialist_domains(const configs::RunConfig& config, const configs::DomainConfig& domain);
// "bus-max", or "bus" where one policy is trained on all efforts of bus.
std::string specialist_name(const configs::DomainConfig& domain);
// One domain of each specialist, in the config's order.
Domains one_of_each_specialist(const configs::RunConfig& config);

// For whom a student, and each comparison, is made: one entry a model. "": all domains; else the
// name of a group.
std::vector<std::string> student_groups(const configs::RunConfig& config);
std::string student_group(const configs::RunConfig& config, const configs::DomainConfig& domain);
Domains domains_of(const configs::RunConfig& config, const std::string& student_group);
// "student", "student-bus": its directory in the run, and what its stages are named after.
std::string merged_name(const std::string& model, const std::string& student_group);

// The domain of this name, or those of the group of this name: of one mode where one is given.
// Throws Error that says what there is.
Domains named_domains(const configs::RunConfig& config, const std::string& name,
                      const std::string& effort);

}  // namespace amalgam::pipeline
