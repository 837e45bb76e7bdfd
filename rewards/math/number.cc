#include "rewards/math/number.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>
#include <vector>

namespace amalgam::rewards {
namespace {

constexpr size_t kMaxDigits = 400;
constexpr long kMaxExponent = 10000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Decimal normal(Decimal number) {
  const size_t first = number.digits.find_first_not_of('0');
  if (first == std::string::npos) return {};
  number.digits.erase(0, first);
  const size_t last = number.digits.find_last_not_of('0');
  number.exponent += static_cast<long>(number.digits.size() - 1 - last);
  number.digits.resize(last + 1);
  return number;
}

// A reader over the text; every take_… either moves on or leaves the position as it was.
class Reader {
 public:
  Reader(std::string_view text, size_t position) : text_(text), position_(position) {}

  size_t position() const { return position_; }
  char peek(size_t ahead = 0) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
  }
  bool take(std::string_view what) {
    if (text_.substr(position_, what.size()) != what) return false;
    position_ += what.size();
    return true;
  }
  void skip_spaces() {
    while (peek() == ' ') ++position_;
  }
  // True if a minus was taken.
  bool take_sign() {
    if (take("-") || take("\u2212")) return true;
    take("+");
    return false;
  }
  std::string take_digits() {
    const size_t begin = position_;
    while (is_digit(peek())) ++position_;
    return std::string(text_.substr(begin, position_ - begin));
  }

  // Digits with thousands separators; a separator counts only before exactly three digits, and only
  // if every group fits: 1,024 is one number, 3,5 and 12,3456 are lists.
  std::string take_grouped_digits() {
    std::string digits = take_digits();
    if (digits.empty() || digits.size() > 3) return digits;
    const Reader before_groups = *this;
    std::string grouped = digits;
    bool any = false;
    for (;;) {
      const Reader before = *this;
      if (!take("{,}") && !take("\\,") && !take(",")) break;
      const std::string group = take_digits();
      if (group.size() != 3) {
        *this = before;
        if (group.size() > 3) {
          *this = before_groups;
          return digits;
        }
        break;
      }
      grouped += group;
      any = true;
    }
    return any ? grouped : digits;
  }

  // e3, E+3, × 10^3, \times 10^{3}, * 10^3, \cdot 10^3.
  std::optional<long> take_exponent() {
    const Reader before = *this;
    if (peek() == 'e' || peek() == 'E') {
      ++position_;
      if (const auto value = take_integer()) return value;
    } else {
      skip_spaces();
      if (take("\u00d7") || take("\\times") || take("\\cdot") || take("*")) {
        skip_spaces();
        if (take("10^")) {
          const bool braces = take("{");
          const auto value = take_integer();
          if (value && (!braces || take("}"))) return value;
        }
      }
    }
    *this = before;
    return std::nullopt;
  }

  // An unsigned decimal with an optional exponent.
  std::optional<Decimal> take_decimal() {
    Decimal number;
    number.digits = take_grouped_digits();
    if (peek() == '.' && is_digit(peek(1))) {
      ++position_;
      const std::string fraction = take_digits();
      number.exponent = -static_cast<long>(fraction.size());
      number.digits += fraction;
    }
    if (number.digits.empty() || number.digits.size() > kMaxDigits) return std::nullopt;
    if (const auto exponent = take_exponent()) {
      if (*exponent > kMaxExponent || *exponent < -kMaxExponent) return std::nullopt;
      number.exponent += *exponent;
    }
    return normal(number);
  }

 private:
  std::optional<long> take_integer() {
    const bool negative = take_sign();
    const std::string digits = take_digits();
    if (digits.empty()) return std::nullopt;
    if (digits.size() > 8) return kMaxExponent + 1;  // too large, whatever it is
    const long value = std::stol(digits);
    return negative ? -value : value;
  }

