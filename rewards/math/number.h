// Exact decimal numbers read from text, and their comparison as rationals. No floating point: 0.1
// is one tenth, and 10^30 and 10^30 + 1 differ.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace amalgam::rewards {

// ±digits × 10^exponent, digits without leading or trailing zeros; zero has digits "" and exponent
// 0.
struct Decimal {
  bool negative = false;
  std::string digits;
  long exponent = 0;

  bool operator==(const Decimal&) const = default;
};

// numerator / denominator, not reduced; the denominator is not zero.
struct Rational {
  Decimal numerator, denominator;
};

Decimal multiply(const Decimal& a, const Decimal& b);
bool equal(const Rational& a, const Rational& b);

// Equal numbers are the same text: "-3/4", "1024"; reduced, as far as 36 digits reach.
std::string spelled(const Rational& number);

// Reads the number that begins at text[*position], and moves *position behind it. Spellings: 1024,
// +1024, 1,024, 1{,}024, 1024.0, .5, 1.024e3, 1.024 × 10^3 (also \times, *, 10^{3}), 3/4,
// \frac{3}{4}, with −, - or + before it. None, and *position unchanged, where no number begins or
// where it has more than 400 digits or an exponent beyond ±10,000.
std::optional<Rational> read_number(std::string_view text, size_t* position);

}  // namespace amalgam::rewards
