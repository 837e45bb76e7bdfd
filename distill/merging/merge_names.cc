#include <array>

#include "configs/error.h"
#include "configs/printable.h"
#include "distill/merging/merge_spec.h"

namespace amalgam::distill {
namespace {

template <class T>
struct Name {
  const char* name;
  T value;
};

// The first name of a value is the one that is shown.
constexpr std::array<Name<MergeMethod>, 13> kMethods{{
    {"linear", MergeMethod::kLinear},
    {"mean", MergeMethod::kLinear},
    {"slerp", MergeMethod::kSlerp},
    {"task_arithmetic", MergeMethod::kTaskArithmetic},
    {"ties", MergeMethod::kTies},
    {"magnitude_prune", MergeMethod::kMagnitudePrune},
    {"dare", MergeMethod::kDare},
    {"dare_linear", MergeMethod::kDare},
    {"dare_ties", MergeMethod::kDareTies},
    {"breadcrumbs", MergeMethod::kBreadcrumbs},
    {"breadcrumbs_ties", MergeMethod::kBreadcrumbsTies},
    {"della", MergeMethod::kDella},
    {"della_linear", MergeMethod::kDellaLinear},
}};
constexpr std::array<Name<MergeReading>, 6> kReadings{{
    {"default", MergeReading::kDefault},
    {"mergekit", MergeReading::kMergekit},
    {"peft", MergeReading::kPeft},
    {"authors", MergeReading::kAuthors},
    {"mergelm", MergeReading::kMergeLm},
    {"MergeLM", MergeReading::kMergeLm},
}};

template <class T, size_t n>
T find(const std::array<Name<T>, n>& names, std::string_view wanted, const char* what) {
  std::string all;
  for (const Name<T>& name : names) {
    if (wanted == name.name) return name.value;
    all += (all.empty() ? "" : ", ") + std::string(name.name);
  }
  throw Error("unknown " + std::string(what) + " '" + printable(std::string(wanted)) +
              "'; there are " + all);
}

template <class T, size_t n>
const char* first_name(const std::array<Name<T>, n>& names, T value) {
  for (const Name<T>& name : names)
    if (name.value == value) return name.name;
  return "";
}

}  // namespace

MergeMethod merge_method(std::string_view name) {
  return find(kMethods, name, "method of merging");
}
MergeReading merge_reading(std::string_view name) { return find(kReadings, name, "reading"); }
bool drops(MergeMethod method) {
  return method != MergeMethod::kLinear && method != MergeMethod::kSlerp &&
         method != MergeMethod::kTaskArithmetic;
}
const char* name_of(MergeMethod method) { return first_name(kMethods, method); }
const char* name_of(MergeReading reading) { return first_name(kReadings, reading); }

}  // namespace amalgam::distill