  std::string_view text_;
  size_t position_;
};

std::optional<Rational> take_fraction(Reader* reader) {
  if (!reader->take("\\frac{") && !reader->take("\\dfrac{") && !reader->take("\\tfrac{"))
    return std::nullopt;
  const bool top_negative = reader->take_sign();
  auto top = reader->take_decimal();
  if (!top || !reader->take("}{")) return std::nullopt;
  const bool bottom_negative = reader->take_sign();
  const auto bottom = reader->take_decimal();
  if (!bottom || bottom->digits.empty() || !reader->take("}")) return std::nullopt;
  top->negative = !top->digits.empty() && top_negative != bottom_negative;
  return Rational{*top, *bottom};
}

}  // namespace

Decimal multiply(const Decimal& a, const Decimal& b) {
  if (a.digits.empty() || b.digits.empty()) return {};
  std::vector<int> product(a.digits.size() + b.digits.size(), 0);  // least significant first
  for (size_t i = 0; i < a.digits.size(); ++i) {
    int carry = 0;
    for (size_t j = 0; j < b.digits.size(); ++j) {
      const int x = a.digits[a.digits.size() - 1 - i] - '0';
      const int y = b.digits[b.digits.size() - 1 - j] - '0';
      const int sum = product[i + j] + x * y + carry;
      product[i + j] = sum % 10;
      carry = sum / 10;
    }
    product[i + b.digits.size()] += carry;
  }
  Decimal result{a.negative != b.negative, "", a.exponent + b.exponent};
  for (auto digit = product.rbegin(); digit != product.rend(); ++digit)
    result.digits += static_cast<char>('0' + *digit);
  return normal(result);
}

bool equal(const Rational& a, const Rational& b) {
  return multiply(a.numerator, b.denominator) == multiply(b.numerator, a.denominator);
}

std::string spelled(const Rational& number) {
  const Decimal &n = number.numerator, &d = number.denominator;
  if (n.digits.empty()) return "0";
  const std::string sign = n.negative != d.negative ? "-" : "";
  // Both as integers: a common power of ten drops out.
  std::string top = n.digits, bottom = d.digits;
  const size_t shift = static_cast<size_t>(std::labs(n.exponent - d.exponent));
  constexpr size_t kMostDigits = 36;
  if (top.size() + shift > kMostDigits || bottom.size() + shift > kMostDigits)
    return sign + n.digits + "e" + std::to_string(n.exponent - d.exponent) +
           (d.digits == "1" ? "" : "/" + d.digits);
  (n.exponent > d.exponent ? top : bottom).append(shift, '0');
  const auto value = [](const std::string& digits) {
    unsigned __int128 v = 0;
    for (const char c : digits) v = v * 10 + static_cast<unsigned>(c - '0');
    return v;
  };
  const auto text = [](unsigned __int128 v) {
    std::string digits;
    for (; v > 0; v /= 10) digits.insert(digits.begin(), static_cast<char>('0' + v % 10));
    return digits;
  };
  const unsigned __int128 a = value(top), b = value(bottom);
  unsigned __int128 divisor = a, rest = b;
  while (rest > 0) divisor = std::exchange(rest, divisor % rest);
  return sign + text(a / divisor) + (b == divisor ? "" : "/" + text(b / divisor));
}

std::optional<Rational> read_number(std::string_view text, size_t* position) {
  const Decimal one{false, "1", 0};
  Reader reader(text, *position);
  const bool negative = reader.take_sign();
  Reader fraction = reader;
  if (auto value = take_fraction(&fraction)) {
    value->numerator.negative =
        !value->numerator.digits.empty() && value->numerator.negative != negative;
    *position = fraction.position();
    return value;
  }
  auto number = reader.take_decimal();
  if (!number) return std::nullopt;
  number->negative = negative && !number->digits.empty();
  *position = reader.position();
  Reader slash = reader;
  if (slash.take("/")) {
    const auto denominator = slash.take_decimal();
    if (denominator && !denominator->digits.empty()) {
      *position = slash.position();
      return Rational{*number, *denominator};
    }
  }
  return Rational{*number, one};
}

}  // namespace amalgam::rewards
