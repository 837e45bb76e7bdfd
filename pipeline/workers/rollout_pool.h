// RolloutPool: the controller's side of sampling. Hands prompts to rollout workers (a thread of
// this process, or N worker processes), keeps what comes back durable before it counts as done, and
// asks again for what a killed worker owed.
//
// A sample is finished when its trajectory is in the stage's log; finished samples are never
// sampled again, unfinished ones continue from the workers' token logs.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "configs/run_config.h"
#include "kernels/device/thread_pool.h"
#include "pipeline/run_store/run_store.h"
#include "pipeline/run_store/trajectory_log.h"
#include "pipeline/workers/message_socket.h"
#include "proto/worker.pb.h"
#include "rollout/tools/user_tool.h"

namespace amalgam::pipeline {

struct CollectSpec {
  std::string stage;
  int64_t step = 0;
  proto::WeightsRef weights;
  uint64_t stream = 0;
  double temperature = 1;
  int64_t max_response_length = 0;
  int64_t max_turns = 1;
  int64_t max_calls_per_turn = 16;
  int64_t max_tool_response_tokens = 512, max_tool_tokens = 2048;
  int64_t max_positions = 0;
  int64_t max_thinking_tokens = 0;  // of a turn; 0: no limit
  bool draft = false;
  bool keep_experts = false, keep_index = false;  // what of their choices the samples carry
  bool score = true;
  bool keep_weights = false;  // another collection with these weights follows
  // The number of the first episode, where others of this step were collected before: token logs
  // know episodes by it.
  uint32_t first_episode = 0;
  // Told how many of all samples are finished: at once, and whenever more are.
  std::function<void(int64_t finished, int64_t all)> on_finished = {};
};

struct CollectFigures {
  double rollout_s = 0;      // wall time of the whole collection
  double reward_wait_s = 0;  // of it: workers with nothing to do but wait for scores and tools
  int64_t sampled_tokens = 0;
  int64_t index_visible = 0, index_selected = 0;
  int64_t index_compared = 0, index_agreed = 0;  // model::IndexerCounters
  int64_t drafts_proposed = 0, drafts_accepted = 0;
};

class RolloutPool {
 public:
  // `workers` = 0: one worker on a thread of this process, computing on `pool` (which the caller
  // leaves alone during collect()). The store counts tokens per worker and sandbox failures.
  RolloutPool(const configs::RunConfig& config, const std::string& tokenizer_dir,
              const std::string& run_dir, const std::vector<rollout::UserTool>& user_tools,
              kernels::ThreadPool& pool, RunStore& store);
  ~RolloutPool();

  // All samples of all groups, by (group, sample index); groups carry sample_index and seed, the
  // rest is filled in here. They are in the log, and their metadata in the store. Throws
  // Interrupted, or Error when a worker reports that the request cannot be served, or when workers
  // keep dying. One that is silent for config.worker_silence_s is killed and counts as dead.
  std::vector<proto::Trajectory> collect(const CollectSpec& spec,
                                         std::vector<proto::SampleGroup> groups, TrajectoryLog& log,
                                         CollectFigures* figures);
  // The step is committed: its token logs are no longer needed.
  void forget(const std::string& stage, int64_t step);

 private:
  struct Worker;
  void start(Worker& worker);
  // For all that it owes.
  void ask(Worker& worker, const CollectSpec& spec, bool resume);
  void give_up(Worker& worker, const std::string& why);
  void watch(Worker& worker, const CollectSpec& spec, int* deaths);
  // Counts the samples without a score and says so; an Error if there are no others.
  void report_masked(const CollectSpec& spec, const std::vector<proto::Trajectory>& all,
                     TrajectoryLog& log);
  std::string wal_prefix(const std::string& stage, int64_t step) const;

  const configs::RunConfig& config_;
  std::string run_dir_;
  kernels::ThreadPool& pool_;
  RunStore& store_;
  proto::WorkerSetup setup_;
  bool has_scores_ = false;  // some sample of the step that is collected has a reward
  proto::ZmqContext context_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace amalgam::pipeline
