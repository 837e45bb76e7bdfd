// What the fused vocabulary losses share: the loop over tiles of tokens whose logits exist at one
// time, and the three matrix products of a head. No array of [all tokens, V] is ever made.
//
//   z = h · Wᵀ / T      dh += g · W          dW += gᵀ · h,      g = dL/d(h·Wᵀ) = (1/T) · dL/dz
//
// T is the policy's temperature (kernels/head/softmax.h). The losses put 1/T into the one
// coefficient that each of their gradients has, so it costs nothing.
//
// dh and dW continue one FMA chain per element (over v, over tokens ascending) across tiles, so no
// bit depends on the tile's height, on threads, or on tokens that are left out.
//
// Mistakes it invites: a streamed tile's logits in the wrong columns, or the last, lower tile
// (HeadTilesTest.AStreamedHeadHasTheBitsOfOneInMemory).
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>

#include "kernels/device/arena.h"
#include "kernels/device/thread_pool.h"

namespace amalgam::kernels {

// Rows of a head that is not in memory as a whole: its logits are made vocabulary tile by tile.
// What rows() cannot give it throws.
class StreamedHead {
 public:
  virtual ~StreamedHead() = default;
  virtual int64_t tile_rows() const = 0;  // > 0
  // Rows [begin, end) of W, at most tile_rows() of them, f32, until the next call; begin is a
  // multiple of tile_rows().
  virtual const float* rows(ThreadPool& pool, int64_t begin, int64_t end) = 0;
};

struct Head {
  const float* weight = nullptr;  // [V, D]; null: `stream` has the rows, and gradients are not made
  int64_t vocabulary = 0, dim = 0;
  StreamedHead* stream = nullptr;
};

// Where gradients are added; a null member is not computed.
struct HeadGradients {
  float* hidden = nullptr;  // [T, D] +=
  float* weight = nullptr;  // [V, D] +=
};

// Tokens per tile when `buffers` arrays of [tile, V] are alive: up to 128 MB of them, less where
// that keeps them in cache while the tile is still high enough for the matrix products.
int64_t head_tile_rows(int64_t vocabulary, int64_t buffers);

// Rows `tokens` of x [T, D], one after the other, and back.
void gather_tokens(const float* x, std::span<const int32_t> tokens, int64_t dim, float* rows);
void scatter_tokens(const float* rows, std::span<const int32_t> tokens, int64_t dim, float* x);

// z [n, V] = rows [n, D] · Wᵀ / temperature; the same bits whether W is in memory or streamed.
void head_logits(ThreadPool& pool, const Head& head, double temperature, const float* rows,
                 int64_t n, float* z);
// From g [n, V] of the tile's tokens and their hidden rows [n, D].
void head_backward(ThreadPool& pool, Arena& arena, const Head& head, const float* rows,
                   std::span<const int32_t> tokens, const float* g, const HeadGradients& grads);

// What the tiles of one loss are made of.
struct HeadRows {
  const Head& head;
  const float* hidden;              // [T, D]
  std::span<const int32_t> tokens;  // those that take part
  double temperature;
};

// Calls f(tokens of the tile, their hidden rows [n, D], their logits z [n, V]) tile by tile; f may
// overwrite z.
template <class F>
void for_each_head_tile(ThreadPool& pool, Arena& arena, const HeadRows& from, int64_t tile_rows,
                        const F& f) {
  const auto& [head, hidden, tokens, temperature] = from;
  const auto num_tokens = static_cast<int64_t>(tokens.size());
  const Arena::Mark mark = arena.mark();
  tile_rows = std::min(tile_rows, num_tokens);
  float* rows = arena.alloc<float>(static_cast<size_t>(tile_rows * head.dim));
  float* z = arena.alloc<float>(static_cast<size_t>(tile_rows * head.vocabulary));
  for (int64_t begin = 0; begin < num_tokens; begin += tile_rows) {
    const auto tile = tokens.subspan(static_cast<size_t>(begin),
                                     static_cast<size_t>(std::min(tile_rows, num_tokens - begin)));
    gather_tokens(hidden, tile, head.dim, rows);
    head_logits(pool, head, temperature, rows, static_cast<int64_t>(tile.size()), z);
    f(tile, rows, z);
  }
  arena.reset(mark);
}

}  // namespace amalgam::kernels
