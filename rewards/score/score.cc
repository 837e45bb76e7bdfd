#include "rewards/score/score.h"

#include "configs/check.h"

namespace amalgam::rewards {

const char* to_string(Status status) {
  switch (status) {
    case Status::kScored:
      return "scored";
    case Status::kVerifierFailed:
      return "verifier_failed";
    case Status::kTimeout:
      return "timeout";
    case Status::kWrongType:
      return "wrong_type";
    case Status::kNotFinite:
      return "not_finite";
    case Status::kNoReward:
      return "no_reward";
    case Status::kSandboxFailed:
      return "sandbox_failed";
    case Status::kBadRow:
      return "bad_row";
    case Status::kCannotCross:
      return "cannot_cross";
  }
  CHECK(false);
  return "";
}

}  // namespace amalgam::rewards
