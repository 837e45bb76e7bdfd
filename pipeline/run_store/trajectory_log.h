// The log of one stage's sampled conversations, RUN/trajectories/STAGE.log: proto::Trajectory
// records framed as TFRecord (proto/record_file.h), in the order of their steps.
//
// Durable: what append() returned from survives kill -9 of every process. A tail torn by a kill is
// cut when the log is opened; damage anywhere else is an Error. To resume from a checkpoint of step
// N, call truncate_after(N): what later steps had logged goes, so that nothing is there twice. One
// thread at a time, one process at a time (RunLock).
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "proto/record_file.h"

namespace amalgam::proto {
class Trajectory;
}

namespace amalgam::pipeline {

// RUN/trajectories/STAGE.log
std::string trajectory_log_path(const std::string& run_dir, const std::string& stage);

// The stages that have logs of a stage's training samples: it, and its learning rates
// ("distill-lr0.001" of "distill"), and its judge; not what validations sampled.
std::vector<std::string> training_sample_stages(const std::string& run_dir,
                                                const std::string& stage);

class TrajectoryLog {
 public:
  explicit TrajectoryLog(const std::string& path);

  // One write() for the whole batch; returns each record's offset. CHECKs that ids, writer and
  // logprobs agree in length and that steps do not decrease.
  std::vector<int64_t> append(const std::vector<proto::Trajectory>& batch);

  // `batch`, all of one step, in place of the records that have it or a later one. Nothing is
  // written where they are there already, as in a step that is gone on with: a kill while they were
  // written again would lose what only earlier weights can sample. Else a kill leaves a part of
  // `batch`, from its beginning.
  std::vector<int64_t> replace_step(const std::vector<proto::Trajectory>& batch);

  // Removes every record whose step is larger.
  void truncate_after(int64_t step);

  int64_t last_step() const { return last_step_; }  // -1 when empty
  int64_t size_bytes() const { return file_.size(); }
  int64_t torn_bytes() const { return file_.torn_bytes(); }  // cut when it was opened

 private:
  void see(int64_t offset, int64_t step);
  // The offsets of the last step's records if they are these; else nothing.
  std::vector<int64_t> last_step_is(const std::vector<proto::Trajectory>& batch) const;

  int64_t last_step_ = -1, last_step_begin_ = 0;  // and the offset of its first record
  proto::RecordFile file_;
};

// All records in order (a torn tail is skipped; the file is not changed, so a run may be read while
// it writes). `visit` returns false to stop. A missing file has none.
void for_each_trajectory(
    const std::string& path,
    const std::function<bool(int64_t offset, const proto::Trajectory& trajectory)>& visit);

// One record, by an offset that append() gave.
proto::Trajectory read_trajectory(const std::string& path, int64_t offset);

// "ok", "truncated", "sandbox_failed", …
std::string outcome_name(const proto::Trajectory& trajectory);
// Of each token after the prompt.
std::vector<bool> from_assistant(const proto::Trajectory& trajectory);

}  // namespace amalgam::pipeline
