#include "distill/step/distill_step.h"

#include <algorithm>
#include <cmath>

#include "distill/objectives/reward_term.h"
#include "distill/step/teacher_states.h"
#include "learner/step/policy_step.h"
#include "proto/trajectory.pb.h"

namespace amalgam::distill {
namespace {

// One teacher's part of a segment: hidden states of its rows, a weight per row (0 where the row's
// token is not the policy's), and its KL there.
struct SegmentTeacher {
  size_t teacher;
  HiddenStore::Block hidden;
  std::vector<float> weights, kl;
};

// Rows of a micro-batch that follow the same teachers.
struct SegmentRows {
  size_t begin = 0, end = 0;
  std::vector<SegmentTeacher> teachers;
};

// The ordered batch of a step.
struct OrderedBatch {
  std::vector<DistillSample> samples;
  std::vector<learner::TrainSequence> sequences;
  std::vector<std::vector<Segment>> segments;  // by micro-batch
};

OrderedBatch order(std::span<const DistillSample> samples, int64_t weights_version,
                   int64_t max_micro_tokens) {
  std::vector<const TeacherWeights*> weights;
  std::vector<int64_t> lengths;
  for (const DistillSample& s : samples)
    weights.push_back(s.teachers), lengths.push_back(s.trajectory->ids_size());
  OrderedBatch batch;
  for (const size_t i : order_by_teachers(weights, lengths)) batch.samples.push_back(samples[i]);
  weights.clear(), lengths.clear();
  for (const DistillSample& s : batch.samples) {
    batch.sequences.push_back(learner::train_sequence(*s.trajectory, weights_version));
    weights.push_back(s.teachers), lengths.push_back(s.trajectory->ids_size());
  }
  batch.segments = segments_of(
      weights, learner::pack_micro_batches(lengths, max_micro_tokens, learner::PackOrder::kKeep));
  return batch;
}

SegmentRows rows_of(const learner::MicroBatch& micro, size_t micro_index, size_t segment_index,
                    const OrderedBatch& batch, TeacherStates& states) {
  const Segment& segment = batch.segments[micro_index][segment_index];
  const auto first = static_cast<size_t>(micro.sequences[0]);
  const model::SequenceSlice& last = micro.slices[segment.end - 1 - first];
  SegmentRows rows{.begin = static_cast<size_t>(micro.slices[segment.begin - first].row),
                   .end = static_cast<size_t>(last.row + last.num_rows),
                   .teachers = {}};
  for (const size_t teacher : segment.teachers) {
    SegmentTeacher t{.teacher = teacher,
                     .hidden = states.take(micro_index, segment_index, teacher),
                     .weights = std::vector<float>(rows.end - rows.begin),
                     .kl = std::vector<float>(rows.end - rows.begin)};
    for (size_t i = segment.begin; i < segment.end; ++i) {
      const model::SequenceSlice& slice = micro.slices[i - first];
      const auto weight = static_cast<float>(batch.samples[i].teachers->at(teacher));
      for (auto row = static_cast<size_t>(slice.row);
           row < static_cast<size_t>(slice.row + slice.num_rows); ++row)
        if (micro.targets[row] >= 0) t.weights[row - rows.begin] = weight;
    }
    rows.teachers.push_back(std::move(t));
  }
  return rows;
}

// What one policy token, a row of the segment, adds to the means of its domain.
void measure(const proto::Trajectory& t, size_t row, const SegmentRows& segment,
             const Teachers& teachers, float objective, float entropy, DistillMeans* means) {
  means->objective.add(objective);
  means->entropy.add(entropy);
  learner::Mean kl;
  for (const SegmentTeacher& teacher : segment.teachers) {
    const float value = teacher.kl[row - segment.begin];
    const std::string& name = teachers.name(teacher.teacher);
    if (!std::isfinite(value)) learner::require_finite(value, "its KL to " + name, t);
    means->teacher_kl[name].add(value);
    kl.add(value);
  }
  if (kl.count > 0) means->kl.add(*kl.value());
}

}  // namespace

void DistillMeans::add(const DistillMeans& part) {
  objective.add(part.objective), kl.add(part.kl), entropy.add(part.entropy);
  for (const auto& [teacher, mean] : part.teacher_kl) teacher_kl[teacher].add(mean);
}

DistillMeans DistillFigures::total() const {
  DistillMeans all;
  for (const auto& [domain, part] : means) all.add(part);
  return all;
}

DistillFigures accumulate_distill_loss(learner::Trainer& trainer, Teachers& teachers,
                                       std::span<const DistillSample> samples,
                                       const DistillObjective& objective,
                                       double index_loss_coefficient, int64_t max_micro_tokens) {
  DistillFigures f;
  const OrderedBatch batch = order(samples, trainer.state().step(), trainer.max_micro_tokens());
  TeacherStates states(teachers, batch.sequences, batch.segments, max_micro_tokens);
  int64_t num_tokens = 0;
  for (const DistillSample& s : samples) num_tokens += s.trajectory->logprobs_size();

  kernels::ThreadPool& pool = trainer.network().pool();
  kernels::Arena& scratch = trainer.network().scratch();
  const float per_token = 1.0f / static_cast<float>(std::max<int64_t>(1, num_tokens));
  size_t micro_index = 0;
  double pg_loss = 0;
  trainer.accumulate(
      batch.sequences, index_loss_coefficient,
      [&](const learner::MicroBatch& micro, const model::Var& hidden) {
        states.read_ahead(micro_index + 1);
        const auto n = static_cast<size_t>(micro.tokens());
        std::vector<float> logprob(n), lse(n), entropy(n), weighted_kl(n);
        const kernels::HeadPolicy policy{.head = trainer.head(),
                                         .hidden = hidden.v.data,
                                         .targets = micro.targets.data(),
                                         .tokens = micro.tokens(),
                                         .temperature = objective.temperature};
        kernels::head_logprobs(pool, scratch, policy, {logprob.data(), lse.data(), entropy.data()});
        const kernels::HeadLogprobs ours{logprob.data(), lse.data()};
        std::vector<SegmentRows> row_segments;
        for (size_t s = 0; s < batch.segments[micro_index].size(); ++s) {
          SegmentRows segment = rows_of(micro, micro_index, s, batch, states);
          std::vector<kernels::KlTeacher> kl_teachers;
          for (SegmentTeacher& t : segment.teachers)
            kl_teachers.push_back({.head = segment.teachers.size() == 1
                                               ? teachers.whole_head(t.teacher)
                                               : teachers.tiled_head(t.teacher),
                                   .hidden = t.hidden.data(),
                                   .weights = t.weights.data(),
                                   .kl = t.kl.data()});
          const auto begin = static_cast<int64_t>(segment.begin);
          kernels::HeadPolicy student = policy;
          student.hidden += begin * policy.head.dim;
          student.targets += begin;
          student.tokens = static_cast<int64_t>(segment.end) - begin;
          kernels::HeadGradients grads = trainer.head_gradients(hidden);
          grads.hidden += begin * policy.head.dim;
          const DistillRows rows{
              .student = student, .teachers = kl_teachers, .per_token = per_token};
          add_objective(pool, scratch, objective, rows,
                        {logprob.data() + begin, lse.data() + begin}, weighted_kl.data() + begin,
                        grads);
          for (SegmentTeacher& t : segment.teachers) t.hidden = {};  // used
          row_segments.push_back(std::move(segment));
        }
        if (objective.parameters.reward_coef > 0) {
          std::vector<Rewarded> rewarded;
          for (const int64_t i : micro.sequences) {
            const DistillSample& sample = batch.samples[static_cast<size_t>(i)];
            rewarded.push_back({sample.trajectory, sample.advantage});
          }
          pg_loss += add_reward_term(pool, scratch, policy, micro,
                                     {objective.parameters.reward_coef, per_token, rewarded}, ours,
                                     trainer.head_gradients(hidden));
        }
        size_t s = 0;
        for (size_t i = 0; i < micro.slices.size(); ++i) {
          const proto::Trajectory& t =
              *batch.samples[static_cast<size_t>(micro.sequences[i])].trajectory;
          DistillMeans& means = f.means[t.meta().domain()];
          int64_t k = 0;  // policy token
          for (int64_t at = 0; at < micro.slices[i].num_rows; ++at) {
            const auto row = static_cast<size_t>(micro.slices[i].row + at);
            while (row >= row_segments[s].end) ++s;
            if (micro.targets[row] < 0) continue;
            learner::compare_logprobs(t, k++, logprob[row], &f.probs_diff_max);
            measure(t, row, row_segments[s], teachers, weighted_kl[row], entropy[row], &means);
          }
        }
        ++micro_index;
      },
      learner::PackOrder::kKeep);
  f.teachers = teachers.end();
  if (objective.parameters.reward_coef > 0 && num_tokens > 0) f.pg_loss = pg_loss;
  return f;
}

}  // namespace amalgam::distill
