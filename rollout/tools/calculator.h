// The calculator tool: exact arithmetic on untrusted text.
#pragma once
#include <string>
#include <string_view>

namespace amalgam::rollout {

struct Calculation {
  bool ok = false;
  std::string text;  // the value, or what is wrong with the expression
};

// + - * / and parentheses over decimal numbers, also spelled − × ÷. Exact rationals of 64 bits; the
// value is printed as an integer if it is one, else rounded to six decimals (half away from zero).
// At most 256 bytes and 32 nested parentheses or signs.
Calculation calculate(std::string_view expression);

}  // namespace amalgam::rollout
