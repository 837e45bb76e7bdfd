#include "model/checkpoint/init.h"

#include <algorithm>
#include <numeric>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "configs/check.h"
#include "kernels/device/rng.h"
#include "kernels/device/thread_pool.h"

namespace amalgam::model {
namespace {

using kernels::RngKey;

constexpr uint64_t kStreamInit = 0x696e6974;  // "init"

// Eight 16-bit uniforms of one Philox block. Their sum has mean 8·65535/2, and variance 8·2^32/12
// but for 2^-32 of it.
float normal(const RngKey& key, uint64_t element) {
  int64_t sum = 0;
  for (const uint32_t bits : kernels::random_bits(key, element))
    sum += (bits & 0xffff) + (bits >> 16);
  constexpr double kSqrt3Over2 = 1.2247448713915890491;  // 1 / sqrt(8 / 12)
  constexpr double kScale = kInitializerRange * kSqrt3Over2 * 0x1p-16;
  return static_cast<float>(static_cast<double>(sum - 4 * 65535) * kScale);
}

void fill_hash_table(const RngKey& key, int64_t num_experts, IntTensor& table) {
  const int64_t E = num_experts, K = table.cols;
  std::vector<int32_t> permutation(static_cast<size_t>(E));
  for (int64_t token = 0; token < table.rows; ++token) {
    const int64_t i = token % E;
    if (i == 0) {  // Fisher–Yates; token + n is a position no other draw uses
      std::iota(permutation.begin(), permutation.end(), 0);
      for (int64_t n = E - 1; n > 0; --n) {
        const auto j = kernels::uniform_int(key, static_cast<uint64_t>(token + n),
                                            static_cast<uint64_t>(n + 1));
        std::swap(permutation[static_cast<size_t>(n)], permutation[static_cast<size_t>(j)]);
      }
    }
    for (int64_t k = 0; k < K; ++k)
      table.row(token)[k] = permutation[static_cast<size_t>((i * K + k) % E)];
  }
}

enum class Start { kZero, kOne, kNormal };

struct Init {
  uint64_t seed;
  int64_t num_experts;
  kernels::ThreadPool& pool;
  uint64_t tensor_index = 0;

  // Matrices are random, and of the vectors norms and mHC scales are 1 and the rest 0. ape is
  // a matrix for the eye, not for the visitor: Matrix means a linear layer's weight.
  template <class T>
  void operator()(const std::string& name, T& t, Role) {
    const bool random = std::is_base_of_v<Matrix, T> || name == "embed.weight";
    const auto ends_with = [&](std::string_view tail) {
      return name.size() >= tail.size() &&
             name.compare(name.size() - tail.size(), tail.size(), tail) == 0;
    };
    const bool one = ends_with("norm.weight") || ends_with("_scale");
    fill(t, random ? Start::kNormal : one ? Start::kOne : Start::kZero);
  }
  void operator()(const std::string&, IntTensor& t) {
    CHECK(t.data != nullptr);
    fill_hash_table(next_key(), num_experts, t);
  }

  void fill(Tensor& t, Start start) {
    CHECK(t.data != nullptr);
    const RngKey key = next_key();
    pool.ranges(t.size(), int64_t{1} << 14, [&](int64_t begin, int64_t end) {
      if (start != Start::kNormal) {
        std::fill(t.data + begin, t.data + end, start == Start::kOne ? 1.0f : 0.0f);
        return;
      }
      for (int64_t i = begin; i < end; ++i) t.data[i] = normal(key, static_cast<uint64_t>(i));
    });
  }
  RngKey next_key() { return {seed, kStreamInit, tensor_index++}; }
};

}  // namespace

void init_weights(const ModelConfig& config, uint64_t seed, Weights& weights) {
  kernels::ThreadPool pool(
      static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 8u)));
  Init init{seed, config.n_routed_experts, pool};
  visit(weights, init);
}

}  // namespace amalgam::model
