// Others' numbers for the losses: the cases of tests/golden/losses/dev.json, or of the file of the
// same layout that AMALGAM_LOSS_VECTORS names (README.md beside dev.json says what they mean). A
// test computes a case with the functions that a training step calls, or says that the product has
// no such objective; here it is compared and counted.
#pragma once
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace amalgam::tests {

using Json = nlohmann::json;

// What was computed for a case: fields of its `expected`, row after row.
struct Computed {
  std::map<std::string, std::vector<double>> fields;
  // By a kernel in f32: errors are at most 1e-5 of a field's largest value, not the file's
  // tolerance.
  bool in_f32 = false;
};

void flatten(const Json& x, std::vector<double>& into);

// Whether `config` has no key but these: what a test does not know it cannot compute.
bool has_only(const Json& config, const std::set<std::string>& keys);

// Computes the cases of the kinds that `takes` accepts and fails for each that is not as expected;
// `compute` returns nothing where the product has no such objective: skipped by name. `supported`:
// the names that it has, held against the committed file so that none is skipped by mistake.
void check_loss_vectors(
    const std::function<bool(const std::string& kind)>& takes,
    const std::function<std::optional<Computed>(const Json& c, const Json& data)>& compute,
    const std::set<std::string>& supported);

}  // namespace amalgam::tests
