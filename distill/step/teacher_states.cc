#include "distill/step/teacher_states.h"

namespace amalgam::distill {

TeacherStates::TeacherStates(Teachers& teachers, std::span<const learner::TrainSequence> batch,
                             const std::vector<std::vector<Segment>>& segments,
                             int64_t max_micro_tokens)
    : teachers_(teachers), segments_(segments) {
  std::map<size_t, std::vector<Place>> places;  // by teacher
  for (size_t m = 0; m < segments.size(); ++m)
    for (size_t s = 0; s < segments[m].size(); ++s)
      for (const size_t teacher : segments[m][s].teachers) places[teacher].push_back({m, s});
  std::vector<size_t> needed;
  for (const auto& [teacher, of] : places) needed.push_back(teacher);
  teachers.begin(needed);
  teachers.run([&](size_t teacher) { run(teacher, places.at(teacher), batch, max_micro_tokens); });
}

int64_t TeacherStates::tokens(const Place& p, std::span<const learner::TrainSequence> batch) const {
  const Segment& segment = segments_[p.micro][p.segment];
  int64_t n = 0;
  for (size_t i = segment.begin; i < segment.end; ++i)
    n += static_cast<int64_t>(batch[i].ids.size());
  return n;
}

void TeacherStates::run(size_t teacher, const std::vector<Place>& places,
                        std::span<const learner::TrainSequence> batch, int64_t max_micro_tokens) {
  const auto dim = static_cast<size_t>(teachers_.dim(teacher));
  for (size_t first = 0; first < places.size();) {
    // As many segments as make one pass.
    learner::PackedRows rows;
    size_t last = first;
    do {
      const Segment& segment = segments_[places[last].micro][places[last].segment];
      for (size_t i = segment.begin; i < segment.end; ++i) rows.add(batch[i].ids);
      ++last;
    } while (last < places.size() &&
             rows.tokens() + tokens(places[last], batch) <= max_micro_tokens);
    const float* hidden = teachers_.forward(rows.ids, rows.slices);
    for (; first < last; ++first) {
      const size_t n = static_cast<size_t>(tokens(places[first], batch)) * dim;
      blocks_[{places[first], teacher}] = teachers_.hidden().put(hidden, n);
      hidden += n;
    }
  }
}

void TeacherStates::read_ahead(size_t micro) const {
  if (micro >= segments_.size()) return;
  for (size_t s = 0; s < segments_[micro].size(); ++s)
    for (const size_t teacher : segments_[micro][s].teachers)
      teachers_.hidden().read_ahead(blocks_.at({{micro, s}, teacher}));
}

HiddenStore::Block TeacherStates::take(size_t micro, size_t segment, size_t teacher) {
  return teachers_.hidden().take(blocks_.at({{micro, segment}, teacher}));
}

}  // namespace amalgam::distill
