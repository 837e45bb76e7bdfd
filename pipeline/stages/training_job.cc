#include "pipeline/stages/training_job.h"

#include <filesystem>

#include "configs/fnv1a.h"
#include "configs/log/log.h"
#include "model/checkpoint/checkpoint.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/run_store/trajectory_log.h"
#include "pipeline/stages/judge.h"
#include "pipeline/stages/model_files.h"
#include "pipeline/stages/sft.h"

namespace amalgam::pipeline {

uint64_t stage_stream(const std::string& stage, uint64_t use) {
  return fnv1a(stage, kFnv1aStart ^ use);
}

std::string validation_stage(const std::string& stage) { return stage + "-validation"; }

void remove_token_logs(const std::string& run_dir, const std::string& stage) {
  const std::filesystem::path folder = run_dir + "/wal";
  if (!std::filesystem::exists(folder)) return;
  for (const auto& file : std::filesystem::directory_iterator(folder))
    if (file.path().filename().string().starts_with(stage + "-"))
      std::filesystem::remove(file.path());
}

std::vector<std::string> verdict_stages(const configs::RunConfig& config,
                                        const std::string& stage) {
  std::vector<std::string> stages;
  for (const std::string& answers : {stage, validation_stage(stage)}) {
    stages.push_back(judge_stage(answers));
    stages.push_back(judge_measure_stage(answers));
    for (const configs::DomainConfig& d : config.domains)
      stages.push_back(judge_stage(domain_answers(answers, d.name)));
  }
  return stages;
}

void forget_verdicts(RunContext& run, const std::string& stage) {
  for (const std::string& name : verdict_stages(run.config, stage)) {
    run.store.forget(name);
    std::filesystem::remove(trajectory_log_path(run.run_dir, name));
    remove_token_logs(run.run_dir, name);
  }
}

void forget_job(RunContext& run, const std::string& stage) {
  std::filesystem::remove_all(run.path("checkpoints/" + stage));
  forget_verdicts(run, stage);
  for (const std::string& name : {stage, validation_stage(stage)}) {
    run.store.forget(name);
    std::filesystem::remove(trajectory_log_path(run.run_dir, name));
  }
  remove_token_logs(run.run_dir, stage);
}

TrainingJob::TrainingJob(RunContext& run, const std::string& stage, const std::string& start_dir,
                         const configs::OptimConfig& optim, learner::TrainOptions options)
    : run_(run), stage_(stage), start_dir_(start_dir) {
  config_ = model::load_model_config(start_dir + "/config.json");
  const std::string path = run.state_path(stage);
  const configs::NumericsConfig& numerics = run.config.numerics;
  if (std::filesystem::exists(path)) {
    state_ = std::make_unique<learner::TrainingState>(
        learner::TrainingState::open(path, config_, run.pool, numerics));
    log::info(log::Part::kLearn, stage + " goes on after update " + std::to_string(state_->step()));
  } else {
    forget_job(run, stage);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    const model::Model start = model::load_model(start_dir);
    config_ = start.config;
    state_ = std::make_unique<learner::TrainingState>(
        learner::TrainingState::create(path, config_, start.weights, run.pool, numerics));
  }
  options.recompute = run.config.recompute;
  network_ = std::make_unique<model::Network>(config_, run.pool, numerics);
  trainer_ = std::make_unique<learner::Trainer>(*network_, *state_, optim,
                                                run.config.micro_batch_tokens, options);
  trainer_->set_poll([] {
    if (interrupted()) throw Interrupted{};
  });
}

proto::WeightsRef TrainingJob::weights() const {
  proto::WeightsRef ref;
  ref.set_state_path(run_.state_path(stage_));
  ref.set_state_step(state_->step());
  ref.set_model_dir(start_dir_);
  return ref;
}

void TrainingJob::save(const std::string& directory, bool finished) {
  save_with_tokenizer(directory, config_, trainer_->weights(), tokenizer_dir(run_));
  if (finished) std::filesystem::remove_all(run_.run_dir + "/checkpoints/" + stage_);
}

}  // namespace amalgam::pipeline
