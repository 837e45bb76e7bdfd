// Values of rational functions in the integers modulo a prime of 61 bits, at points drawn from the
// names of their variables.
//
// Two rational functions that differ agree at a random point with a probability of at most their
// degree / 2^61 (Schwartz and Zippel), so two primes decide: equal values mean equal functions, and
// different values prove that they differ. π and e are taken as variables of their own, and i is a
// root of −1 modulo the prime.
#pragma once
#include <cstdint>
#include <optional>

#include "rewards/math/node.h"

namespace amalgam::rewards {

struct Prime {
  uint64_t value;
  uint64_t root_of_minus_one;
};
extern const Prime kPrimes[2];

// A number drawn from a name: the same in every run and on every machine.
uint64_t drawn_from(std::string_view name, uint64_t round);

// The value at the point of this round; none if the expression is no rational function, a
// denominator vanishes there, or *steps, which it takes from, runs out.
std::optional<uint64_t> value_modulo(const Node& node, const Prime& prime, uint64_t round,
                                     long* steps);

uint64_t multiply_modulo(uint64_t a, uint64_t b, const Prime& prime);
uint64_t inverse_modulo(uint64_t a, const Prime& prime);

}  // namespace amalgam::rewards
