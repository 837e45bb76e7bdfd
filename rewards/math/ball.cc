#include "rewards/math/ball.h"

#include <acb_hypgeom.h>

#include <algorithm>

#include "rewards/math/exact.h"
#include "rewards/math/modular.h"

namespace amalgam::rewards {
namespace {

// At the precision that decides, parts that the result cannot show make it undefined: else
// √2 + e^{-1000} would be √2, and arctan(10^{1000}) be π/2. Powers of two.
constexpr long kDecidingBits = 1000;
constexpr double kMostBetweenTerms = 600, kMostInArgument = 300, kMostInPower = 1 << 22;

// log2 |value|, from below; −∞ if it may be 0.
double least_log2(acb_srcptr value) {
  mag_t size;
  mag_init(size);
  acb_get_mag_lower(size, value);
  const double log = mag_get_d_log2_approx(size);
  mag_clear(size);
  return log;
}
double most_log2(acb_srcptr value) {
  mag_t size;
  mag_init(size);
  acb_get_mag(size, value);
  const double log = mag_get_d_log2_approx(size);
  mag_clear(size);
  return log;
}
bool may_be_zero(double log) { return log < -1e18; }

class BallEvaluation {
 public:
  BallEvaluation(Point point, long bits, long* steps) : point_(point), bits_(bits), steps_(steps) {}

  bool evaluate(const Node& node, acb_ptr out) {
    acb_zero(out);
    if (--*steps_ < 0 || !value_of(node, out)) return false;
    is_real_ = is_real_ && acb_is_real(out);
    return true;
  }
  bool is_real() const { return is_real_; }

 private:
  bool value_of(const Node& node, acb_ptr out) {
    switch (node.kind) {
      case Kind::kNumber:
        return number(node.text, out);
      case Kind::kSymbol:
      case Kind::kText:
        variable(node.text, out);
        return true;
      case Kind::kConstant:
        if (node.text == "pi")
          acb_const_pi(out, bits_);
        else if (node.text == "e")
          arb_const_e(acb_realref(out), bits_);
        else if (node.text == "i")
          acb_onei(out);
        else
          return false;
        return true;
      case Kind::kSum:
      case Kind::kProduct: {
        if (!evaluate(node.args[0], out)) return false;
        Ball next;
        double least = 1e300, most = -1e300;  // log2 of the terms
        const auto shows = [&](acb_srcptr term) {
          if (bits_ < kDecidingBits || !node.is(Kind::kSum)) return true;
          const double log = least_log2(term);
          if (!may_be_zero(log)) least = std::min(least, log), most = std::max(most, log);
          return most - least < kMostBetweenTerms;
        };
        if (!shows(out)) return false;
        for (size_t i = 1; i < node.args.size(); ++i) {
          if (!evaluate(node.args[i], next.get()) || !shows(next.get())) return false;
          (node.is(Kind::kSum) ? acb_add : acb_mul)(out, out, next.get(), bits_);
        }
        return true;
      }
      case Kind::kPower:
        return power(node, out);
      case Kind::kPercent:
        if (!evaluate(node.args[0], out)) return false;
        acb_div_ui(out, out, 100, bits_);
        return true;
      case Kind::kDegree:
        if (!evaluate(node.args[0], out)) return false;
        if (in_angle_) {
          Ball pi;
          acb_const_pi(pi.get(), bits_);
          acb_mul(out, out, pi.get(), bits_);
          acb_div_ui(out, out, 180, bits_);
        }
        return true;
      case Kind::kCall:
        return call(node, out);
      default:
        return false;
    }
  }

  bool number(const std::string& text, acb_ptr out) const {
    if (text.size() > 2000) return false;
    return arb_set_str(acb_realref(out), text.c_str(), bits_) == 0;
  }

  // Between 1/4 and 4, in steps of 2^-20.
  void variable(const std::string& name, acb_ptr out) const {
    const uint64_t drawn = drawn_from(name, 100 + static_cast<uint64_t>(point_));
    const long part = static_cast<long>((1 << 18) + drawn % (15 << 18));
    const bool minus =
        point_ == Point::kNegative || (point_ == Point::kMixedSigns && (drawn >> 60) % 2 != 0);
    acb_set_si(out, minus ? -part : part);
    acb_mul_2exp_si(out, out, -20);
  }

