// A scored outcome. A reward exists only if the verifier did its work: every other status is an
// infrastructure failure that the caller retries, counts and reports, and never a reward of 0.
#pragma once
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace amalgam::rewards {

enum class Status {
  kScored,
  kVerifierFailed,  // a reward plug-in raised, crashed, or broke its protocol
  kTimeout,         // a reward plug-in gave no score before its deadline
  kWrongType,       // a reward plug-in returned something that is not a number
  kNotFinite,       // NaN or an infinity
  kSandboxFailed,   // no sandbox could be made, or it died by itself
  kBadRow,          // the row cannot be scored: unknown style, or unusable ground truth
  kCannotCross      // tests of code that hang on a value that no process can hand to another
};
const char* to_string(Status status);

struct Score {
  Status status = Status::kVerifierFailed;
  double reward = 0;   // meaningful only if kScored
  std::string detail;  // one line: why this reward or this failure
  // What the answer was taken to be, spelled so that equal answers are equal texts; empty: none.
  std::string answer = {};
  std::vector<std::pair<std::string, double>> parts = {};  // figures beside the reward, by name
};

inline Score failed(Status status, std::string detail) { return {status, 0, std::move(detail)}; }
inline Score scored(double reward, std::string detail) {
  if (!std::isfinite(reward)) return failed(Status::kNotFinite, "a reward that is not finite");
  return {Status::kScored, reward, std::move(detail)};
}

}  // namespace amalgam::rewards
