// RunStore: everything about a run that is small, in RUN/run.sqlite (WAL mode, STRICT tables).
//
// What a function has written survives kill -9 once it returns. Thread-safe; one writing process at
// a time (RunLock), any number of readers beside it. Every failure (read-only directory, full disk,
// damaged file) is an Error that says what to do. Times are seconds since the epoch, for people
// only.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/run_store/score.h"
#include "pipeline/run_store/sqlite.h"

namespace amalgam::proto {
class Trajectory;
}

namespace amalgam::pipeline {

enum class StageState { kRunning, kFinished, kFailed };
const char* to_string(StageState state);

struct StageRow {
  std::string name;
  StageState state = StageState::kRunning;
  double started_s = 0;   // first start; a resumed stage keeps it
  double finished_s = 0;  // 0 while it runs
};

// Of a stage: something that it read or made, and its value or digest.
struct RecordedInput {
  std::string name, value;
};

using NamedValues = std::vector<std::pair<std::string, double>>;

struct MetricRow {
  int64_t step = 0;
  std::string name;
  double value = 0;  // may be NaN or infinite
};

struct FigureRow {
  std::string stage, name;
  double value = 0;
};

struct EvalRow {
  std::string stage;
  std::string model;  // "base", "specialist", "student", or the name of a comparison
  std::string domain;
  std::string metric;  // "mean@4", "pass@1/greedy", …
  Score score;
};

// One candidate of a choice that is made on the validation prompts.
struct SweepRow {
  std::string model;      // "student", or the name of a comparison
  std::string parameter;  // "learning rate", "scale", "scale at density 0.5", "t"
  double value = 0;
  Score score;  // over the validation prompts of all domains
};

struct TrajectoryRow {
  std::string stage;
  int64_t step = 0;
  std::string prompt_id, domain, effort;
  int64_t group = 0;
  int sample_index = 0;
  uint64_t seed = 0;
  std::string outcome;  // proto::Outcome's name: "OUTCOME_OK", …
  std::optional<double> reward;
  int prompt_length = 0, response_length = 0;
  std::string finish_reason;
  std::optional<int64_t> weights_version;
  std::string prompt_hash;   // prompt_hash.h
  std::string failure_kind;  // empty: none
  int64_t offset = 0;        // in trajectories/STAGE.log
};

// What went wrong with samples of a stage.
struct FailureRow {
  std::string stage, kind;
  int64_t num_attempts = 0;  // that failed, retried ones included
  int64_t num_samples = 0;   // that failed for good and are left out
};

// Which trajectories of a stage, and in which order. By reward: only those that have one, equals as
// the log has them.
struct TrajectoryQuery {
  enum class Order { kNewestFirst, kWorstFirst, kBestFirst };
  std::string stage;
  std::string domain;           // empty: all
  std::optional<int64_t> step;  // none: all
  Order order = Order::kNewestFirst;
};

struct WorkerRow {
  int64_t pid = 0;
  std::string role;  // "rollout", "learner", …
  int64_t sampled_tokens = 0;
  double busy_s = 0;
};

class RunStore {
 public:
  // kReadWrite creates the directory and the tables.
  explicit RunStore(const std::string& run_dir, Access access = Access::kReadWrite);
  ~RunStore();

  // Stages, in the order of their first start.
  void start_stage(const std::string& name);  // new, or again after an interruption
  void end_stage(const std::string& name, StageState state);
  std::vector<StageRow> stages() const;
  // What a stage read when it began, and the models that it made; by name. Replaces.
  void record_inputs(const std::string& stage, const std::vector<RecordedInput>& inputs);
  void record_outputs(const std::string& stage, const std::vector<RecordedInput>& outputs);
  std::vector<RecordedInput> inputs(const std::string& stage) const;
  std::vector<RecordedInput> outputs(const std::string& stage) const;
  // As if it had never begun. What its jobs recorded is not touched: forget().
  void forget_stage(const std::string& name);

  // Figures: single numbers of a stage, or of the whole run (kRun).
  static constexpr const char* kRun = "";
  void set_figure(const std::string& stage, const std::string& name, double value);
  void add_figure(const std::string& stage, const std::string& name, double delta);
  void max_figure(const std::string& stage, const std::string& name,
                  double value);  // keeps the larger
  std::optional<double> figure(const std::string& stage, const std::string& name) const;
  NamedValues figures(const std::string& stage) const;  // by name
  // Of all stages, those whose name matches a pattern with * (GLOB); by stage and name.
  std::vector<FigureRow> figures_like(const std::string& pattern) const;
  // Sandbox failures whose retries ran out or were counted; figure "sandbox_failed" of the run.
  void add_sandbox_failed(int64_t n) { add_figure(kRun, "sandbox_failed", static_cast<double>(n)); }
  int64_t sandbox_failed() const;
  // Failed attempts of a kind (rewards::Status's name) to score a sample or to run its tools.
  void add_failures(const std::string& stage, const std::string& kind, int64_t attempts);
  std::vector<FailureRow> failures() const;  // by stage, kind
  // Figure "masked_samples" of a stage that has such: from its trajectories, so that what a killed
  // process had counted is not counted twice.
  void count_masked(const std::string& stage);

  // One transaction; replaces what the step had under the same names.
  void record_metrics(const std::string& stage, int64_t step, const NamedValues& values);
  std::vector<MetricRow> metrics(const std::string& stage) const;  // by step, then name
  std::vector<std::string> metric_stages() const;                  // that have any, sorted

  void record_eval(const EvalRow& row);
  std::vector<EvalRow> evals() const;  // in the order they were recorded
  void forget_evals(const std::string& model, const std::string& domain);

  void record_sweep(const SweepRow& row);
  std::vector<SweepRow> sweeps() const;  // in the order they were recorded
  void forget_sweep(const std::string& model);

  // Metadata of trajectories just appended to the stage's log; one transaction.
  void record_trajectories(const std::string& stage, const std::vector<proto::Trajectory>& batch,
                           const std::vector<int64_t>& offsets);
  // That are in a log, by stage start, step, offset; all domains if `domain` is empty.
  std::vector<TrajectoryRow> trajectories(const std::string& domain = "") const;
  // Their places in the stage's log and rewards (NaN: none), one by one, as there may be many.
  // `visit` must not call the store.
  void for_each_trajectory(const TrajectoryQuery& query,
                           const std::function<void(int64_t offset, double reward)>& visit) const;
  std::vector<std::string> trajectory_stages() const;  // that have any, sorted
  bool has_reward(const std::string& stage) const;     // one of its samples
  // The stage's log of samples is removed: their rows stay, with negative offsets, and are in none
  // of the above that leads to the log.
  void forget_offsets(const std::string& stage);
  std::vector<std::string> domains() const;  // of trajectories and evals, sorted

  // Adds to what the process has so far.
  void add_worker(const WorkerRow& delta);
  std::vector<WorkerRow> workers() const;  // by role, pid

  // Resume: removes the stage's metrics and trajectories of later steps.
  void truncate_after(const std::string& stage, int64_t step);
  // The stage starts anew: removes its metrics, trajectories and figures.
  void forget(const std::string& stage);

 private:
  // row_of() of each row of a query.
  template <class RowOf, class... Args>
  auto select(const char* sql, RowOf row_of, const Args&... args) const;

  void record_identity(const std::string& stage, const char* kind,
                       const std::vector<RecordedInput>& all);

  mutable std::mutex mutex_;
  std::unique_ptr<Database> db_;
};

}  // namespace amalgam::pipeline
