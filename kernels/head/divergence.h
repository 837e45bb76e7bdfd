// Divergences of a student's policy from a teacher's at one token, and their gradients with respect
// to the student's logits. p = softmax z of the student, q = softmax z_E of the teacher, over the
// whole vocabulary; S: the teacher's k most likely ids (kernels/head/top_k.h); p̃, q̃: p and q
// renormalised over S.
//
//   kReverse   D = Σ_v p (log p - log q)                        dD/dz_v = p (log p - log q - D)
//   kForward   D = Σ_v q (log q - log p)                        dD/dz_v = p - q
//   kJsd       M = (1-β) p + β q;  D = β KL(q‖M) + (1-β) KL(p‖M),  0 < β < 1
//                                               dD/dz_v = (1-β) p (log p/M - KL(p‖M))
//   kTopK      D = f Σ q̃ (log q̃ - log p̃) + (1-f) Σ p̃ (log p̃ - log q̃) over S: the two above of k
//              logits, times `forward`; nothing outside S. With Outside::kZero the student is not
//              renormalised, and the teacher's log-probability is -100 outside S.
//   kTopKTail  the reverse KL of k + 1 classes: the ids of S, and all others as one
//                                               v ∉ S: dD/dz_v = p (log P - log Q - D),
//              P, Q what p and q have outside S
//   kTopKClamped  D = Σ_{v ∈ S} Q_v (log Q_v - log P_v), clamped to [0, max]; P and Q are p and q,
//              at least exp(log_prob_min) each, not renormalised; no gradient where P or D is cut
//                                               dD/dz_v = p Σ_S Q - Q_v 1[v ∈ S]
//
// Mistakes it invites: log 0 of a token without probability (DivergenceTest.TokensWithoutChance),
// the tail's mass as 1 - Σ_S p (DivergenceTest.ATailThatIsHardlyThere), and the mistakes of
// head_kl.h.
#pragma once
#include <cstdint>

namespace amalgam::kernels {

enum class DivergenceKind { kReverse, kForward, kJsd, kTopK, kTopKTail, kTopKClamped };
enum class Outside { kRenormalised, kZero };

struct Divergence {
  DivergenceKind kind = DivergenceKind::kReverse;
  double beta = 0.5;                         // kJsd
  int64_t k = 64;                            // kTopK…; more than V is V
  double forward = 1;                        // kTopK: weight of the forward KL
  Outside outside = Outside::kRenormalised;  // kTopK
  double log_prob_min = -10, max = 10;       // kTopKClamped

  bool has_top_k() const { return kind >= DivergenceKind::kTopK; }
};

// One token of one teacher. A token's teachers come one after the other.
struct DivergenceRow {
  float* z;   // [V] student logits; the gradient once the token's last teacher is in
  float* ze;  // [V] teacher logits; overwritten
  float* g;   // [V] sum over the teachers so far, where a token has several
  int64_t n;  // V
  float lse, lse_teacher;
  float w, c;  // c: of the gradient, with 1/T in it
  bool is_first, is_last, wants_gradient;
  // Of a divergence with has_top_k(): [k + 1] each.
  int32_t* ids = nullptr;
  float *top_z = nullptr, *top_ze = nullptr;
};

// D; its gradient, times w, joins that of the token's other teachers.
float divergence_row(const Divergence& divergence, const DivergenceRow& row);

}  // namespace amalgam::kernels
