#include "distill/step/distill_step.h"

#include <algorithm>
#include <cmath>

#include "distill/objectives/reward_term.h"
#include "distill/teachers/teachers.h"
#include "learner/step/policy_step.h"
#include "proto/trajectory.pb.h"

namespace amalgam::distill {
namespace {

// One teacher's view of a micro-batch: hidden states of its rows, a weight per row (0 where the
// row's token is not the policy's, or the teacher has no say), and its KL there.
struct MicroTeacher {
  std::string name;
  std::vector<float> hidden, weights, kl;
};

MicroTeacher view(const learner::MicroBatch& micro, const TeacherStates& states,
                  const std::string& teacher, std::span<const DistillSample> samples) {
  MicroTeacher m{.name = teacher, .hidden = {}, .weights = {}, .kl = {}};
  const auto D = static_cast<size_t>(states.dim());
  m.hidden.assign(static_cast<size_t>(micro.tokens()) * D, 0.0f);
  m.weights.assign(static_cast<size_t>(micro.tokens()), 0.0f);
  m.kl.assign(static_cast<size_t>(micro.tokens()), 0.0f);
  for (size_t i = 0; i < micro.slices.size(); ++i) {
    const auto sequence = static_cast<size_t>(micro.sequences[i]);
    const auto it = samples[sequence].teachers->find(teacher);
    if (it == samples[sequence].teachers->end() || it->second == 0) continue;
    const auto begin = static_cast<size_t>(micro.slices[i].row);
    const auto rows = static_cast<size_t>(micro.slices[i].num_rows);
    std::copy_n(states.hidden(sequence), rows * D, m.hidden.begin() + static_cast<long>(begin * D));
    for (size_t row = begin; row < begin + rows; ++row)
      if (micro.targets[row] >= 0) m.weights[row] = static_cast<float>(it->second);
  }
  return m;
}

// What one policy token adds to the means of its domain.
void measure(const proto::Trajectory& t, size_t row, std::span<const MicroTeacher> teachers,
             float objective, float entropy, DistillMeans* means) {
  means->objective.add(objective);
  means->entropy.add(entropy);
  learner::Mean kl;
  for (const MicroTeacher& teacher : teachers) {
    if (teacher.weights[row] == 0) continue;
    if (!std::isfinite(teacher.kl[row]))
      learner::require_finite(teacher.kl[row], "its KL to " + teacher.name, t);
    means->teacher_kl[teacher.name].add(teacher.kl[row]);
    kl.add(teacher.kl[row]);
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

DistillFigures accumulate_distill_loss(learner::Trainer& trainer,
                                       std::span<const DistillSample> samples,
                                       const DistillObjective& objective,
                                       double index_loss_coefficient, int64_t max_micro_tokens) {
  DistillFigures f;
  int64_t num_tokens = 0;
  std::vector<learner::TrainSequence> batch;
  std::map<std::string, std::vector<TeacherInput>> inputs;  // by teacher: sorted, each loaded once
  for (const DistillSample& s : samples) {
    batch.push_back(learner::train_sequence(*s.trajectory, trainer.state().step()));
    num_tokens += s.trajectory->logprobs_size();
    for (const auto& [teacher, weight] : *s.teachers)
      if (weight > 0) inputs[teacher];
  }
  for (auto& [teacher, list] : inputs)
    for (size_t i = 0; i < samples.size(); ++i) {
      const auto it = samples[i].teachers->find(teacher);
      list.push_back({batch[i].ids, it != samples[i].teachers->end() && it->second > 0});
    }
  kernels::ThreadPool& pool = trainer.network().pool();
  std::map<std::string, TeacherStates> states;
  for (const auto& [teacher, list] : inputs)
    states.emplace(teacher, run_teacher(teacher, list, trainer.network().config().vocab_size, pool,
                                        max_micro_tokens, trainer.network().numerics()));

  kernels::Arena& scratch = trainer.network().scratch();
  const float per_token = 1.0f / static_cast<float>(std::max<int64_t>(1, num_tokens));
  double pg_loss = 0;
  trainer.accumulate(
      batch, index_loss_coefficient,
      [&](const learner::MicroBatch& micro, const model::Var& hidden) {
        const auto n = static_cast<size_t>(micro.tokens());
        std::vector<float> logprob(n), lse(n), entropy(n);
        const kernels::HeadPolicy policy{.head = trainer.head(),
                                         .hidden = hidden.v.data,
                                         .targets = micro.targets.data(),
                                         .tokens = micro.tokens(),
                                         .temperature = objective.temperature};
        kernels::head_logprobs(pool, scratch, policy, {logprob.data(), lse.data(), entropy.data()});
        std::vector<MicroTeacher> views;
        std::vector<kernels::KlTeacher> teachers;
        views.reserve(states.size());
        for (const auto& [name, s] : states) {
          views.push_back(view(micro, s, name, samples));
          teachers.push_back({.head = s.head(),
                              .hidden = views.back().hidden.data(),
                              .weights = views.back().weights.data(),
                              .kl = views.back().kl.data()});
        }
        const DistillRows rows{.student = policy, .teachers = teachers, .per_token = per_token};
        std::vector<float> weighted_kl(n);
        const kernels::HeadLogprobs ours{logprob.data(), lse.data()};
        add_objective(pool, scratch, objective, rows, ours, weighted_kl.data(),
                      trainer.head_gradients(hidden));
        if (objective.parameters.reward_coef > 0) {
          std::vector<Rewarded> rewarded;
          for (const int64_t i : micro.sequences) {
            const DistillSample& sample = samples[static_cast<size_t>(i)];
            rewarded.push_back({sample.trajectory, sample.advantage});
          }
          pg_loss += add_reward_term(pool, scratch, policy, micro,
                                     {objective.parameters.reward_coef, per_token, rewarded}, ours,
                                     trainer.head_gradients(hidden));
        }
        for (size_t i = 0; i < micro.slices.size(); ++i) {
          const proto::Trajectory& t = *samples[static_cast<size_t>(micro.sequences[i])].trajectory;
          DistillMeans& means = f.means[t.meta().domain()];
          int64_t k = 0;  // policy token
          for (int64_t at = 0; at < micro.slices[i].num_rows; ++at) {
            const auto row = static_cast<size_t>(micro.slices[i].row + at);
            if (micro.targets[row] < 0) continue;
            learner::compare_logprobs(t, k++, logprob[row], &f.probs_diff_max);
            measure(t, row, views, weighted_kl[row], entropy[row], &means);
          }
        }
      });
  if (objective.parameters.reward_coef > 0 && num_tokens > 0) f.pg_loss = pg_loss;
  return f;
}

}  // namespace amalgam::distill
