#include "distill/step/segments.h"

#include <algorithm>
#include <numeric>

#include "configs/check.h"

namespace amalgam::distill {

std::vector<size_t> teachers_of(const TeacherWeights& weights) {
  std::vector<size_t> teachers;
  for (const auto& [teacher, weight] : weights)
    if (weight > 0) teachers.push_back(teacher);
  return teachers;
}

std::vector<size_t> order_by_teachers(std::span<const TeacherWeights* const> weights,
                                      std::span<const int64_t> lengths) {
  std::vector<std::vector<size_t>> teachers;
  for (const TeacherWeights* w : weights) teachers.push_back(teachers_of(*w));
  std::vector<size_t> order(weights.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return teachers[a] != teachers[b] ? teachers[a] < teachers[b] : lengths[a] > lengths[b];
  });
  return order;
}

std::vector<std::vector<Segment>> segments_of(
    std::span<const TeacherWeights* const> weights,
    const std::vector<std::vector<int64_t>>& micro_batches) {
  std::vector<std::vector<Segment>> all;
  for (const std::vector<int64_t>& members : micro_batches) {
    std::vector<Segment>& segments = all.emplace_back();
    for (const int64_t member : members) {
      const auto i = static_cast<size_t>(member);
      std::vector<size_t> teachers = teachers_of(*weights[i]);
      if (!segments.empty() && segments.back().teachers == teachers) {
        CHECK_EQ(segments.back().end, i);
        segments.back().end = i + 1;
      } else {
        segments.push_back({i, i + 1, std::move(teachers)});
      }
    }
  }
  return all;
}

}  // namespace amalgam::distill
