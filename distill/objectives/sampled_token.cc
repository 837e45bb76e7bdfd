#include "distill/objectives/sampled_token.h"

#include <algorithm>

#include "distill/objectives/kl_estimate.h"

namespace amalgam::distill {
namespace {

// `estimate`: of (log π, log π_E) a teacher's value, and what multiplies the token's gradient.
template <class Estimate>
void add_sampled(kernels::ThreadPool& pool, kernels::Arena& arena, const DistillRows& rows,
                 const kernels::HeadLogprobs& ours, float* value,
                 const kernels::HeadGradients& grads, const Estimate& estimate) {
  const kernels::HeadPolicy& student = rows.student;
  const auto n = static_cast<size_t>(student.tokens);
  const kernels::Arena::Mark mark = arena.mark();
  auto *theirs = arena.alloc<float>(n), *their_lse = arena.alloc<float>(n),
       *c = arena.alloc<float>(n);
  std::fill_n(value, n, 0.0f);
  std::fill_n(c, n, 0.0f);
  for (const kernels::KlTeacher& teacher : rows.teachers) {
    kernels::HeadPolicy op = student;
    op.head = teacher.head, op.hidden = teacher.hidden;
    kernels::head_logprobs(pool, arena, op, {.logprob = theirs, .lse = their_lse});
    for (size_t t = 0; t < n; ++t)
      if (student.targets[t] >= 0 && teacher.weights[t] != 0) {
        const KlEstimate e = estimate(ours.logprob[t], theirs[t]);
        if (teacher.kl) teacher.kl[t] = static_cast<float>(e.value);
        value[t] += teacher.weights[t] * static_cast<float>(e.value);
        c[t] += teacher.weights[t] * static_cast<float>(e.d_logprob);
      }
  }
  for (size_t t = 0; t < n; ++t) c[t] *= rows.per_token;
  kernels::head_policy_backward(pool, arena, student, ours.lse, c, grads);
  arena.reset(mark);
}

configs::KlEstimator chosen(const configs::ObjectiveParameters& parameters,
                            configs::KlEstimator of_auto) {
  return parameters.kl_estimator == configs::KlEstimator::kAuto ? of_auto : parameters.kl_estimator;
}

}  // namespace

void sampled_advantage(kernels::ThreadPool& pool, kernels::Arena& arena,
                       const configs::ObjectiveParameters& parameters, const DistillRows& rows,
                       const kernels::HeadLogprobs& ours, float* value,
                       const kernels::HeadGradients& grads) {
  const configs::KlEstimator estimator = chosen(parameters, configs::KlEstimator::kK1);
  add_sampled(pool, arena, rows, ours, value, grads, [&](float logprob, float teacher) {
    const double kl = kl_estimate(estimator, logprob, teacher).value;
    return KlEstimate{kl, kl};
  });
}

void sampled_loss(kernels::ThreadPool& pool, kernels::Arena& arena,
                  const configs::ObjectiveParameters& parameters, const DistillRows& rows,
                  const kernels::HeadLogprobs& ours, float* value,
                  const kernels::HeadGradients& grads) {
  const configs::KlEstimator estimator = chosen(parameters, configs::KlEstimator::kK3);
  add_sampled(pool, arena, rows, ours, value, grads, [&](float logprob, float teacher) {
    return cut(kl_estimate(estimator, logprob, teacher), parameters.loss_max);
  });
}

}  // namespace amalgam::distill
