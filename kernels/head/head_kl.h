// The loss of on-policy distillation, from hidden states (POST_TRAINING.md §5): the reverse KL
// summed over the whole vocabulary, or another divergence (kernels/head/divergence.h).
//
//   z = h Wᵀ / T,  z_i = h_i W_iᵀ / T,  π = softmax z,  π_i = softmax z_i
//   KL_{t,i} = Σ_v π(v)·(log π(v) - log π_i(v))          L = Σ_t c_t Σ_i w_{t,i} KL_{t,i}
//   dL/dz[t, v] = c_t Σ_i w_{t,i} π(v)·(log π(v) - log π_i(v) - KL_{t,i})
//   g[t, v] = dL/d(h Wᵀ)[t, v] = (1/T) · dL/dz[t, v]
//
// Another divergence takes KL's place in all of them.
//
// Student and teachers have one temperature T, that of the rollouts: L is the KL of the policies
// that are sampled from, without the T² that makes gradients of other temperatures alike in size.
//
// Logits of student and teacher exist for one tile of tokens; they are kept, not recomputed: with
// one teacher four matrix products in all. Any number of teachers, each with its own width D_i; a
// teacher's products run over the tokens that it has a weight for. Teachers' heads get no gradient.
//
// Bits: KL_t and dh[t] depend on token t's rows, weights and the heads only. A teacher with weight
// 0 for a token changes none of that token's bits; a token whose weights are all 0 costs nothing.
//
// Mistakes it invites: forward instead of reverse KL, or leaving out -KL or 1/T
// (HeadKlTest.FiniteDifferences); a normalised mixture instead of a sum (HeadKlTest.TeachersAddUp).
#pragma once
#include <cstdint>
#include <span>

#include "kernels/head/divergence.h"
#include "kernels/head/head_tiles.h"

namespace amalgam::kernels {

struct KlTeacher {
  Head head;                       // W_i [V, D_i]
  const float* hidden = nullptr;   // [T, D_i], after the teacher's final norm
  const float* weights = nullptr;  // [T] w_{t,i}
  float* kl = nullptr;             // [T] out: KL_{t,i}, 0 where w_{t,i} is; null: not wanted
};

struct HeadKl {
  Head student;
  const float* hidden = nullptr;  // [T, D]
  int64_t tokens = 0;             // T
  std::span<const KlTeacher> teachers;
  const float* c = nullptr;  // [T]
  int64_t tile_rows = 0;     // tokens per tile; 0: head_tile_rows
  double temperature = 1;    // of student and teachers
  Divergence divergence = {};
};

// kl [T] = Σ_i w_{t,i} KL_{t,i}, without c. Gradients are skipped when both are null.
void head_kl(ThreadPool& pool, Arena& arena, const HeadKl& op, float* kl,
             const HeadGradients& grads);

}  // namespace amalgam::kernels
