// The teachers of on-policy distillation (POST_TRAINING.md §5). Their weights stay on disk and are
// loaded ahead of use; a teacher's forward pass leaves only its final hidden states, [tokens, D_i];
// its logits are rebuilt tile by tile inside the fused KL, so no [tokens, vocabulary] array ever
// exists and of a teacher only the head is needed then.
//
// Numbers of teachers ascend with their names: sums over teachers are in this order, whatever the
// order in which they are loaded.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "distill/teachers/hidden_store.h"
#include "distill/teachers/teacher_cache.h"
#include "distill/teachers/teacher_files.h"
#include "distill/teachers/teacher_head.h"
#include "kernels/head/head_tiles.h"
#include "model/network/network.h"

namespace amalgam::distill {

// By a teacher's number.
using TeacherWeights = std::map<size_t, double>;

struct TeacherMemory {
  int64_t weights_bytes = 0, hidden_bytes = 0;
  std::string directory;  // for what of the hidden states does not fit
};

// What was used since begin().
struct TeacherFigures {
  double forward_s = 0;                         // their passes
  double wait_s = 0;                            // for their weights and heads
  int64_t weights_bytes = 0, hidden_bytes = 0;  // most in memory at once
};

class Teachers {
 public:
  // names: name → model directory; names may share one, and are then one teacher, called by the
  // first of them. Reads no weights. The teachers run with the student's numerics and in its
  // memory, which they leave changed; `student` outlives this. Throws Error where a directory holds
  // no model, or one of another vocabulary or that the numerics do not allow.
  Teachers(const std::vector<std::pair<std::string, std::string>>& names, model::Network& student,
           TeacherMemory memory);

  size_t number(const std::string& name) const { return number_.at(name); }
  const std::string& name(size_t teacher) const { return teachers_[teacher]->name; }
  int64_t dim(size_t teacher) const { return teachers_[teacher]->config.hidden_size; }

  // A step with these teachers begins, or will: their weights are on their way from here on.
  void begin(const std::vector<size_t>& teachers);
  // Runs those of begin() one after the other: f(teacher) calls forward() for it.
  void run(const std::function<void(size_t teacher)>& f);
  // Inside of run(): hidden states after the final norm, [rows, D_i], until the next call.
  const float* forward(std::span<const int32_t> ids, std::span<const model::SequenceSlice> slices);
  HiddenStore& hidden() { return hidden_; }

  // After run(), for the KL: the head in memory as a whole, of one teacher at a time; or, where a
  // token has several teachers, in tiles. Valid until the next whole head, and to the end of the
  // step.
  kernels::Head whole_head(size_t teacher);
  kernels::Head tiled_head(size_t teacher);
  // The step ends: its hidden states and heads go.
  TeacherFigures end();

 private:
  struct Teacher {
    Teacher(const std::string& first_name, const std::string& directory);
    const std::string name, directory;
    TeacherFiles files;
    const model::StoredModel stored;
    const model::ModelConfig config;
    model::FloatSource head;
    std::unique_ptr<model::Network> network;
    // While its head is used in tiles.
    std::unique_ptr<model::RowReader> reader;
    std::unique_ptr<TeacherHead> tiles;
  };
  model::ForwardModel load(size_t teacher);
  const float* kept_head(size_t teacher) const;

  model::Network& student_;
  std::vector<std::unique_ptr<Teacher>> teachers_;
  std::map<std::string, size_t> number_;  // by every name
  HiddenStore hidden_;
  std::vector<size_t> order_;
  size_t current_ = 0;  // inside of run()
  const model::ForwardModel* current_model_ = nullptr;
  size_t whole_ = 0;
  kernels::Buffer<float> whole_head_;  // of whole_; empty: none
  TeacherFigures figures_;
  std::unique_ptr<TeacherCache> cache_;  // last: its thread uses the others
};

}  // namespace amalgam::distill
