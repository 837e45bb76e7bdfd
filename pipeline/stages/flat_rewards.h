// Says that a stage learns nothing because all its rewards are the same: the function that scores
// is wrong, or the task too hard, and both should be known before the stage has run its hours.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/tokenizer/tokenizer.h"

namespace amalgam::proto {
class Trajectory;
}

namespace amalgam::pipeline {

class FlatRewards {
 public:
  // `best`: the best possible reward; none: not known.
  FlatRewards(model::Tokenizer tokenizer, std::optional<double> best)
      : tokenizer_(std::move(tokenizer)), best_(best) {}

  // After each step, in order. `row_of`: the JSON of a sample's prompt row. Returns what to tell
  // the user when the rewards of this step and of the one before are all equal and not the best
  // possible; once, until they differ again. Samples without a
  // reward do not count; a step that has no other changes nothing.
  std::optional<std::string> add(
      const std::vector<proto::Trajectory>& step,
      const std::function<std::string(const proto::Trajectory&)>& row_of);

 private:
  model::Tokenizer tokenizer_;
  std::optional<double> best_;
  std::optional<double> value_;  // of all rewards of the last step, if they were equal
  bool is_said_ = false;         // of this value
};

}  // namespace amalgam::pipeline
