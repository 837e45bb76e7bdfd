// exp, log, sin, cos, pow in double, below 2 ulp: for tables, losses and whatever else is computed
// a scalar at a time. They exist because libm's bits differ between versions and machines; these
// are IEEE operations and explicit FMA in a fixed order, so their bits are the same everywhere.
// Special values are C's. exp(0), cos(0), pow(x, 0) and pow(1, y) are exactly 1; log(1) and sin(0)
// exactly 0.
//
// The polynomials of log, sin and cos are fdlibm's (Sun Microsystems, 1993).
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "configs/check.h"

namespace amalgam::kernels::scalar {

// x · 2^k with one rounding at most, for |k| ≤ 2000.
inline double scale_by_power_of_two(double x, int64_t k) {
  const auto power = [](int64_t e) { return std::bit_cast<double>((e + 1023) << 52); };
  if (k > 1023) return x * power(1023) * power(k - 1023 > 1023 ? 1023 : k - 1023);
  if (k >= -1022) return x * power(k);
  // The first product is exact for |x| ≥ 1, so a subnormal result is rounded once.
  return x * power(-969) * power(k + 969 < -1022 ? -1022 : k + 969);
}

inline double exp(double x) {
  if (!(x <= 709.782712893384)) return x > 0 ? std::numeric_limits<double>::infinity() : x;
  if (x < -745.1332191019412) return 0;
  // x = k ln 2 + r. The first FMA is exact: its result is a multiple of 2^-54 below 1/2.
  const double k = std::nearbyint(x * 0x1.71547652b82fep0);
  const double r = std::fma(k, -0x1.abc9e3b39803fp-56, std::fma(k, -0x1.62e42fefa39efp-1, x));
  // Taylor to r^13 / 13!; the next term is below 2^-57 for |r| ≤ ln 2 / 2.
  constexpr double kInverseFactorial[] = {
      1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
      1.0 / 5040,       1.0 / 720,       1.0 / 120,      1.0 / 24,      1.0 / 6,      0.5};
  double q = kInverseFactorial[0];
  for (int i = 1; i < 12; ++i) q = std::fma(q, r, kInverseFactorial[i]);
  return scale_by_power_of_two(1 + std::fma(r * r, q, r), static_cast<int64_t>(k));
}

// x = m · 2^e with m in [sqrt(1/2), sqrt(2)); x positive and finite.
struct Mantissa {
  double m;
  int64_t e;
};
inline Mantissa split_mantissa(double x) {
  int64_t e = 0;
  if (x < std::numeric_limits<double>::min()) x *= 0x1p54, e = -54;
  const auto bits = std::bit_cast<int64_t>(x);
  e += (bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xfffffffffffff) | 0x3ff0000000000000);
  if (m >= 0x1.6a09e667f3bcdp0) m *= 0.5, ++e;
  return {m, e};
}

inline double log(double x) {
  if (!(x > 0) || x > std::numeric_limits<double>::max()) {
    if (x == 0) return -std::numeric_limits<double>::infinity();
    return x < 0 ? std::numeric_limits<double>::quiet_NaN() : x;
  }
  const auto [m, exponent] = split_mantissa(x);
  const double f = m - 1, s = f / (2 + f), z = s * s, half_square = 0.5 * f * f;
  double r = 1.479819860511658591e-01;
  r = std::fma(r, z, 1.531383769920937332e-01);
  r = std::fma(r, z, 1.818357216161805012e-01);
  r = std::fma(r, z, 2.222219843214978396e-01);
  r = std::fma(r, z, 2.857142874366239149e-01);
  r = std::fma(r, z, 3.999999999940941908e-01);
  r = std::fma(r, z, 6.666666666666735130e-01) * z;
  const auto e = static_cast<double>(exponent);
  // ln 2 in two parts; the first has 20 zero bits at its end, so e times it is exact.
  const double low = std::fma(s, half_square + r, e * 1.90821492927058770002e-10);
  return e * 6.93147180369123816490e-01 - ((half_square - low) - f);
}

