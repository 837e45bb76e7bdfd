#include "distill/step/segments.h"

#include <gtest/gtest.h>

namespace amalgam::distill {
namespace {

TEST(Segments, SequencesStandByTheirTeachers) {
  const std::vector<TeacherWeights> rows = {{{1, 1.0}}, {{0, 1.0}, {1, 0.5}}, {{0, 2.0}, {2, 0.0}},
                                            {{1, 3.0}}, {{0, 1.0}},           {}};
  std::vector<const TeacherWeights*> weights;
  for (const auto& row : rows) weights.push_back(&row);
  const std::vector<int64_t> lengths = {5, 9, 3, 7, 4, 2};
  const std::vector<size_t> order = order_by_teachers(weights, lengths);
  // Those without one; 0 alone, the longest first; 0 and 1; 1 alone.
  EXPECT_EQ(order, (std::vector<size_t>{5, 4, 2, 1, 3, 0}));

  std::vector<const TeacherWeights*> ordered;
  for (const size_t i : order) ordered.push_back(weights[i]);
  const auto segments = segments_of(ordered, {{0, 1}, {2, 3, 4}, {5}});
  ASSERT_EQ(segments.size(), 3u);
  const auto expect = [](const Segment& s, size_t begin, size_t end,
                         const std::vector<size_t>& teachers) {
    EXPECT_EQ(s.begin, begin);
    EXPECT_EQ(s.end, end);
    EXPECT_EQ(s.teachers, teachers);
  };
  ASSERT_EQ(segments[0].size(), 2u);
  expect(segments[0][0], 0, 1, {});
  expect(segments[0][1], 1, 2, {0});
  ASSERT_EQ(segments[1].size(), 3u);
  expect(segments[1][0], 2, 3, {0});
  expect(segments[1][1], 3, 4, {0, 1});
  expect(segments[1][2], 4, 5, {1});
  ASSERT_EQ(segments[2].size(), 1u);
  expect(segments[2][0], 5, 6, {1});
}

}  // namespace
}  // namespace amalgam::distill
