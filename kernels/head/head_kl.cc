#include "kernels/head/head_kl.h"

#include <algorithm>
#include <cmath>

#include "configs/check.h"
#include "kernels/head/softmax.h"

namespace amalgam::kernels {
namespace {

// Room for each row's top k, and one more.
struct TopKScratch {
  TopKScratch(Arena& arena, int64_t size_of_row, int64_t rows)
      : size(size_of_row),
        ids(arena.alloc<int32_t>(static_cast<size_t>(rows * size))),
        z(arena.alloc<float>(static_cast<size_t>(rows * size))),
        ze(arena.alloc<float>(static_cast<size_t>(rows * size))) {}
  static int64_t size_for(const HeadKl& op) {
    return op.divergence.has_top_k() ? std::min(op.divergence.k, op.student.vocabulary) + 1 : 0;
  }

  int64_t size;
  int32_t* ids;
  float *z, *ze;
};

// The teachers that token t has a weight for.
struct TeacherRange {
  size_t first = 0, last = 0;
  int count = 0;
};
TeacherRange teachers_of(const HeadKl& op, int64_t t) {
  TeacherRange range;
  for (size_t i = 0; i < op.teachers.size(); ++i) {
    if (op.teachers[i].weights[t] == 0) continue;
    if (range.count++ == 0) range.first = i;
    range.last = i;
  }
  return range;
}

}  // namespace

void head_kl(ThreadPool& pool, Arena& arena, const HeadKl& op, float* kl,
             const HeadGradients& grads) {
  const int64_t V = op.student.vocabulary;
  const Arena::Mark mark = arena.mark();
  std::fill_n(kl, op.tokens, 0.0f);
  for (const KlTeacher& teacher : op.teachers)
    if (teacher.kl) std::fill_n(teacher.kl, op.tokens, 0.0f);

  auto* active = arena.alloc<int32_t>(static_cast<size_t>(op.tokens));
  size_t num_active = 0;
  int most_teachers = 0;
  for (int64_t t = 0; t < op.tokens; ++t) {
    const int count = teachers_of(op, t).count;
    if (count > 0) active[num_active++] = static_cast<int32_t>(t);
    most_teachers = std::max(most_teachers, count);
  }
  if (num_active == 0) return arena.reset(mark);

  const bool wants_gradient = grads.hidden || grads.weight;
  const bool sums_teachers = wants_gradient && most_teachers > 1;
  const int64_t top_size = TopKScratch::size_for(op);
  const int64_t buffers = (sums_teachers ? 3 : 2) + 3 * top_size / V;  // of [tile, V]
  int64_t tile_rows = op.tile_rows > 0 ? op.tile_rows : head_tile_rows(V, buffers);
  tile_rows = std::min(tile_rows, static_cast<int64_t>(num_active));
  int64_t widest = 0;
  for (const KlTeacher& teacher : op.teachers) {
    CHECK_EQ(teacher.head.vocabulary, V);
    widest = std::max(widest, teacher.head.dim);
  }
  const auto tile_size = static_cast<size_t>(tile_rows);
  float* lse = arena.alloc<float>(tile_size);
  float* ze = arena.alloc<float>(tile_size * static_cast<size_t>(V));
  float* g = sums_teachers ? arena.alloc<float>(tile_size * static_cast<size_t>(V)) : nullptr;
  float* teacher_rows = arena.alloc<float>(tile_size * static_cast<size_t>(widest));
  auto* row_of = arena.alloc<int32_t>(tile_size);    // rows of the tile that the teacher teaches
  auto* token_of = arena.alloc<int32_t>(tile_size);  // and their tokens

  const TopKScratch top(arena, top_size, tile_rows);

  for_each_head_tile(
      pool, arena, {op.student, op.hidden, {active, num_active}, op.temperature}, tile_rows,
      [&](std::span<const int32_t> tokens, const float* rows, float* z) {
        log_sum_exp_rows(pool, z, static_cast<int64_t>(tokens.size()), V, lse);
        for (size_t i = 0; i < op.teachers.size(); ++i) {
          const KlTeacher& teacher = op.teachers[i];
          size_t n = 0;
          for (size_t r = 0; r < tokens.size(); ++r) {
            if (teacher.weights[tokens[r]] == 0) continue;
            row_of[n] = static_cast<int32_t>(r), token_of[n++] = tokens[r];
          }
          gather_tokens(teacher.hidden, {token_of, n}, teacher.head.dim, teacher_rows);
          head_logits(pool, teacher.head, op.temperature, teacher_rows, static_cast<int64_t>(n),
                      ze);
          pool.run(static_cast<int64_t>(n), [&](int64_t j) {
            const int64_t r = row_of[j], t = token_of[j];
            float* ze_row = ze + j * V;
            const TeacherRange range = teachers_of(op, t);
            const float w = teacher.weights[t];
            const float value =
                divergence_row(op.divergence, {.z = z + r * V,
                                               .ze = ze_row,
                                               .g = g ? g + r * V : nullptr,
                                               .n = V,
                                               .lse = lse[r],
                                               .lse_teacher = log_sum_exp(ze_row, V),
                                               .w = w,
                                               .c = static_cast<float>(op.c[t] / op.temperature),
                                               .is_first = i == range.first,
                                               .is_last = i == range.last,
                                               .wants_gradient = wants_gradient,
                                               .ids = top.ids + j * top.size,
                                               .top_z = top.z + j * top.size,
                                               .top_ze = top.ze + j * top.size});
            if (teacher.kl) teacher.kl[t] = value;
            kl[t] = std::fma(w, value, kl[t]);
          });
        }
        if (wants_gradient) head_backward(pool, arena, op.student, rows, tokens, z, grads);
      });
  arena.reset(mark);
}

}  // namespace amalgam::kernels
