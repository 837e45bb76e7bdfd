// One token of one teacher, as head_kl.cc hands it to its SIMD part.
#pragma once
#include <cstdint>

namespace amalgam::kernels {

struct KlRowArgs {
  float* z;         // [V] student logits; the gradient once the token's last teacher is in
  const float* ze;  // [V] teacher logits
  float* g;         // [V] sum over the teachers so far, where a token has several
  int64_t n;        // V
  float lse, lse_teacher;
  float w, c;  // c: of the gradient, with 1/T in it
  bool is_first, is_last, wants_gradient;
};

}  // namespace amalgam::kernels
