#include "distill/teachers/teachers.h"

#include <cstring>

#include "configs/error.h"
#include "learner/step/packing.h"
#include "model/checkpoint/packed_model.h"
#include "model/network/network.h"

namespace amalgam::distill {

TeacherStates run_teacher(const std::string& directory, std::span<const TeacherInput> inputs,
                          int64_t student_vocabulary, kernels::ThreadPool& pool,
                          int64_t max_micro_tokens, const configs::NumericsConfig& numerics) {
  const model::PackedModel teacher = model::load_packed_model(directory, numerics);
  const model::ModelConfig& config = teacher.config();
  if (config.vocab_size != student_vocabulary)
    throw Error(directory + ": has " + std::to_string(config.vocab_size) +
                " tokens in its vocabulary, the student has " + std::to_string(student_vocabulary) +
                "; teachers and student must share a tokenizer");
  const auto D = static_cast<size_t>(config.hidden_size);
  TeacherStates s;
  s.vocabulary_ = config.vocab_size;
  s.dim_ = config.hidden_size;
  const model::Tensor& head = teacher.weights().head;
  s.head_.assign(head.data, head.data + head.size());
  std::vector<int64_t> wanted, lengths;
  size_t total = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    s.offset_.push_back(total * D);
    if (!inputs[i].wanted) continue;
    wanted.push_back(static_cast<int64_t>(i));
    lengths.push_back(static_cast<int64_t>(inputs[i].ids.size()));
    total += inputs[i].ids.size();
  }
  s.hidden_.resize(total * D);
  model::Network network(config, pool, numerics);
  for (const auto& members : learner::pack_micro_batches(lengths, max_micro_tokens,
                                                         learner::PackOrder::kFirstFitDecreasing)) {
    learner::PackedRows rows;
    for (const int64_t m : members)
      rows.add(inputs[static_cast<size_t>(wanted[static_cast<size_t>(m)])].ids);
    network.arena().reset();
    const model::Var hidden = network.run(teacher.weights(), {rows.ids, rows.slices}, nullptr);
    for (size_t i = 0; i < members.size(); ++i) {
      const auto sequence = static_cast<size_t>(wanted[static_cast<size_t>(members[i])]);
      std::memcpy(s.hidden_.data() + s.offset_[sequence], hidden.v.row(rows.slices[i].row),
                  static_cast<size_t>(rows.slices[i].num_rows) * D * sizeof(float));
    }
  }
  return s;
}

}  // namespace amalgam::distill
