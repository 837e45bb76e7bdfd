#include "pipeline/workers/policy_cache.h"

#include <sys/stat.h>

#include <algorithm>

#include "configs/error.h"

namespace amalgam::pipeline {
namespace {

constexpr size_t kMostKept = 2;  // the policy, and a judge that is another model

// The weights, and the very file that has them: a name may be used again for another.
std::string key_of(const proto::WeightsRef& ref) {
  const std::string file =
      ref.state_path().empty() ? ref.model_dir() + "/config.json" : ref.state_path();
  struct stat s {};
  if (::stat(file.c_str(), &s) != 0) return "";
  std::string key =
      ref.SerializeAsString() + " " + std::to_string(s.st_dev) + " " + std::to_string(s.st_ino);
  // A training state is written to all the time; its step is part of the reference.
  if (ref.state_path().empty())
    key += " " + std::to_string(s.st_mtim.tv_sec) + "." + std::to_string(s.st_mtim.tv_nsec);
  return key;
}

}  // namespace

Policy::Policy(const proto::WeightsRef& ref, kernels::ThreadPool& pool,
               const configs::NumericsConfig& numerics) {
  if (ref.state_path().empty()) {
    loaded.emplace(model::load_packed_model(ref.model_dir(), numerics));
    config = loaded->config();
    weights = &loaded->weights();
    return;
  }
  config = model::load_model_config(ref.model_dir() + "/config.json");
  state.emplace(learner::TrainingState::open(ref.state_path(), config, pool, numerics));
  if (state->step() != ref.state_step())
    throw Error(ref.state_path() + ": holds step " + std::to_string(state->step()) +
                ", not the step " + std::to_string(ref.state_step()) + " that was asked for");
  weights = &state->current().params;
}

bool PolicyCache::has(const proto::WeightsRef& ref) const {
  const std::string key = key_of(ref);
  return !key.empty() && std::any_of(entries_.begin(), entries_.end(),
                                     [&](const Entry& e) { return e.keep && e.key == key; });
}

const Policy& PolicyCache::get(const proto::WeightsRef& ref, bool keep) {
  const std::string key = key_of(ref);
  // Of a training state there is one step at a time.
  entries_.remove_if([&](const Entry& e) {
    return !e.keep ||
           (e.key != key && !ref.state_path().empty() && e.state_path == ref.state_path());
  });
  const auto there = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& e) { return !key.empty() && e.key == key; });
  if (there != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, there);
  } else {
    while (entries_.size() >= kMostKept) entries_.pop_back();
    entries_.emplace_front(key, ref, pool_, numerics_);
  }
  entries_.front().keep = keep;
  return entries_.front().policy;
}

}  // namespace amalgam::pipeline
