// Teachers of on-policy distillation (POST_TRAINING.md §5). A teacher's forward pass leaves only
// its final hidden states, [tokens, D_i]; its logits are rebuilt tile by tile inside the fused KL,
// so no [tokens, vocabulary] array ever exists. Weights are loaded on demand, one teacher at a
// time; afterwards its head stays for the KL.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "configs/numerics_config.h"
#include "kernels/device/arena.h"
#include "kernels/device/thread_pool.h"
#include "kernels/head/head_tiles.h"

namespace amalgam::distill {

// A sequence, and whether this teacher has a weight for it.
struct TeacherInput {
  std::span<const int32_t> ids;
  bool wanted = true;
};

// What is left of a teacher after its forward pass.
class TeacherStates {
 public:
  // [num_tokens, D_i] of a wanted sequence.
  const float* hidden(size_t sequence) const { return hidden_.data() + offset_[sequence]; }
  kernels::Head head() const { return {head_.data(), vocabulary_, dim_}; }
  int64_t dim() const { return dim_; }

 private:
  friend TeacherStates run_teacher(const std::string&, std::span<const TeacherInput>, int64_t,
                                   kernels::ThreadPool&, int64_t, const configs::NumericsConfig&);
  std::vector<float> hidden_, head_;
  std::vector<size_t> offset_;  // of each sequence
  int64_t vocabulary_ = 0, dim_ = 0;
};

// Loads the model directory, runs it over the wanted sequences and lets the weights go. Throws
// Error if the teacher's vocabulary is not the student's.
TeacherStates run_teacher(const std::string& directory, std::span<const TeacherInput> inputs,
                          int64_t student_vocabulary, kernels::ThreadPool& pool,
                          int64_t max_micro_tokens, const configs::NumericsConfig& numerics);

}  // namespace amalgam::distill
