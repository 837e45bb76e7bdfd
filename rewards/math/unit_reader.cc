#include "rewards/math/unit_reader.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace amalgam::rewards {
namespace {

using Type = Token::Type;

// Words that are no nouns: what follows them says more about the number than its unit.
bool is_no_noun(std::string_view word) {
  constexpr std::string_view kWords[] = {
      "is",        "are",   "was",   "were",   "be",        "not",       "no",    "if",
      "when",      "but",   "more",  "less",   "fewer",     "than",      "least", "most",
      "wrong",     "plus",  "minus", "times",  "incorrect", "modulo",    "maybe", "perhaps",
      "remainder", "where", "with",  "except", "half",      "factorial", "dozen"};
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

std::string power_of(std::string unit, int power) {
  return power == 1 ? unit : unit + "^" + std::to_string(power);
}

}  // namespace

bool is_unit_fraction(const std::vector<Token>& tokens, size_t at) {
  return at + 6 < tokens.size() && tokens[at].is("frac") && tokens[at + 1].is("{") &&
         tokens[at + 3].is("}") && tokens[at + 4].is("{") && tokens[at + 6].is("}") &&
         tokens[at + 2].upright && is_unit(tokens[at + 2].text) && is_unit(tokens[at + 5].text);
}

Measure read_unit(const std::vector<Token>& tokens, size_t at) {
  const auto peek = [&](size_t ahead = 0) -> const Token& {
    return tokens[std::min(at + ahead, tokens.size() - 1)];
  };
  Measure measure;
  std::string known, unknown;
  int next_power = 1;  // of "square", which stands before its unit
  bool after_per = false;
  const size_t begin = at;
  for (;;) {
    const Token& token = peek();
    const bool plain_letter = token.type == Type::kLetter && is_unit(token.text) &&
                              (token.space_before || at > begin || peek(1).is("^"));
    if (token.type == Type::kWord && power_of_ten(token.text) > 0 && known.empty()) {
      measure.power_of_ten += power_of_ten(token.text);
      ++at;
      continue;
    }
    if (token.type != Type::kUnit && token.type != Type::kWord && !plain_letter) {
      // \frac{\text{km}}{\text{h}}
      if (token.is("frac") && known.empty() && is_unit_fraction(tokens, at)) {
        known = std::string(unit_name(peek(2).text)) + "/" + std::string(unit_name(peek(5).text));
        at += 7;
        continue;
      }
      // "km/h", "m·s"; a point ends an abbreviation.
      if ((token.is("/") || token.is("*")) && at > begin &&
          (peek(1).type == Type::kUnit || peek(1).type == Type::kLetter ||
           peek(1).type == Type::kWord)) {
        after_per = token.is("/");
        ++at;
        continue;
      }
      if (token.is(".") && at > begin) {
        ++at;
        continue;
      }
      break;
    }
    if (token.type == Type::kWord && is_no_noun(token.text)) break;
    ++at;
    if (token.text == "per" || token.text == "a") {
      if (peek().text == "cent" || peek().text == "cents") {
        measure.is_percent = true;
        ++at;
        continue;
      }
      after_per = true;
      continue;
    }
    const std::string_view name = unit_name(token.text);
    if (name == "percent") {
      measure.is_percent = true;
    } else if (name == "degree") {
      measure.is_degree = true;
      if (peek().type == Type::kLetter && (peek().text == "C" || peek().text == "F")) {
        known = peek().text == "C" ? "celsius" : "fahrenheit";
        measure.is_degree = false;
        ++at;
      } else if (unit_name(peek().text) == "celsius" || unit_name(peek().text) == "fahrenheit") {
        measure.is_degree = false;
      }
    } else if (name == "square" || name == "cubic") {
      next_power = name == "square" ? 2 : 3;
    } else if (name == "squared" || name == "cubed") {
      if (known.empty()) {  // "5 squared" has no unit
        --at;
        break;
      }
      known = power_of(std::move(known), name == "squared" ? 2 : 3);
    } else if (name == "unit") {
      // "square units": one without a name
      int power = 1;
      if (peek().is("^") && peek(1).type == Type::kNumber) at += 2;
      (void)power;
      next_power = 1;
    } else if (!name.empty()) {
      int power = next_power;
      next_power = 1;
      // cm^2, cm^{2}, s^{-1}
      if (peek().is("^")) {
        const bool braces = peek(1).is("{");
        const bool minus = peek(braces ? 2 : 1).is("-");
        const size_t digit = 1 + braces + minus;
        if (peek(digit).type == Type::kNumber && peek(digit).text.size() == 1) {
          power = peek(digit).text[0] - '0';
          if (minus) after_per = true;
          at += digit + 1 + braces;
        }
      }
      if (!known.empty()) known += after_per ? "/" : "*";
      known += power_of(std::string(name), power);
      after_per = false;
    } else {
      if (!unknown.empty()) unknown += " ";
      unknown += singular(token.text);
    }
  }
  measure.end = at;
  measure.is_known = !known.empty();
  measure.unit = known.empty() ? unknown : known;
  return measure;
}

}  // namespace amalgam::rewards
