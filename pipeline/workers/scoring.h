// Scoring: scores finished samples on threads beside the sampling. Each reward function has threads
// and child processes of its own, and so have the built-in verifiers: none waits for another.
//
// A failed call is made again after the others that wait. The first failure of a kind is said at
// once, and waiting is said. A function that gives nothing but failures ends the request while
// there is nothing else to do; what was sampled is in the token logs.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "configs/clock.h"
#include "configs/run_config.h"
#include "proto/trajectory.pb.h"
#include "rewards/registry/scorer.h"

namespace amalgam::sandbox {
class GatewayClient;
}

namespace amalgam::pipeline {

// One call: of a sample, or of all samples of a prompt.
struct ScoreTask {
  std::vector<proto::Trajectory> trajectories;  // get their reward, or what failed
  std::vector<rewards::ScoreRequest> requests;  // one for each
  std::map<std::string, int64_t> failures;      // attempts at a sample, by kind
  std::string error;                            // the row cannot be scored

  // Of Scoring:
  int attempts = 0;
  int64_t round = 0;
  Clock::time_point asked;
};

// Of waiting when nothing else is left to do.
struct Patience {
  double notice_s = 10;  // it is said after so long, then after twice as long, …
  // It ends when kFewestFailed samples in a row failed and none was scored for so long,
  double no_score_s = 60;   // and two deadlines: the step has no score at all
  double no_other_s = 600;  // and four: there were scores before
  static constexpr int kFewestFailed = 4;
};

class Scoring {
 public:
  // Throws Error when a reward function cannot be loaded. gateway: null: sandboxes are made here.
  Scoring(const configs::RunConfig& config, std::shared_ptr<sandbox::GatewayClient> gateway,
          const Patience& patience = {});
  ~Scoring();  // ends the calls that are under way

  // Whether all samples of a prompt are scored in one call.
  bool takes_batches(const std::string& domain) const;
  rewards::ScoredBy scored_by(const std::string& domain) const;

  // Tasks of one request follow; nothing comes of those of an earlier one. `name` heads what is
  // said. has_scores: other samples of its step have a reward already.
  void begin(const std::string& name, bool has_scores);
  void add(std::unique_ptr<ScoreTask> task);
  // Those that are done; waits up to wait_ms for the first.
  std::vector<std::unique_ptr<ScoreTask>> take(int wait_ms);
  // Called again and again while nothing is left to do but wait for scores. Throws Error when
  // waiting for longer is of no use.
  void watch();

 private:
  struct Queue;
  Queue& queue_of(const std::string& domain) const;
  void serve(Queue& queue);
  void settle(Queue& queue, std::unique_ptr<ScoreTask> task,
              const std::vector<rewards::Score>& scores);
  void require_scores(const Queue& queue) const;

  const Patience patience_;
  std::map<std::string, std::unique_ptr<Queue>> queues_;  // by domain; "": built-in verifiers

  std::mutex mutex_;  // guards what follows, and the queues
  std::condition_variable done_condition_;
  bool stop_ = false;
  // Of the request:
  int64_t round_ = 0;
  std::string name_;
  bool has_scores_ = false;
  std::vector<std::unique_ptr<ScoreTask>> done_;
  std::set<std::pair<const Queue*, rewards::Status>> said_;
  std::optional<Clock::time_point> waits_since_;
  double next_notice_s_ = 0;
};

}  // namespace amalgam::pipeline
