#include "rewards/math/units.h"

#include <algorithm>
#include <cctype>
#include <iterator>

namespace amalgam::rewards {
namespace {

// Every spelling but a plural's s; those of more than three letters in lower case.
struct Unit {
  std::string_view spelling, name;
};

constexpr Unit kUnits[] = {
    {"mm", "mm"},
    {"millimeter", "mm"},
    {"millimetre", "mm"},
    {"cm", "cm"},
    {"centimeter", "cm"},
    {"centimetre", "cm"},
    {"dm", "dm"},
    {"decimeter", "dm"},
    {"decimetre", "dm"},
    {"m", "m"},
    {"meter", "m"},
    {"metre", "m"},
    {"km", "km"},
    {"kilometer", "km"},
    {"kilometre", "km"},
    {"in", "inch"},
    {"inch", "inch"},
    {"inches", "inch"},
    {"ft", "foot"},
    {"foot", "foot"},
    {"feet", "foot"},
    {"yd", "yard"},
    {"yard", "yard"},
    {"mi", "mile"},
    {"mile", "mile"},
    {"mph", "mile/h"},
    {"kph", "km/h"},
    {"kmh", "km/h"},
    {"g", "g"},
    {"gram", "g"},
    {"gramme", "g"},
    {"kg", "kg"},
    {"kilogram", "kg"},
    {"kilo", "kg"},
    {"mg", "mg"},
    {"milligram", "mg"},
    {"ton", "ton"},
    {"tonne", "ton"},
    {"lb", "pound"},
    {"lbs", "pound"},
    {"pound", "pound"},
    {"oz", "ounce"},
    {"ounce", "ounce"},
    {"s", "s"},
    {"sec", "s"},
    {"second", "s"},
    {"ms", "ms"},
    {"millisecond", "ms"},
    {"min", "min"},
    {"mins", "min"},
    {"minute", "min"},
    {"h", "h"},
    {"hr", "h"},
    {"hrs", "h"},
    {"hour", "h"},
    {"day", "day"},
    {"week", "week"},
    {"month", "month"},
    {"year", "year"},
    {"yr", "year"},
    {"l", "L"},
    {"L", "L"},
    {"liter", "L"},
    {"litre", "L"},
    {"ml", "mL"},
    {"mL", "mL"},
    {"milliliter", "mL"},
    {"millilitre", "mL"},
    {"gallon", "gallon"},
    {"gal", "gallon"},
    {"quart", "quart"},
    {"pint", "pint"},
    {"cup", "cup"},
    {"J", "J"},
    {"joule", "J"},
    {"kJ", "kJ"},
    {"N", "N"},
    {"newton", "N"},
    {"W", "W"},
    {"watt", "W"},
    {"kW", "kW"},
    {"kilowatt", "kW"},
    {"V", "V"},
    {"volt", "V"},
    {"ohm", "ohm"},
    {"omega", "ohm"},
    {"Pa", "Pa"},
    {"pascal", "Pa"},
    {"Hz", "Hz"},
    {"hertz", "Hz"},
    {"mol", "mol"},
    {"mole", "mol"},
    {"kWh", "kWh"},
    {"hectare", "hectare"},
    {"ha", "hectare"},
    {"acre", "acre"},
    {"degree", "degree"},
    {"deg", "degree"},
    {"rad", "radian"},
    {"radian", "radian"},
    {"celsius", "celsius"},
    {"fahrenheit", "fahrenheit"},
    {"kelvin", "kelvin"},
    {"sq", "square"},
    {"square", "square"},
    {"cubic", "cubic"},
    {"squared", "squared"},
    {"cubed", "cubed"},
    {"per", "per"},
    {"percent", "percent"},
    {"unit", "unit"},
    {"cent", "cent"},
    {"dollar", "dollar"},
    {"buck", "dollar"},
    {"USD", "dollar"},
    {"usd", "dollar"},
    {"euro", "euro"},
    {"EUR", "euro"},
    {"GBP", "pound"},
    {"yuan", "yuan"},
    {"RMB", "yuan"},
    {"CNY", "yuan"},
    {"yen", "yen"},
    {"JPY", "yen"},
    {"rupee", "rupee"},
    {"INR", "rupee"},
    {"Rs", "rupee"},
    {"penny", "cent"},
    {"pennies", "cent"},
    {"sqft", "foot^2"},
    {"cc", "cm^3"},
    {"ly", "light-year"},
    {"pct", "percent"},
};

constexpr std::string_view kCurrencies[] = {"dollar", "euro", "yuan", "yen", "rupee"};

}  // namespace

std::string_view unit_name(std::string_view word) {
  std::string lower(word);
  if (word.size() > 3)
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto find = [](std::string_view spelling) {
    for (const Unit& unit : kUnits)
      if (unit.spelling == spelling) return unit.name;
    return std::string_view();
  };
  if (const auto name = find(lower); !name.empty()) return name;
  if (lower.size() > 3 && lower.back() == 's') return find(lower.substr(0, lower.size() - 1));
  return {};
}

bool is_unit(std::string_view word) { return !unit_name(word).empty(); }

bool is_currency(std::string_view word) {
  if (word.size() < 2) return false;
  const auto name = unit_name(word);
  return std::find(std::begin(kCurrencies), std::end(kCurrencies), name) != std::end(kCurrencies);
}

std::string singular(std::string_view word) {
  if (word.size() > 3 && word.ends_with("ies"))
    return std::string(word.substr(0, word.size() - 3)) + "y";
  if (word.size() > 3 && word.back() == 's' && !word.ends_with("ss")) word.remove_suffix(1);
  return std::string(word);
}

int power_of_ten(std::string_view word) {
  if (word == "hundred") return 2;
  if (word == "thousand") return 3;
  if (word == "million" || word == "millions") return 6;
  if (word == "billion" || word == "billions") return 9;
  if (word == "trillion") return 12;
  return 0;
}

}  // namespace amalgam::rewards
