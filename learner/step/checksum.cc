#include "learner/step/checksum.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>
#include <vector>

#include "configs/check.h"
#include "configs/fnv1a.h"

namespace amalgam::learner {
namespace {

constexpr size_t kPiece = 1 << 20;
constexpr size_t kChains = 8;
constexpr uint64_t kPrime = 0x9e3779b97f4a7c15;  // odd; FNV's own has few bits for whole words

std::string_view text_of(const uint64_t* words, size_t count) {
  return {reinterpret_cast<const char*>(words), count * sizeof *words};
}

uint64_t of_piece(const std::byte* data, size_t bytes) {
  std::array<uint64_t, kChains> chains;
  chains.fill(kFnv1aStart);
  for (size_t i = 0; i < bytes; i += sizeof chains) {
    std::array<uint64_t, kChains> words;
    std::memcpy(words.data(), data + i, sizeof words);
    for (size_t c = 0; c < kChains; ++c) chains[c] = std::rotl((chains[c] ^ words[c]) * kPrime, 31);
  }
  return fnv1a(text_of(chains.data(), kChains));
}

}  // namespace

uint64_t checksum(kernels::ThreadPool& pool, const std::byte* data, size_t bytes) {
  CHECK_EQ(bytes % (kChains * sizeof(uint64_t)), size_t{0});
  std::vector<uint64_t> pieces((bytes + kPiece - 1) / kPiece);
  pool.run(static_cast<int64_t>(pieces.size()), [&](int64_t i) {
    const size_t begin = static_cast<size_t>(i) * kPiece;
    pieces[static_cast<size_t>(i)] = of_piece(data + begin, std::min(kPiece, bytes - begin));
  });
  return fnv1a(text_of(pieces.data(), pieces.size()));
}

}  // namespace amalgam::learner
