#include "distill/merging/draws.h"

#include "configs/fnv1a.h"
#include "kernels/device/rng.h"

namespace amalgam::distill {

Draws seeded_draws(uint64_t seed, const std::vector<MergeTensor>& tensors) {
  return [seed, &tensors](size_t tensor, size_t model, int64_t begin, int64_t end, double* u) {
    const kernels::RngDraws draws(
        {.seed = seed, .stream = fnv1a(tensors[tensor].name), .request = model});
    for (int64_t i = begin; i < end;) {
      const auto words = draws.bits(static_cast<uint64_t>(i / 4));
      for (int64_t word = i % 4; word < 4 && i < end; ++word, ++i)
        u[i - begin] = words[static_cast<size_t>(word)] * 0x1p-32;
    }
  };
}

}  // namespace amalgam::distill
