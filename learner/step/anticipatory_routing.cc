#include "learner/step/anticipatory_routing.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "configs/check.h"
#include "configs/error.h"
#include "learner/step/expert_choice.h"
#include "model/tensors/durable_file.h"
#include "proto/append_file.h"

namespace amalgam::learner {
namespace {

namespace fs = std::filesystem;

// Places in TrainingState::Extra.
constexpr size_t kRollbacks = 0, kActiveUntil = 1, kNumLosses = 2;  // ints
constexpr size_t kLosses = 0;                                       // doubles: a ring

void rename_file(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0)
    throw Error(fmt::format("{}: cannot be replaced: {}", to, std::strerror(errno)));
}

// What stays behind is not taken for anything else.
void remove_file(const fs::path& path) {
  std::error_code ignored;
  fs::remove(path, ignored);
}

void copy_file(const std::string& from, const std::string& to) {
  std::error_code failed;
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, failed);
  if (failed)
    throw Error(
        fmt::format("{}: cannot copy the training state ({}); free disk space, or set "
                    "anticipatory_routing.spike_factor to 0",
                    to, failed.message()));
}

}  // namespace

AnticipatoryRouting::AnticipatoryRouting(const configs::AnticipatoryConfig& config,
                                         const std::string& state_path, Trainer& trainer)
    : config_(config),
      state_path_(state_path),
      directory_(fs::path(state_path).parent_path().string()),
      trainer_(trainer) {
  CHECK_LE(static_cast<size_t>(config.spike_window), TrainingState::Extra{}.doubles.size());
}

int64_t AnticipatoryRouting::num_rollbacks() const {
  return trainer_.state().current().extra->ints[kRollbacks];
}

bool AnticipatoryRouting::active() const { return active_at(trainer_.state().step()); }

bool AnticipatoryRouting::active_at(int64_t step) const {
  if (config_.delay == 0) return false;
  if (config_.spike_factor == 0) return true;
  return step < trainer_.state().current().extra->ints[kActiveUntil];
}

std::string AnticipatoryRouting::file(const char* kind, int64_t rollbacks, int64_t step) const {
  return fmt::format("{}/{}-{}-{}", directory_, kind, rollbacks, step);
}

template <class F>
void AnticipatoryRouting::for_each_file(F f) const {
  for (const auto& entry : fs::directory_iterator(directory_)) {
    char kind[16];
    long long rollbacks = 0, step = 0;
    int end = 0;
    const std::string name = entry.path().filename();
    if (std::sscanf(name.c_str(), "%15[a-z]-%lld-%lld%n", kind, &rollbacks, &step, &end) == 3 &&
        static_cast<size_t>(end) == name.size())
      f(std::string(kind), static_cast<int64_t>(rollbacks), static_cast<int64_t>(step),
        entry.path());
  }
}

void AnticipatoryRouting::keep_snapshot() {
  const int64_t step = trainer_.state().step(), rollbacks = num_rollbacks();
  if (config_.spike_factor == 0 || step % config_.rollback_steps != 0) return;
  const std::string path = file("snapshot", rollbacks, step);
  if (fs::exists(path)) return;
  copy_file(state_path_, path + ".tmp");
  rename_file(path + ".tmp", path);
  for_each_file([&](const std::string& kind, int64_t r, int64_t s, const fs::path& old) {
    if (kind == "snapshot" && (r < rollbacks || s < step - config_.rollback_steps))
      remove_file(old);
  });
}

std::vector<std::string> AnticipatoryRouting::experts_of(int64_t step,
                                                         const std::vector<TrainSequence>& batch) {
  const std::string path = file("experts", num_rollbacks(), step);
  if (fs::exists(path)) {
    size_t tokens = 0, at = 0;
    for (const TrainSequence& s : batch) tokens += s.ids.size();
    const size_t of_token = model::expert_bytes(trainer_.network().config());
    const std::string content = model::read_file(path, tokens * of_token);
    if (content.size() != tokens * of_token)
      throw Error(path + ": is damaged; start the stage anew (remove " + directory_ + ")");
    std::vector<std::string> experts;
    for (const TrainSequence& s : batch) {
      experts.push_back(content.substr(at, s.ids.size() * of_token));
      at += experts.back().size();
    }
    return experts;
  }
  const std::vector<std::string> experts =
      choose_experts(trainer_.network(), trainer_.weights(), batch, trainer_.max_micro_tokens());
  std::string content;
  for (const std::string& e : experts) content += e;
  // Not brought to the disk: after a reboot the training state itself is not trusted.
  proto::write_file_atomically(path, content);
  return experts;
}

std::vector<std::string> AnticipatoryRouting::prepare(const BatchOf& batch_of) {
  const int64_t step = trainer_.state().step(), rollbacks = num_rollbacks();
  keep_snapshot();
  if (config_.delay > 0)
    for_each_file([&](const std::string& kind, int64_t r, int64_t s, const fs::path& old) {
      if (kind == "experts" && (r < rollbacks || s < step)) remove_file(old);
    });
  if (!active()) return {};
  std::vector<std::string> now;
  for (int64_t s = step; s <= step + config_.delay && active_at(s); ++s) {
    if (s > step && fs::exists(file("experts", rollbacks, s))) continue;
    const std::vector<TrainSequence> batch = batch_of(s);
    if (batch.empty()) break;
    auto experts = experts_of(s, batch);
    if (s == step) now = std::move(experts);
  }
  return now;
}

AnticipatoryRouting::Verdict AnticipatoryRouting::watch(double loss) {
  if (config_.delay == 0 || config_.spike_factor == 0) return Verdict::kGoOn;
  TrainingState::Extra& next = *trainer_.state().next().extra;
  const TrainingState::Extra& now = *trainer_.state().current().extra;
  const int64_t n = now.ints[kNumLosses], window = config_.spike_window;
  if (n >= window && !active()) {
    double sum = 0;
    for (int64_t i = 0; i < window; ++i) sum += now.doubles[kLosses + static_cast<size_t>(i)];
    // Also when the loss is no number.
    if (!(loss <= config_.spike_factor * sum / static_cast<double>(window))) return Verdict::kSpike;
  }
  next.doubles[kLosses + static_cast<size_t>(n % window)] = loss;
  next.ints[kNumLosses] = n + 1;
  return Verdict::kGoOn;
}

void AnticipatoryRouting::roll_back(kernels::ThreadPool& pool) {
  const int64_t step = trainer_.state().step(), rollbacks = num_rollbacks();
  int64_t target = -1, oldest = step;
  for_each_file([&](const std::string& kind, int64_t r, int64_t s, const fs::path&) {
    if (kind != "snapshot" || r != rollbacks || s > step) return;
    oldest = std::min(oldest, s);
    if (s <= step - config_.rollback_steps) target = std::max(target, s);
  });
  if (target < 0) target = oldest;
  const std::string rolled_back = state_path_ + ".rolled-back";
  copy_file(file("snapshot", rollbacks, target), rolled_back);
  {
    TrainingState state = TrainingState::open(rolled_back, trainer_.network().config(), pool);
    TrainingState::Extra extra = *state.current().extra;
    extra.ints[kRollbacks] = rollbacks + 1;
    extra.ints[kActiveUntil] = target + config_.active_steps;
    state.replace_extra(extra, pool);
  }
  rename_file(rolled_back, state_path_);
}

}  // namespace amalgam::learner
