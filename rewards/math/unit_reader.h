// Units that follow a number: "cm^2", "square centimetres", "km/h", "million dollars", "per cent".
#pragma once
#include <string>
#include <vector>

#include "rewards/math/tokens.h"
#include "rewards/math/units.h"

namespace amalgam::rewards {

struct Measure {
  std::string unit;  // its one name, "cm^2", "km/h"; empty: none, or one without a name ("units")
  bool is_known = false;  // in the table of units.h, not just a noun
  int power_of_ten = 0;   // of "million"
  bool is_percent = false;
  bool is_degree = false;
  size_t end = 0;  // the token behind it
};

// \frac{\text{km}}{\text{h}}
bool is_unit_fraction(const std::vector<Token>& tokens, size_t at);

// What stands at tokens[at]; end = at if it is no unit.
Measure read_unit(const std::vector<Token>& tokens, size_t at);

}  // namespace amalgam::rewards