// x = n · π/2 + hi + lo, |hi + lo| ≤ about π/4.
struct Reduced {
  double hi, lo;
  int quadrant;  // n mod 4
};
inline Reduced reduce_angle(double x) {
  CHECK_LE(std::fabs(x), 0x1p30);  // three parts of π/2 suffice up to here
  const double n = std::nearbyint(x * 0x1.45f306dc9c883p-1);
  const double a = std::fma(-n, 0x1.921fb54442d18p0, x);  // exact: a multiple of 2^-53 below 1
  const double p = n * 0x1.1a62633145c07p-54;
  const double p_low = std::fma(n, 0x1.1a62633145c07p-54, -p);
  const double b = a - p, b_part = a - b;
  const double b_low = (a - (b + b_part)) + (b_part - p);  // a - p = b + b_low exactly
  const double tail = b_low - std::fma(n, -0x1.f1976b7ed8fbcp-110, p_low);
  const double hi = b + tail;
  return {hi, (b - hi) + tail, static_cast<int>(static_cast<int64_t>(n) & 3)};
}
inline double sin_kernel(double x, double x_low) {
  const double z = x * x, cube = z * x;
  double r = 1.58969099521155010221e-10;
  r = std::fma(r, z, -2.50507602534068634195e-08);
  r = std::fma(r, z, 2.75573137070700676789e-06);
  r = std::fma(r, z, -1.98412698298579493134e-04);
  r = std::fma(r, z, 8.33333333332248946124e-03);
  return x - ((z * std::fma(0.5, x_low, -cube * r) - x_low) + cube * 1.66666666666666324348e-01);
}
inline double cos_kernel(double x, double x_low) {
  const double z = x * x, half = 0.5 * z, w = 1 - half;
  double r = -1.13596475577881948265e-11;
  r = std::fma(r, z, 2.08757232129817482790e-09);
  r = std::fma(r, z, -2.75573143513906633035e-07);
  r = std::fma(r, z, 2.48015872894767294178e-05);
  r = std::fma(r, z, -1.38888888888741095749e-03);
  r = std::fma(r, z, 4.16666666666666019037e-02) * z;
  return w + (((1 - w) - half) + std::fma(z, r, -x * x_low));
}

// For |x| ≤ 2^30 (a CHECK): rope angles are positions times frequencies of at most 1.
inline double sin(double x) {
  const Reduced a = reduce_angle(x);
  const double y = a.quadrant & 1 ? cos_kernel(a.hi, a.lo) : sin_kernel(a.hi, a.lo);
  return a.quadrant & 2 ? -y : y;
}
inline double cos(double x) {
  const Reduced a = reduce_angle(x);
  const double y = a.quadrant & 1 ? sin_kernel(a.hi, a.lo) : cos_kernel(a.hi, a.lo);
  return a.quadrant == 1 || a.quadrant == 2 ? -y : y;
}

// x^y for x > 0 finite (a CHECK). log x is carried in two doubles, since y multiplies its error.
inline double pow(double x, double y) {
  CHECK(x > 0 && x <= std::numeric_limits<double>::max());
  if (x == 1 || y == 0) return 1;
  const auto [m, exponent] = split_mantissa(x);
  // log m = 2 atanh(s), s = (m - 1) / (m + 1) = s + s_low
  const double num = m - 1, den = m + 1, den_low = (1 - den) + m;
  const double s = num / den;
  const double s_low = (std::fma(-s, den, num) - s * den_low) / den;
  const double z = s * s, z_low = std::fma(s, s, -z) + 2 * s * s_low;
  double q = 1.0 / 27;
  for (int odd = 25; odd >= 5; odd -= 2) q = std::fma(q, z, 1.0 / odd);
  // atanh(s) = s + s z (1/3 + z q): the bracket and the product in two doubles
  constexpr double kThird = 1.0 / 3, kThirdLow = 0x1.5555555555555p-56;
  const double zq = z * q;
  const double c = kThird + zq, c_low = ((kThird - c) + zq) + (kThirdLow + std::fma(z, q, -zq));
  const double t = z * c, t_low = std::fma(z, c, -t) + std::fma(z, c_low, z_low * c);
  const double u = s * t, u_low = std::fma(s, t, -u) + std::fma(s, t_low, s_low * t);
  const double a = s + u, a_low = ((s - a) + u) + (s_low + u_low);
  // log x = e ln 2 + 2 a
  const auto e = static_cast<double>(exponent);
  const double l1 = e * 0x1.62e42fefa38p-1;  // exact: 42 bits of ln 2
  const double l = l1 + 2 * a, part = l - l1;
  const double l_low =
      ((l1 - (l - part)) + (2 * a - part)) + std::fma(e, 0x1.ef35793c7673p-45, 2 * a_low);
  const double p = y * l, p_low = std::fma(y, l, -p) + y * l_low;
  const double r = exp(p);
  if (r == 0 || r > std::numeric_limits<double>::max()) return r;
  return std::fma(r, p_low, r);
}

}  // namespace amalgam::kernels::scalar
