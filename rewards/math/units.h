// Units and currencies, under one name each.
#pragma once
#include <string>
#include <string_view>

namespace amalgam::rewards {

// The one name of a unit: "cm" for "centimetres", "dollar" for "USD"; empty: it is none.
std::string_view unit_name(std::string_view word);
bool is_unit(std::string_view word);
// A currency, which may stand before its number.
bool is_currency(std::string_view word);
// An unknown noun that may stand for a unit, in the singular: "apple" for "apples".
std::string singular(std::string_view lower_case_word);
// "million": 6; 0: no such word.
int power_of_ten(std::string_view lower_case_word);

}  // namespace amalgam::rewards
