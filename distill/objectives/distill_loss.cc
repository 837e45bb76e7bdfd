#include "distill/objectives/distill_loss.h"

#include <algorithm>

namespace amalgam::distill {

void exact_kl(kernels::ThreadPool& pool, kernels::Arena& arena, const DistillRows& rows, float* kl,
              const kernels::HeadGradients& grads) {
  const kernels::HeadPolicy& student = rows.student;
  const kernels::Arena::Mark mark = arena.mark();
  auto* c = arena.alloc<float>(static_cast<size_t>(student.tokens));
  for (int64_t t = 0; t < student.tokens; ++t)
    c[t] = student.targets[t] >= 0 ? rows.per_token : 0.0f;
  kernels::head_kl(pool, arena,
                   {.student = student.head,
                    .hidden = student.hidden,
                    .tokens = student.tokens,
                    .teachers = rows.teachers,
                    .c = c,
                    .temperature = student.temperature},
                   kl, grads);
  for (int64_t t = 0; t < student.tokens; ++t)
    if (student.targets[t] < 0) kl[t] = 0;
  arena.reset(mark);
}

void sampled_kl(kernels::ThreadPool& pool, kernels::Arena& arena, const DistillRows& rows,
                const kernels::HeadLogprobs& ours, float* estimate,
                const kernels::HeadGradients& grads) {
  const kernels::HeadPolicy& student = rows.student;
  const auto n = static_cast<size_t>(student.tokens);
  const kernels::Arena::Mark mark = arena.mark();
  auto *theirs = arena.alloc<float>(n), *their_lse = arena.alloc<float>(n),
       *c = arena.alloc<float>(n);
  std::fill_n(estimate, n, 0.0f);
  for (const kernels::KlTeacher& teacher : rows.teachers) {
    kernels::HeadPolicy op = student;
    op.head = teacher.head, op.hidden = teacher.hidden;
    kernels::head_logprobs(pool, arena, op, {.logprob = theirs, .lse = their_lse});
    for (size_t t = 0; t < n; ++t)
      if (student.targets[t] >= 0 && teacher.weights[t] != 0) {
        const float kl = ours.logprob[t] - theirs[t];
        if (teacher.kl) teacher.kl[t] = kl;
        estimate[t] += teacher.weights[t] * kl;
      }
  }
  for (size_t t = 0; t < n; ++t) c[t] = rows.per_token * estimate[t];
  kernels::head_policy_backward(pool, arena, student, ours.lse, c, grads);
  arena.reset(mark);
}

}  // namespace amalgam::distill
