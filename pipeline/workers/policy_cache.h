// The models that a rollout worker samples with, by the weights that requests name.
#pragma once
#include <list>
#include <optional>
#include <string>
#include <utility>

#include "configs/numerics_config.h"
#include "kernels/device/thread_pool.h"
#include "learner/step/training_state.h"
#include "model/checkpoint/packed_model.h"
#include "model/network/model_config.h"
#include "proto/worker.pb.h"

namespace amalgam::pipeline {

// Weights of a training state by version, or of a model directory.
struct Policy {
  // Throws Error when the state does not hold the step that is asked for.
  Policy(const proto::WeightsRef& ref, kernels::ThreadPool& pool,
         const configs::NumericsConfig& numerics);
  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;

  std::optional<model::PackedModel> loaded;
  std::optional<learner::TrainingState> state;
  model::ModelConfig config;
  const model::Weights* weights = nullptr;
};

// Keeps what further requests are announced for: a step's answers and the verdicts on them are
// sampled with weights that are opened and packed once.
class PolicyCache {
 public:
  PolicyCache(kernels::ThreadPool& pool, const configs::NumericsConfig& numerics)
      : pool_(pool), numerics_(numerics) {}

  // Whether get() would have to load.
  bool has(const proto::WeightsRef& ref) const;
  // Good until the next call. keep: another request with these weights follows.
  const Policy& get(const proto::WeightsRef& ref, bool keep);

 private:
  struct Entry {
    Entry(std::string k, const proto::WeightsRef& ref, kernels::ThreadPool& pool,
          const configs::NumericsConfig& numerics)
        : key(std::move(k)), state_path(ref.state_path()), policy(ref, pool, numerics) {}
    const std::string key, state_path;
    const Policy policy;
    bool keep = false;
  };
  kernels::ThreadPool& pool_;
  const configs::NumericsConfig& numerics_;
  std::list<Entry> entries_;  // the latest first
};

}  // namespace amalgam::pipeline
