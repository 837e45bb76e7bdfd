// What a merging of weights is to do, in the words of `amalgam merge` and [[compare]].
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::distill {

enum class MergeMethod {
  kLinear,  // also called "mean"
  kSlerp,
  kTaskArithmetic,
  kTies,
  kMagnitudePrune,
  kDare,
  kDareTies,
  kBreadcrumbs,
  kBreadcrumbsTies,
  kDella,
  kDellaLinear
};
// Whose definition is followed where they differ (docs/MERGING.md has the table). kDefault: ties as
// mergekit; dare with 1 / density; dare_ties with 1 / density, a weighted vote and no divisor.
enum class MergeReading { kDefault, kMergekit, kPeft, kAuthors, kMergeLm };
enum class Rescale { kNone, kDensity, kL1 };
enum class Vote { kWeightedSum, kSum, kCount };

// Throw Error, naming all there are, for another name.
MergeMethod merge_method(std::string_view name);
MergeReading merge_reading(std::string_view name);
const char* name_of(MergeMethod method);
bool drops(MergeMethod method);  // parts of the deltas
const char* name_of(MergeReading reading);

// What is absent has the default of the method's reading; what the method does not use must be
// absent.
struct MergeSpec {
  MergeMethod method = MergeMethod::kLinear;
  MergeReading reading = MergeReading::kDefault;

  // Hugging Face directories. The base gives names, types and shapes of the result, and its config.
  // linear: may be empty (the first model's then). slerp: one of the two ends, `models` the other.
  std::string base = {};
  struct Input {
    std::string directory = {};
    double weight = 1;
  };
  std::vector<Input> models = {};
  std::string out = {};

  std::vector<double> density = {};  // share of a delta that stays: one for all, or one a model
  std::optional<double> lambda = {}, gamma = {}, epsilon = {}, t = {}, drop_rate = {};
  std::optional<bool> normalize = {};
  std::optional<Rescale> rescale = {};
  std::optional<Vote> vote = {};
  std::optional<uint64_t> seed = {};  // of the masks
};

}  // namespace amalgam::distill
