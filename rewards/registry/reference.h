// The tables of docs/REWARDS.md.
#pragma once
#include <string>

namespace amalgam::rewards {

// Every verifier with its ground truth, range and arguments; then every data set that is known by
// name, with its verifier, its range with compat = "verl", and what differs from verl's scorer.
std::string verifiers_reference();

}  // namespace amalgam::rewards
