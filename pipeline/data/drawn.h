// Some of many, by chance.
#pragma once
#include <cstddef>
#include <vector>

#include "kernels/device/rng.h"

namespace amalgam::pipeline {

// `count` of the places 0 … all − 1, each at most once, in the order in which they were drawn: a
// pure function of the arguments, of which a smaller count gives the beginning.
std::vector<size_t> drawn(size_t all, size_t count, const kernels::RngKey& key);

}  // namespace amalgam::pipeline
