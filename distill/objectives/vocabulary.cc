#include "distill/objectives/vocabulary.h"

#include "configs/check.h"

namespace amalgam::distill {

using configs::Objective, kernels::Divergence, kernels::DivergenceKind;

kernels::Divergence divergence_of(Objective objective,
                                  const configs::ObjectiveParameters& parameters) {
  const auto top_k = [&](DivergenceKind kind) {
    return Divergence{.kind = kind, .k = parameters.topk};
  };
  const auto nemo = [&](double forward) {
    Divergence d = top_k(DivergenceKind::kTopK);
    d.forward = forward;
    d.outside = parameters.topk_outside == configs::TopkOutside::kZero
                    ? kernels::Outside::kZero
                    : kernels::Outside::kRenormalised;
    return d;
  };
  switch (objective) {
    case Objective::kExact:
      return {.kind = DivergenceKind::kReverse};
    case Objective::kForward:
      return {.kind = DivergenceKind::kForward};
    case Objective::kJsd:  // its ends are of another form
      if (parameters.jsd_beta == 0) return {.kind = DivergenceKind::kForward};
      if (parameters.jsd_beta == 1) return {.kind = DivergenceKind::kReverse};
      return {.kind = DivergenceKind::kJsd, .beta = parameters.jsd_beta};
    case Objective::kTopkForwardVerl: {
      Divergence d = top_k(DivergenceKind::kTopKClamped);
      d.log_prob_min = parameters.log_prob_min, d.max = parameters.loss_max;
      return d;
    }
    case Objective::kTopkForwardNemo:
      return nemo(1);
    case Objective::kTopkReverseNemo:
      return nemo(0);
    case Objective::kTopkMixedNemo:
      return nemo(parameters.mixed_kl_weight);
    case Objective::kTopkTail:
      return top_k(DivergenceKind::kTopKTail);
    case Objective::kSampledAdvantage:
    case Objective::kSampledLoss:
      break;
  }
  CHECK(false);
  return {};
}

void vocabulary_divergence(kernels::ThreadPool& pool, kernels::Arena& arena,
                           const Divergence& divergence, const DistillRows& rows, float* value,
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
                    .temperature = student.temperature,
                    .divergence = divergence},
                   value, grads);
  for (int64_t t = 0; t < student.tokens; ++t)
    if (student.targets[t] < 0) value[t] = 0;
  arena.reset(mark);
}

}  // namespace amalgam::distill
