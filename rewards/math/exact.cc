#include "rewards/math/exact.h"

#include <flint/arith.h>

#include <algorithm>
#include <cstdlib>

namespace amalgam::rewards {
namespace {

constexpr flint_bitcnt_t kMaxBits = 8192;
constexpr long kMaxFactorial = 900;  // 7,600 bits

bool is_small(const Fraction& f) {
  return fmpz_bits(fmpq_numref(f.get())) <= kMaxBits && fmpz_bits(fmpq_denref(f.get())) <= kMaxBits;
}

std::optional<Fraction> number_value(const std::string& text) {
  constexpr size_t kMaxDigits = 2400;
  if (text.size() > kMaxDigits) return std::nullopt;
  std::string digits = text;
  const size_t point = digits.find('.');
  size_t decimals = 0;
  if (point != std::string::npos) {
    decimals = digits.size() - point - 1;
    digits.erase(point, 1);
  }
  Fraction f;
  if (fmpz_set_str(fmpq_numref(f.get()), digits.c_str(), 10) != 0) return std::nullopt;
  fmpz_set_ui(fmpq_denref(f.get()), 10);
  fmpz_pow_ui(fmpq_denref(f.get()), fmpq_denref(f.get()), decimals);
  fmpq_canonicalise(f.get());
  return f;
}

// base^(p/q): the root must be exact.
std::optional<Fraction> power_value(const Fraction& base, const Fraction& exponent) {
  const auto q = fmpz_fits_si(fmpq_denref(exponent.get()))
                     ? std::optional<long>(fmpz_get_si(fmpq_denref(exponent.get())))
                     : std::nullopt;
  if (!q || *q > 64) return std::nullopt;
  Fraction root = base;
  if (*q > 1) {
    if (fmpq_sgn(base.get()) < 0 && *q % 2 == 0) return std::nullopt;
    if (!fmpz_root(fmpq_numref(root.get()), fmpq_numref(base.get()), *q) ||
        !fmpz_root(fmpq_denref(root.get()), fmpq_denref(base.get()), *q))
      return std::nullopt;
  }
  // 0, 1 and −1 have powers of any height.
  const bool is_unit = fmpz_is_pm1(fmpq_numref(root.get())) && root.is_integer();
  if (fmpq_is_zero(root.get())) {
    if (fmpq_sgn(exponent.get()) <= 0) return std::nullopt;
    return root;
  }
  if (is_unit) {
    Fraction one;
    fmpq_set_si(one.get(), 1, 1);
    const bool odd = fmpz_is_odd(fmpq_numref(exponent.get()));
    return fmpq_sgn(root.get()) < 0 && odd ? root : one;
  }
  if (!fmpz_fits_si(fmpq_numref(exponent.get()))) return std::nullopt;
  const long p = fmpz_get_si(fmpq_numref(exponent.get()));
  const unsigned long bits =
      std::max(fmpz_bits(fmpq_numref(root.get())), fmpz_bits(fmpq_denref(root.get())));
  if (static_cast<unsigned long>(std::labs(p)) > kMaxBits / bits) return std::nullopt;
  Fraction result;
  fmpq_pow_si(result.get(), root.get(), p);
  return result;
}

std::optional<Fraction> call_value(const Node& node, long* steps) {
  const std::string& name = node.text;
  std::vector<Fraction> args;
  for (const Node& arg : node.args) {
    auto value = exact_value(arg, steps);
    if (!value) return std::nullopt;
    args.push_back(std::move(*value));
  }
  Fraction result = args.at(0);
  if (name == "abs") {
    fmpq_abs(result.get(), result.get());
    return result;
  }
  if (name == "floor" || name == "ceil") {
    Fraction whole;
    (name == "floor" ? fmpz_fdiv_q : fmpz_cdiv_q)(
        fmpq_numref(whole.get()), fmpq_numref(result.get()), fmpq_denref(result.get()));
    return whole;
  }
  if (name == "min" || name == "max") {
    for (const Fraction& f : args) {
      const int order = fmpq_cmp(f.get(), result.get());
      if (name == "min" ? order < 0 : order > 0) result = f;
    }
    return result;
  }
  if (!std::all_of(args.begin(), args.end(), [](const Fraction& f) { return f.is_integer(); }))
    return std::nullopt;
  if (name == "gcd" || name == "lcm") {
    for (const Fraction& f : args) {
      (name == "gcd" ? fmpz_gcd : fmpz_lcm)(fmpq_numref(result.get()), fmpq_numref(result.get()),
                                            fmpq_numref(f.get()));
      if (!is_small(result)) return std::nullopt;
      *steps -= static_cast<long>(fmpz_bits(fmpq_numref(result.get()))) / 16;
    }
    return result;
  }
  if (name == "mod") {
    if (fmpz_sgn(fmpq_numref(args.at(1).get())) <= 0) return std::nullopt;
    fmpz_fdiv_r(fmpq_numref(result.get()), fmpq_numref(result.get()), fmpq_numref(args[1].get()));
    return result;
  }
  const auto n = args[0].as_long();
  if (!n || *n < 0) return std::nullopt;
  if (name == "factorial" && *n <= kMaxFactorial) {
    fmpz_fac_ui(fmpq_numref(result.get()), static_cast<ulong>(*n));
    return result;
  }
  if (name == "double_factorial" && *n <= kMaxFactorial) {
    fmpz_one(fmpq_numref(result.get()));
    for (long i = *n; i > 1; i -= 2)
      fmpz_mul_si(fmpq_numref(result.get()), fmpq_numref(result.get()), i);
    return result;
  }
  if (name == "binom" && *n <= 8000) {
    const auto k = args.at(1).as_long();
    if (!k || *k < 0) return std::nullopt;
    fmpz_bin_uiui(fmpq_numref(result.get()), static_cast<ulong>(*n), static_cast<ulong>(*k));
    return result;
  }
  return std::nullopt;
}

}  // namespace

std::optional<long> Fraction::as_long() const {
  if (!is_integer() || !fmpz_fits_si(fmpq_numref(value_))) return std::nullopt;
  return fmpz_get_si(fmpq_numref(value_));
}

std::optional<Fraction> exact_value(const Node& node) {
  long steps = 20000;
  return exact_value(node, &steps);
}

std::optional<Fraction> exact_value(const Node& node, long* steps) {
  if (--*steps < 0) return std::nullopt;
  switch (node.kind) {
    case Kind::kNumber:
      return number_value(node.text);
    case Kind::kSum:
    case Kind::kProduct: {
      auto total = exact_value(node.args[0], steps);
      for (size_t i = 1; total && i < node.args.size(); ++i) {
        const auto next = exact_value(node.args[i], steps);
        if (!next) return std::nullopt;
        (node.is(Kind::kSum) ? fmpq_add : fmpq_mul)(total->get(), total->get(), next->get());
        if (!is_small(*total)) return std::nullopt;
        *steps -= static_cast<long>(fmpz_bits(fmpq_denref(total->get()))) / 16;
      }
      return total;
    }
    case Kind::kPower: {
      const auto base = exact_value(node.args[0], steps);
      if (!base) return std::nullopt;
      const auto exponent = exact_value(node.args[1], steps);
      if (!exponent) return std::nullopt;
      return power_value(*base, *exponent);
    }
    case Kind::kPercent: {
      auto value = exact_value(node.args[0], steps);
      if (!value) return std::nullopt;
      Fraction hundred;
      fmpq_set_si(hundred.get(), 100, 1);
      fmpq_div(value->get(), value->get(), hundred.get());
      return value;
    }
    case Kind::kDegree:
      return exact_value(node.args[0], steps);
    case Kind::kCall:
      if (node.text[0] == '@' || node.args.empty()) return std::nullopt;
      return call_value(node, steps);
    default:
      return std::nullopt;
  }
}

std::string spelled(const Fraction& value) {
  const auto text = [](const fmpz* z) {
    char* digits = fmpz_get_str(nullptr, 10, z);
    std::string s = digits;
    flint_free(digits);
    return s;
  };
  std::string top = text(fmpq_numref(value.get()));
  if (!value.is_integer()) return top + "/" + text(fmpq_denref(value.get()));
  constexpr size_t kMostDigits = 36;
  if (top.size() > kMostDigits) {
    const size_t last = top.find_last_not_of('0');
    if (const size_t zeros = top.size() - 1 - last; zeros > 0)
      return top.substr(0, last + 1) + "e" + std::to_string(zeros);
  }
  return top;
}

}  // namespace amalgam::rewards