  bool power(const Node& node, acb_ptr out) {
    if (!evaluate(node.args[0], out)) return false;
    *steps_ -= 8;
    if (const auto exponent = exact_value(node.args[1], steps_)) {
      const fmpz* p = fmpq_numref(exponent->get());
      const fmpz* q = fmpq_denref(exponent->get());
      if (exponent->is_integer()) {
        if (fmpz_sgn(p) <= 0 && acb_contains_zero(out)) return false;
        acb_pow_fmpz(out, out, p, bits_);
        return acb_is_finite(out);
      }
      // An odd root of a negative number is real, as in school.
      const bool negative = acb_is_real(out) && arb_is_negative(acb_realref(out));
      const bool odd_root = negative && fmpz_is_odd(q);
      if (odd_root) acb_neg(out, out);
      if (fmpz_sgn(p) < 0 && acb_contains_zero(out)) return false;
      if (fmpz_cmp_ui(q, 2) == 0) {
        acb_sqrt(out, out, bits_);
        acb_pow_fmpz(out, out, p, bits_);
      } else {
        Ball exact;
        arb_set_fmpq(acb_realref(exact.get()), exponent->get(), bits_);
        if (!shows_in_power(exact.get())) return false;
        acb_pow(out, out, exact.get(), bits_);
        if (!is_of_height(out)) return false;
      }
      if (odd_root && fmpz_is_odd(p)) acb_neg(out, out);
      return acb_is_finite(out);
    }
    Ball exponent;
    if (!evaluate(node.args[1], exponent.get())) return false;
    if (acb_contains_zero(out)) return false;
    if (!shows_in_power(exponent.get())) return false;
    acb_pow(out, out, exponent.get(), bits_);
    return acb_is_finite(out) && is_of_height(out);
  }

  // 2^{10^{-500}} is 1 as far as one can see.
  bool shows_in_power(acb_srcptr exponent) const {
    if (bits_ < kDecidingBits) return true;
    const double log = least_log2(exponent);
    return may_be_zero(log) || log > -kMostInArgument;
  }
  // e^{-10^9}: is no 0.
  bool is_of_height(acb_srcptr value) const {
    if (bits_ < kDecidingBits) return true;
    const double log = most_log2(value);
    return log < kMostInPower && log > -kMostInPower;
  }

  // Whether a function's value depends on its argument as far as one can see.
  bool shows_in_value(const std::string& name, acb_srcptr argument) const {
    constexpr std::string_view kFlat[] = {"sin",  "cos",    "tan",    "cot",    "sec",
                                          "csc",  "arcsin", "arccos", "arctan", "sinh",
                                          "cosh", "tanh",   "exp"};
    if (bits_ < kDecidingBits ||
        std::find(std::begin(kFlat), std::end(kFlat), name) == std::end(kFlat))
      return true;
    // sin x = x and cos x = 1 for small x, arctan x = π/2 for large ones; tanh x = 1 for those that
    // are not even large, as 1 − tanh x < 2 e^{-2x}.
    const double least = least_log2(argument), most = most_log2(argument);
    if (!may_be_zero(least) && least < -kMostInArgument) return false;
    if (name == "tanh") return most < 7.5;
    if (name == "exp" || name == "sinh" || name == "cosh") return most < 20;
    return most < (name == "arctan" ? kMostInArgument : kMostInPower);
  }

  bool call(const Node& node, acb_ptr out) {
    const std::string& name = node.text;
    *steps_ -= 16;
    if (node.args.empty()) return false;
    if (name[0] == '@') return opaque(node, out);
    if (name == "gcd" || name == "lcm" || name == "min" || name == "max") {
      const auto exact = exact_value(node, steps_);
      if (!exact) return false;
      arb_set_fmpq(acb_realref(out), exact->get(), bits_);
      return true;
    }
    const bool outer = in_angle_;
    in_angle_ = name == "sin" || name == "cos" || name == "tan" || name == "cot" || name == "sec" ||
                name == "csc";
    const bool inside = evaluate(node.args[0], out);
    in_angle_ = outer;
    if (!inside || !shows_in_value(name, out)) return false;
    if (!apply(node, out)) return false;
    return acb_is_finite(out);
  }

