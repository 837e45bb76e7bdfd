// Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011). A number is a pure function
// of (seed, stream, request, position): no state to save, none to share between threads.
#pragma once
#include <array>
#include <cstdint>

namespace amalgam::kernels {

struct RngKey {
  uint64_t seed = 0;     // of the run
  uint64_t stream = 0;   // what the numbers are for (kStream…), mixed with the stage
  uint64_t request = 0;  // which sample
};

inline std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter,
                                      std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0], b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key[0] += 0x9E3779B9, key[1] += 0xBB67AE85;
  }
  return counter;
}

// Many positions of one request: what depends on the key alone is done once.
class RngDraws {
 public:
  // Seed and stream are folded by one Philox call so that all 64 bits of both count.
  explicit RngDraws(const RngKey& k)
      : request_(k.request),
        folded_(philox({static_cast<uint32_t>(k.stream), static_cast<uint32_t>(k.stream >> 32),
                        0x616d616c, 0x67616d00},
                       {static_cast<uint32_t>(k.seed), static_cast<uint32_t>(k.seed >> 32)})) {}

  std::array<uint32_t, 4> bits(uint64_t position) const {
    return philox({static_cast<uint32_t>(position), static_cast<uint32_t>(position >> 32),
                   static_cast<uint32_t>(request_), static_cast<uint32_t>(request_ >> 32)},
                  {folded_[0], folded_[1]});
  }

 private:
  uint64_t request_;
  std::array<uint32_t, 4> folded_;
};

// 128 random bits for one position of one request.
inline std::array<uint32_t, 4> random_bits(const RngKey& k, uint64_t position) {
  return RngDraws(k).bits(position);
}

// Uniform in [0, 1) with 53 bits.
inline double uniform(const RngKey& k, uint64_t position) {
  const auto r = random_bits(k, position);
  return static_cast<double>((uint64_t{r[0]} << 21) ^ (r[1] >> 11)) * 0x1p-53;
}

// Uniform integer in [0, n), n ≥ 1 (bias below n / 2^64).
inline uint64_t uniform_int(const RngKey& k, uint64_t position, uint64_t n) {
  const auto r = random_bits(k, position);
  const uint64_t bits = (uint64_t{r[0]} << 32) | r[1];
  return static_cast<uint64_t>((static_cast<unsigned __int128>(bits) * n) >> 64);
}

}  // namespace amalgam::kernels
