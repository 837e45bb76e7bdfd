// Exact rational values of constant expressions.
#pragma once
#include <flint/fmpq.h>

#include <optional>
#include <string>

#include "rewards/math/node.h"

namespace amalgam::rewards {

// A rational number; owns FLINT's.
class Fraction {
 public:
  Fraction() { fmpq_init(value_); }
  Fraction(const Fraction& other) : Fraction() { fmpq_set(value_, other.value_); }
  Fraction& operator=(const Fraction& other) {
    fmpq_set(value_, other.value_);
    return *this;
  }
  ~Fraction() { fmpq_clear(value_); }

  fmpq* get() { return value_; }
  const fmpq* get() const { return value_; }
  bool is_integer() const { return fmpz_is_one(fmpq_denref(value_)); }
  std::optional<long> as_long() const;

 private:
  fmpq_t value_;
};

// None if the expression has variables or irrational parts, is undefined, or if any part of it
// would have more than 8,192 bits (estimated before it is computed: 10^(10^9) costs nothing).
// *steps is the work left, in words of 64 bits; it is taken from, and nothing is computed once it
// is used up.
std::optional<Fraction> exact_value(const Node& node, long* steps);
std::optional<Fraction> exact_value(const Node& node);

// "-3/4", "1024"; a long integer without its last zeros, "1e100".
std::string spelled(const Fraction& value);

}  // namespace amalgam::rewards
