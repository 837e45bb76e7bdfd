// Distillation steps with many teachers, each figure as a ratio inside one process:
//
//   teacher_bench memory   12 teachers of `small` size, 2,048 tokens each a step, memory for two of
//                          them: the process's anonymous memory against that of training without
//                          teachers, and the share of a step that waits for teachers. Minutes.
//   teacher_bench heads    five teachers a token at a vocabulary of 129,280 against one: a step
//                          beyond the forward passes, heads in memory and read in tiles.
//
// Models are random, in a temporary directory (TMPDIR): 12 GB and 3 GB.
#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <thread>

#include "configs/clock.h"
#include "distill/step/distill_step.h"
#include "learner/step/policy_step.h"
#include "proto/trajectory.pb.h"
#include "tests/bench/bench_model.h"
#include "tests/temp_dir.h"

namespace amalgam::bench {
namespace {

constexpr int64_t kMicroBatchTokens = 2048;

double anonymous_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssAnon:")) return std::stod(line.substr(8)) / 1024;
  return 0;
}

// The most of it while it lives.
class PeakMemory {
 public:
  PeakMemory() : thread_([this] { watch(); }) {}
  ~PeakMemory() { (void)end(); }
  double end() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return peak_;
  }

 private:
  void watch() {
    while (!stop_) {
      peak_ = std::max(peak_, anonymous_mb());
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  std::atomic<bool> stop_ = false;
  double peak_ = 0;
  std::thread thread_;
};

struct Student {
  Student(const model::ModelConfig& c, const std::string& path)
      : config(c), state(create(c, path)), network(config, pool()) {}
  static learner::TrainingState create(const model::ModelConfig& config, const std::string& path) {
    const model::Model initial = random_model(config);
    return learner::TrainingState::create(path, config, initial.weights, pool());
  }
  model::ModelConfig config;
  learner::TrainingState state;
  model::Network network;
  learner::Trainer trainer{network, state, {.kind = configs::OptimKind::kAdamW}, kMicroBatchTokens};
};

// Answers of the student, without what its sampler said.
std::vector<proto::Trajectory> answers(int64_t number, int64_t tokens, int64_t vocabulary) {
  std::vector<proto::Trajectory> all(static_cast<size_t>(number));
  for (size_t i = 0; i < all.size(); ++i) {
    const auto ids = random_ids(tokens, vocabulary, i);
    all[i].mutable_ids()->Add(ids.begin(), ids.end());
    all[i].mutable_writer()->assign(ids.size(), static_cast<char>(proto::WRITER_POLICY));
    all[i].mutable_writer()->front() = static_cast<char>(proto::WRITER_PROMPT);
    all[i].mutable_logprobs()->Resize(static_cast<int>(tokens) - 1, 0);
  }
  return all;
}

void save_random(const model::ModelConfig& config, uint64_t seed, const std::string& path) {
  model::Model m = model::allocate_model(config);
  model::init_weights(config, seed, m.weights);
  model::save_model(path, config, m.weights);
}

std::vector<std::pair<std::string, std::string>> save_teachers(const model::ModelConfig& config,
                                                               size_t number, const TempDir& dir) {
  std::vector<std::pair<std::string, std::string>> names;
  for (size_t i = 0; i < number; ++i) {
    names.emplace_back((i < 10 ? "t0" : "t") + std::to_string(i), dir / std::to_string(i));
    save_random(config, i + 2, names.back().second);
  }
  return names;
}

struct StepTimes {
  double accumulate_s = 0, step_s = 0;
  distill::TeacherFigures teachers;
};

StepTimes step(Student& student, distill::Teachers& teachers,
               const std::vector<proto::Trajectory>& trajectories,
               const std::vector<distill::TeacherWeights>& weights) {
  std::vector<distill::DistillSample> samples;
  for (size_t i = 0; i < trajectories.size(); ++i)
    samples.push_back({&trajectories[i], &weights[i]});
  const auto begin = Clock::now();
  StepTimes times;
  times.teachers =
      distill::accumulate_distill_loss(student.trainer, teachers, samples, {}, 1, kMicroBatchTokens)
          .teachers;
  times.accumulate_s = seconds_since(begin);
  (void)student.trainer.step(1e-6);
  times.step_s = seconds_since(begin);
  return times;
}

void memory() {
  constexpr size_t kTeachers = 12;
  constexpr int64_t kSequence = 256, kEach = 2048 / kSequence, kHiddenMb = 16;
  TempDir dir;
  const model::ModelConfig config = size_config("small");
  const auto names = save_teachers(config, kTeachers, dir);
  Student student(config, dir / "state");
  const auto trajectories = answers(kTeachers * kEach, kSequence, config.vocab_size);
  std::vector<distill::TeacherWeights> weights;
  for (size_t i = 0; i < trajectories.size(); ++i)
    weights.push_back({{i / static_cast<size_t>(kEach), 1.0}});

  double without_mb = 0;
  {
    std::vector<learner::TrainSequence> batch;
    for (const auto& t : trajectories) batch.push_back(learner::train_sequence(t, std::nullopt));
    PeakMemory peak;
    for (int i = 0; i < 2; ++i) {
      student.trainer.accumulate(batch, 1, [&](const auto& micro, const model::Var& hidden) {
        (void)student.trainer.cross_entropy(micro, hidden, 1e-4f);
      });
      (void)student.trainer.step(1e-6);
    }
    without_mb = peak.end();
  }
  const int64_t packed =
      model::forward_model_bytes(model::forward_config(model::StoredModel(names[0].second)));
  const double packed_mb = static_cast<double>(packed) / (1 << 20);
  const double head_mb =
      static_cast<double>(config.vocab_size * config.hidden_size * 4) / (1 << 20);
  const double allowed = without_mb + 3 * packed_mb + head_mb + kHiddenMb;
  distill::Teachers teachers(
      names, student.network,
      {.weights_bytes = 2 * packed, .hidden_bytes = kHiddenMb << 20, .directory = dir.path()});
  PeakMemory peak;
  for (int i = 0; i < 3; ++i) {
    const StepTimes t = step(student, teachers, trajectories, weights);
    std::printf(
        "step %d: %.1f s, forward passes %.1f s, waiting %.2f s: %.1f %% of the step; "
        "teachers took %.0f MB, hidden states %.0f MB\n",
        i, t.step_s, t.teachers.forward_s, t.teachers.wait_s, 100 * t.teachers.wait_s / t.step_s,
        static_cast<double>(t.teachers.weights_bytes) / (1 << 20),
        static_cast<double>(t.teachers.hidden_bytes) / (1 << 20));
  }
  const double with_mb = peak.end();
  std::printf(
      "anonymous memory: %.0f MB; without teachers %.0f, packed %.0f, head %.0f, hidden "
      "states %lld: %.2f of what they sum to (at most 1.1)\n",
      with_mb, without_mb, packed_mb, head_mb, static_cast<long long>(kHiddenMb),
      with_mb / allowed);
}

void heads() {
  constexpr int64_t kTokens = 512;
  TempDir dir;
  model::ModelConfig config = size_config("tiny");
  config.vocab_size = 129280;
  config.hidden_size = 256;
  const auto names = save_teachers(config, 5, dir);
  Student student(config, dir / "state");
  const auto trajectories = answers(2, kTokens / 2, config.vocab_size);
  const std::vector<distill::TeacherWeights> one(2, {{0, 1.0}});
  const std::vector<distill::TeacherWeights> five(
      2, {{0, 1.0}, {1, 0.5}, {2, 0.5}, {3, 0.5}, {4, 0.5}});
  for (const int64_t budget : {int64_t{1} << 40, int64_t{0}}) {
    distill::Teachers teachers(
        names, student.network,
        {.weights_bytes = budget, .hidden_bytes = int64_t{1} << 30, .directory = dir.path()});
    double best_one = 1e9, best_five = 1e9;
    for (int i = 0; i < 4; ++i) {  // alternately; the first warms up
      const StepTimes a = step(student, teachers, trajectories, one);
      const StepTimes b = step(student, teachers, trajectories, five);
      if (i == 0) continue;
      best_one = std::min(best_one, a.accumulate_s - a.teachers.forward_s);
      best_five = std::min(best_five, b.accumulate_s - b.teachers.forward_s);
    }
    std::printf(
        "heads %s: one teacher %.2f s, five %.2f s beyond the forward passes: %.2f x (at "
        "most 2.8)\n",
        budget ? "in memory" : "read in tiles", best_one, best_five, best_five / best_one);
  }
}

}  // namespace
}  // namespace amalgam::bench

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what != "memory" && what != "heads") {
    std::fprintf(stderr, "usage: teacher_bench memory|heads\n");
    return 2;
  }
  what == "memory" ? amalgam::bench::memory() : amalgam::bench::heads();
}
