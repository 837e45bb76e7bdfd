#include "rollout/tools/calculator.h"

#include <cstdint>
#include <limits>
#include <numeric>

namespace amalgam::rollout {
namespace {

using Wide = __int128;

constexpr size_t kMaxBytes = 256;
constexpr int kMaxDepth = 32;
constexpr int kDecimals = 6;

struct Wrong {
  std::string what;
};

// numerator / denominator, reduced, denominator > 0.
struct Fraction {
  int64_t numerator = 0, denominator = 1;
};

Wide gcd(Wide a, Wide b) {
  while (b != 0) {
    const Wide r = a % b;
    a = b, b = r;
  }
  return a < 0 ? -a : a;
}

Fraction reduced(Wide numerator, Wide denominator) {
  if (denominator < 0) numerator = -numerator, denominator = -denominator;
  const Wide divisor = gcd(numerator, denominator);
  numerator /= divisor, denominator /= divisor;
  constexpr Wide kMax = std::numeric_limits<int64_t>::max();
  if (numerator > kMax || numerator < -kMax || denominator > kMax) throw Wrong{"number too large"};
  return {static_cast<int64_t>(numerator), static_cast<int64_t>(denominator)};
}

// Products of two 64-bit numbers have at most 126 bits and their sum 127: nothing overflows.
Fraction add(Fraction a, Fraction b) {
  return reduced(Wide{a.numerator} * b.denominator + Wide{b.numerator} * a.denominator,
                 Wide{a.denominator} * b.denominator);
}
Fraction negate(Fraction a) { return {-a.numerator, a.denominator}; }
Fraction multiply(Fraction a, Fraction b) {
  return reduced(Wide{a.numerator} * b.numerator, Wide{a.denominator} * b.denominator);
}
Fraction divide(Fraction a, Fraction b) {
  if (b.numerator == 0) throw Wrong{"division by zero"};
  return reduced(Wide{a.numerator} * b.denominator, Wide{a.denominator} * b.numerator);
}

// Recursive descent: sum → product → factor.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Fraction parse() {
    const Fraction value = sum(0);
    skip_spaces();
    if (!rest_.empty()) throw Wrong{"cannot read it after the first number"};
    return value;
  }

 private:
  void skip_spaces() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t' || rest_[0] == '\n'))
      rest_.remove_prefix(1);
  }
  bool take(std::string_view token) {
    skip_spaces();
    if (rest_.substr(0, token.size()) != token) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  bool take_minus() { return take("-") || take("\u2212"); }

  Fraction sum(int depth) {
    Fraction value = product(depth);
    for (;;) {
      if (take("+"))
        value = add(value, product(depth));
      else if (take_minus())
        value = add(value, negate(product(depth)));
      else
        return value;
    }
  }
  Fraction product(int depth) {
    Fraction value = factor(depth);
    for (;;) {
      if (take("*") || take("\u00d7"))
        value = multiply(value, factor(depth));
      else if (take("/") || take("\u00f7"))
        value = divide(value, factor(depth));
      else
        return value;
    }
  }
  Fraction factor(int depth) {
    if (depth == kMaxDepth) throw Wrong{"nested too deeply"};
    if (take_minus()) return negate(factor(depth + 1));
    if (take("+")) return factor(depth + 1);
    if (take("(")) {
      const Fraction value = sum(depth + 1);
      if (!take(")")) throw Wrong{"a parenthesis is not closed"};
      return value;
    }
    return number();
  }
  Fraction number() {
    skip_spaces();
    Wide digits = 0, scale = 1;
    bool any = false, point = false;
    while (!rest_.empty()) {
      const char c = rest_[0];
      if (c == '.' && !point) {
        point = true;
      } else if (c >= '0' && c <= '9') {
        any = true;
        digits = digits * 10 + (c - '0');
        if (point) scale *= 10;
        if (digits > std::numeric_limits<int64_t>::max() ||
            scale > std::numeric_limits<int64_t>::max())
          throw Wrong{"number too large"};
      } else {
        break;
      }
      rest_.remove_prefix(1);
    }
    if (!any) throw Wrong{"a number is missing"};
    return reduced(digits, scale);
  }

  std::string_view rest_;
};

std::string print(Fraction value) {
  if (value.denominator == 1) return std::to_string(value.numerator);
  Wide scale = 1;
  for (int i = 0; i < kDecimals; ++i) scale *= 10;
  const bool negative = value.numerator < 0;
  const Wide magnitude = negative ? -Wide{value.numerator} : Wide{value.numerator};
  const Wide scaled = (2 * magnitude * scale + value.denominator) / (2 * Wide{value.denominator});
  std::string digits;
  for (Wide left = scaled; left > 0; left /= 10)
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(left % 10)));
  if (digits.size() <= kDecimals) digits.insert(0, kDecimals + 1 - digits.size(), '0');
  digits.insert(digits.size() - kDecimals, ".");
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  return (negative && scaled > 0 ? "-" : "") + digits;
}

}  // namespace

Calculation calculate(std::string_view expression) {
  if (expression.size() > kMaxBytes) return {false, "the expression is too long"};
  try {
    return {true, print(Parser(expression).parse())};
  } catch (const Wrong& wrong) {
    return {false, wrong.what};
  }
}

}  // namespace amalgam::rollout