  bool apply(const Node& node, acb_ptr out) {
    struct Function {
      std::string_view name;
      void (*value)(acb_t, const acb_t, slong);
    };
    static constexpr Function kBallFunctions[] = {
        {"sin", acb_sin},     {"cos", acb_cos},   {"tan", acb_tan},     {"cot", acb_cot},
        {"sec", acb_sec},     {"csc", acb_csc},   {"arcsin", acb_asin}, {"arccos", acb_acos},
        {"arctan", acb_atan}, {"sinh", acb_sinh}, {"cosh", acb_cosh},   {"tanh", acb_tanh},
        {"ln", acb_log},      {"exp", acb_exp},
    };
    const std::string& name = node.text;
    for (const Function& f : kBallFunctions) {
      if (f.name != name) continue;
      f.value(out, out, bits_);
      return true;
    }
    if (name == "abs") {
      arb_t absolute;
      arb_init(absolute);
      acb_abs(absolute, out, bits_);
      acb_set_arb(out, absolute);
      arb_clear(absolute);
      return true;
    }
    if (name == "factorial") {
      acb_add_ui(out, out, 1, bits_);
      acb_gamma(out, out, bits_);
      return true;
    }
    if (name == "lg") {
      acb_log(out, out, bits_);
      Ball ten;
      acb_set_ui(ten.get(), 10);
      acb_log(ten.get(), ten.get(), bits_);
      acb_div(out, out, ten.get(), bits_);
      return true;
    }
    if (name == "log") {  // base, argument
      Ball argument;
      if (!evaluate(node.args.at(1), argument.get())) return false;
      acb_log(argument.get(), argument.get(), bits_);
      acb_log(out, out, bits_);
      acb_div(out, argument.get(), out, bits_);
      return true;
    }
    if (name == "binom") {
      // Γ(n+1) / (Γ(k+1) Γ(n−k+1))
      Ball bottom, rest;
      if (!evaluate(node.args.at(1), bottom.get())) return false;
      acb_sub(rest.get(), out, bottom.get(), bits_);
      for (acb_ptr z : {out, bottom.get(), rest.get()}) acb_add_ui(z, z, 1, bits_);
      acb_gamma(out, out, bits_);
      acb_rgamma(bottom.get(), bottom.get(), bits_);
      acb_rgamma(rest.get(), rest.get(), bits_);
      acb_mul(out, out, bottom.get(), bits_);
      acb_mul(out, out, rest.get(), bits_);
      return true;
    }
    if ((name == "floor" || name == "ceil") && acb_is_real(out)) {
      (name == "floor" ? arb_floor : arb_ceil)(acb_realref(out), acb_realref(out), bits_);
      return arb_is_exact(acb_realref(out));
    }
    return false;
  }

  // A function that nothing is known of: sin of a combination of its arguments, drawn from its
  // name.
  bool opaque(const Node& node, acb_ptr out) {
    variable(node.text, out);
    Ball argument, weight;
    for (size_t i = 0; i < node.args.size(); ++i) {
      if (!evaluate(node.args[i], argument.get())) return false;
      variable(node.text + "," + std::to_string(i), weight.get());
      acb_addmul(out, argument.get(), weight.get(), bits_);
    }
    acb_sin(out, out, bits_);
    return acb_is_finite(out);
  }

  Point point_;
  long bits_;
  long* steps_;
  bool in_angle_ = false;
  bool is_real_ = true;
};

}  // namespace

bool evaluate(const Node& node, Point point, long bits, long* steps, Ball* value, bool* is_real) {
  *steps -= bits / 64;
  acb_zero(value->get());
  BallEvaluation evaluation(point, bits, steps);
  const bool defined = evaluation.evaluate(node, value->get());
  if (is_real) *is_real = evaluation.is_real();
  return defined;
}

}  // namespace amalgam::rewards
