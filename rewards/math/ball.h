// Values of expressions as complex balls: a midpoint, and a radius that bounds the error.
#pragma once
#include <acb.h>

#include "rewards/math/node.h"

namespace amalgam::rewards {

// A complex number with its error; owns Arb's.
class Ball {
 public:
  Ball() { acb_init(value_); }
  Ball(const Ball&) = delete;
  Ball& operator=(const Ball&) = delete;
  ~Ball() { acb_clear(value_); }
  acb_ptr get() { return value_; }
  acb_srcptr get() const { return value_; }

 private:
  acb_t value_;
};

// Where the variables are. The values are drawn from their names, between 1/4 and 4.
enum class Point { kPositive, kOtherPositive, kNegative, kMixedSigns };

// False if a part of the expression has no value there (1/0, a matrix), or *steps runs out.
// *is_real: whether all parts of it are real numbers.
bool evaluate(const Node& node, Point point, long bits, long* steps, Ball* value,
              bool* is_real = nullptr);

}  // namespace amalgam::rewards
