#include "pipeline/stages/imitation.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>

#include "configs/error.h"
#include "kernels/device/rng.h"
#include "learner/optim/schedule.h"
#include "learner/step/policy_step.h"
#include "learner/step/supervised_step.h"
#include "pipeline/run_store/text_format.h"
#include "pipeline/stages/learner_figures.h"
#include "pipeline/stages/prompt_teachers.h"
#include "pipeline/stages/rate_choice.h"
#include "pipeline/stages/sft.h"

namespace amalgam::pipeline {
namespace {

constexpr uint64_t kUseTeacher = 11;

class ImitationStage : public SamplingStage {
 public:
  ImitationStage(RunContext& run, const DistillJob& job, double lr)
      : SamplingStage(run, merging_spec(run, job, lr)), prompt_teachers_(run, job) {
    for (const auto& [name, directory] : job.teachers) {
      auto it = std::find(directories_.begin(), directories_.end(), directory);
      if (it == directories_.end()) it = directories_.insert(it, directory);
      number_[name] = static_cast<size_t>(it - directories_.begin());
    }
  }

 private:
  // The number of the teacher that answers the prompt at this place of the stage.
  size_t teacher_of(const proto::SampleGroup& group, int64_t place) const {
    std::vector<double> weights(directories_.size());
    for (const auto& [name, weight] : prompt_teachers_.of(group.meta().domain(), group.row()))
      if (weight > 0) weights[number_.at(name)] += weight;
    const kernels::RngKey key{static_cast<uint64_t>(context().config.seed),
                              stage_stream(spec().stream, kUseTeacher), 0};
    const double u = kernels::uniform(key, static_cast<uint64_t>(place)) *
                     std::accumulate(weights.begin(), weights.end(), 0.0);
    double sum = 0;
    size_t last = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] == 0) continue;
      last = i;
      sum += weights[i];
      if (u < sum) break;
    }
    return last;
  }

  std::vector<proto::Trajectory> sample(const CollectSpec& spec,
                                        std::vector<proto::SampleGroup> groups, TrajectoryLog& log,
                                        CollectFigures* figures) override {
    std::map<size_t, std::vector<proto::SampleGroup>> by_teacher;
    const int64_t first = spec.step * this->spec().data.train_batch_size;
    for (proto::SampleGroup& g : groups)
      by_teacher[teacher_of(g, first + g.meta().group())].push_back(std::move(g));
    CollectSpec of_one = spec;
    of_one.keep_experts = of_one.keep_index = false;
    std::vector<proto::Trajectory> all;
    for (auto& [teacher, of_teacher] : by_teacher) {
      of_one.weights.Clear();
      of_one.weights.set_model_dir(directories_[teacher]);
      int num_episodes = 0;
      for (const proto::SampleGroup& g : of_teacher) num_episodes += g.sample_index_size();
      all = SamplingStage::sample(of_one, std::move(of_teacher), log, figures);  // all of the step
      of_one.first_episode += static_cast<uint32_t>(num_episodes);
    }
    return all;
  }

  NamedValues learn(int64_t step, const std::vector<proto::Trajectory>& trajectories,
                    std::string* note) override {
    learner::Trainer& trainer = training().trainer();
    std::vector<learner::TrainSequence> batch;
    std::vector<const proto::Trajectory*> answers;
    for (const proto::Trajectory& t : trajectories) {
      if (!is_answer(t)) continue;
      batch.push_back(learner::train_sequence(t, std::nullopt));
      answers.push_back(&t);
    }
    const learner::SupervisedFigures f = learner::accumulate_supervised_loss(
        trainer, batch, {.temperature = spec().rollout.temperature},
        context().config.distill.index_loss_coef);
    if (f.broken)
      throw Error("the loss of " + learner::sample_name(*answers[static_cast<size_t>(*f.broken)]) +
                  " is not finite" + learner::kNonFiniteAdvice);
    const double lr = learner::learning_rate(spec().optim, step, spec().steps);
    const learner::StepReport report = trainer.step(lr);
    *note = "loss " + format_number(f.loss.value_or(kUnknown));
    NamedValues figures{{"actor/grad_norm", report.grad_norm}, {"actor/lr", lr}};
    add_figure("train/loss", f.loss, &figures);
    add_figure(kIndexLossMetric, trainer.index_loss(), &figures);
    add_figure(kMtpLossMetric, trainer.mtp_loss(), &figures);
    return figures;
  }

  const PromptTeachers prompt_teachers_;
  std::vector<std::string> directories_;  // of the teachers, in the config's order
  std::map<std::string, size_t> number_;  // of each name's
};

}  // namespace

void run_imitation(RunContext& run, const DistillJob& job) {
  if (std::filesystem::exists(job.out_dir)) return;
  check_job(run, job);
  train_with_best_rate(run, rate_choice(run.config.distill, job),
                       [&](double lr) { return std::make_unique<ImitationStage>(run, job, lr); });
}

}  // namespace amalgam::pipeline
