// A mini-batch in the order of its teachers: sequences that follow the same ones stand together, so
// that each head is in memory once. Segments are runs of such sequences inside a micro-batch. Pure
// functions of their arguments; no bit depends on which teachers are in memory.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "distill/teachers/teachers.h"

namespace amalgam::distill {

// Teachers with a weight above 0, ascending.
std::vector<size_t> teachers_of(const TeacherWeights& weights);

// Indices of sequences: by teachers, then the longest first as they came.
std::vector<size_t> order_by_teachers(std::span<const TeacherWeights* const> weights,
                                      std::span<const int64_t> lengths);

struct Segment {
  size_t begin = 0, end = 0;     // sequences of the ordered batch
  std::vector<size_t> teachers;  // of all of them
};
// Of the ordered batch, micro-batch by micro-batch; micro-batches hold consecutive sequences.
std::vector<std::vector<Segment>> segments_of(
    std::span<const TeacherWeights* const> weights,
    const std::vector<std::vector<int64_t>>& micro_batches);

}  // namespace amalgam::distill
