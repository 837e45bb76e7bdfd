// Which verifier scores the rows of data sets that people know: docs/REWARDS.md.
#pragma once
#include <string>
#include <vector>

namespace amalgam::rewards {

struct DataSource {
  const char* name;  // of reward rows' data_source; with a * at its end, of all that begin so
  const char* verifier;
  const char* verl_arguments;     // JSON: with compat = "verl"
  double verl_wrong, verl_right;  // what its scores 0 and 1 are then
  const char* difference;         // on purpose, from verl's scorer; "": verl has none
};

const std::vector<DataSource>& data_sources();
const DataSource* find_data_source(const std::string& name);  // null: not known

}  // namespace amalgam::rewards
