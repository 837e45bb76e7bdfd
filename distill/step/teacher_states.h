// The teachers' part of a step before the KL: every teacher runs over the segments that follow it,
// one teacher after the other, and leaves its hidden states in the store.
#pragma once
#include <map>
#include <vector>

#include "distill/step/segments.h"
#include "learner/step/trainer.h"

namespace amalgam::distill {

class TeacherStates {
 public:
  // `batch` in the order of its segments. Passes have at most max_micro_tokens tokens where no
  // segment has more.
  TeacherStates(Teachers& teachers, std::span<const learner::TrainSequence> batch,
                const std::vector<std::vector<Segment>>& segments, int64_t max_micro_tokens);

  // A hint that this micro-batch is the next one.
  void read_ahead(size_t micro) const;
  // Hidden states [rows of the segment, D_i] of one of its teachers; once each.
  HiddenStore::Block take(size_t micro, size_t segment, size_t teacher);

 private:
  struct Place {
    size_t micro, segment;
    auto operator<=>(const Place&) const = default;
  };
  void run(size_t teacher, const std::vector<Place>& places,
           std::span<const learner::TrainSequence> batch, int64_t max_micro_tokens);
  int64_t tokens(const Place& p, std::span<const learner::TrainSequence> batch) const;

  Teachers& teachers_;
  const std::vector<std::vector<Segment>>& segments_;
  std::map<std::pair<Place, size_t>, size_t> blocks_;  // (place, teacher) → of the store
};

}  // namespace amalgam::distill
