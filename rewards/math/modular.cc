#include "rewards/math/modular.h"

#include <algorithm>

#include "rewards/math/exact.h"

namespace amalgam::rewards {
namespace {

uint64_t add(uint64_t a, uint64_t b, const Prime& p) {
  const uint64_t total = a + b;  // below 2^62
  return total >= p.value ? total - p.value : total;
}

uint64_t power(uint64_t base, uint64_t exponent, const Prime& p) {
  uint64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result = multiply_modulo(result, base, p);
    base = multiply_modulo(base, base, p);
  }
  return result;
}

uint64_t number_modulo(std::string_view text, const Prime& p) {
  const bool minus = text[0] == '-';
  if (minus) text.remove_prefix(1);
  uint64_t value = 0;
  const size_t point = text.find('.');
  const uint64_t decimals = point == std::string_view::npos ? 0 : text.size() - point - 1;
  // Seventeen digits at a time.
  uint64_t part = 0, scale = 1;
  for (const char c : text) {
    if (c == '.') continue;
    part = 10 * part + static_cast<uint64_t>(c - '0');
    scale *= 10;
    if (scale < 100000000000000000u) continue;
    value = add(multiply_modulo(value, scale, p), part % p.value, p);
    part = 0;
    scale = 1;
  }
  value = add(multiply_modulo(value, scale, p), part % p.value, p);
  if (decimals > 0) value = multiply_modulo(value, inverse_modulo(power(10, decimals, p), p), p);
  return minus && value > 0 ? p.value - value : value;
}

class Evaluation {
 public:
  Evaluation(const Prime& prime, uint64_t round, long* steps)
      : p_(prime), round_(round), steps_(steps) {}

  std::optional<uint64_t> value(const Node& node) {
    if (--*steps_ < 0) return std::nullopt;
    switch (node.kind) {
      case Kind::kNumber:
        *steps_ -= static_cast<long>(node.text.size());
        return number_modulo(node.text, p_);
      case Kind::kSymbol:
      case Kind::kText:
        return drawn_from(node.text, round_) % p_.value;
      case Kind::kConstant:
        if (node.text == "i") return p_.root_of_minus_one;
        if (node.text == "inf") return std::nullopt;
        return drawn_from("\\" + node.text, round_) % p_.value;
      case Kind::kSum:
      case Kind::kProduct: {
        const bool is_sum = node.is(Kind::kSum);
        uint64_t total = is_sum ? 0 : 1;
        for (const Node& arg : node.args) {
          const auto next = value(arg);
          if (!next) return std::nullopt;
          total = is_sum ? add(total, *next, p_) : multiply_modulo(total, *next, p_);
        }
        return total;
      }
      case Kind::kPower:
        return power_value(node);
      case Kind::kPercent: {
        const auto inner = value(node.args[0]);
        if (!inner) return std::nullopt;
        return multiply_modulo(*inner, inverse_modulo(100, p_), p_);
      }
      case Kind::kDegree:
        return value(node.args[0]);
      case Kind::kCall:
        return call_value(node);
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<uint64_t> power_value(const Node& node) {
    const auto exponent = exact_value(node.args[1], steps_);
    const auto n = exponent ? exponent->as_long() : std::nullopt;
    if (!n) {
      // 9^{1/2}: a root that is rational.
      const auto exact = exact_value(node, steps_);
      return exact ? fraction_modulo(*exact) : std::nullopt;
    }
    const auto base = value(node.args[0]);
    if (!base) return std::nullopt;
    *steps_ -= 60;
    if (*n >= 0) {
      if (*n == 0 && *base == 0) return std::nullopt;
      return power(*base, static_cast<uint64_t>(*n), p_);
    }
    if (*base == 0) return std::nullopt;
    return power(inverse_modulo(*base, p_), 0 - static_cast<uint64_t>(*n), p_);
  }

  std::optional<uint64_t> call_value(const Node& node) {
    if (node.text == "factorial") {
      const auto exact = exact_value(node.args[0], steps_);
      const auto n = exact ? exact->as_long() : std::nullopt;
      if (!n || *n < 0 || *n > *steps_) return std::nullopt;
      *steps_ -= *n;
      uint64_t result = 1;
      for (long i = 2; i <= *n; ++i) result = multiply_modulo(result, static_cast<uint64_t>(i), p_);
      return result;
    }
    if (node.text == "binom") {
      const auto bottom = exact_value(node.args.at(1), steps_);
      const auto k = bottom ? bottom->as_long() : std::nullopt;
      if (!k || *k < 0 || *k > *steps_) return std::nullopt;
      *steps_ -= *k;
      const auto top = value(node.args[0]);
      if (!top) return std::nullopt;
      uint64_t above = 1, below = 1;
      for (long i = 0; i < *k; ++i) {
        const uint64_t shift = static_cast<uint64_t>(i) % p_.value;
        above = multiply_modulo(above, add(*top, p_.value - shift, p_) % p_.value, p_);
        below = multiply_modulo(below, static_cast<uint64_t>(i + 1) % p_.value, p_);
      }
      if (below == 0) return std::nullopt;
      return multiply_modulo(above, inverse_modulo(below, p_), p_);
    }
    const auto exact = exact_value(node, steps_);
    return exact ? fraction_modulo(*exact) : std::nullopt;
  }

  std::optional<uint64_t> fraction_modulo(const Fraction& f) const {
    const uint64_t top = fmpz_fdiv_ui(fmpq_numref(f.get()), p_.value);
    const uint64_t bottom = fmpz_fdiv_ui(fmpq_denref(f.get()), p_.value);
    if (bottom == 0) return std::nullopt;
    return multiply_modulo(top, inverse_modulo(bottom, p_), p_);
  }

  const Prime& p_;
  uint64_t round_;
  long* steps_;
};

}  // namespace

// Both are 1 modulo 4, so that −1 has a root.
const Prime kPrimes[2] = {{2305843009213693921ull, 583529827753931384ull},
                          {2305843009212693901ull, 1520136542799762606ull}};

uint64_t drawn_from(std::string_view name, uint64_t round) {
  // SplitMix64's finaliser over the name's bytes.
  const auto mix = [](uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  };
  uint64_t state = 0x9E3779B97F4A7C15ull * (round + 1);
  for (const char c : name) state = mix(state + 0x9E3779B97F4A7C15ull + static_cast<uint8_t>(c));
  return mix(state);
}

std::optional<uint64_t> value_modulo(const Node& node, const Prime& prime, uint64_t round,
                                     long* steps) {
  return Evaluation(prime, round, steps).value(node);
}

uint64_t multiply_modulo(uint64_t a, uint64_t b, const Prime& prime) {
  return static_cast<uint64_t>(static_cast<unsigned __int128>(a) * b % prime.value);
}

uint64_t inverse_modulo(uint64_t a, const Prime& prime) { return power(a, prime.value - 2, prime); }

}  // namespace amalgam::rewards
