#include "pipeline/workers/scoring.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "configs/error.h"
#include "configs/log/log.h"
#include "pipeline/workers/run_sandboxes.h"
#include "sandbox/service/remote_sandbox.h"

namespace amalgam::pipeline {
namespace {

constexpr int kBuiltInThreads = 2;

// How often a call is made that fails so: each time-out costs a deadline.
int attempts_at(rewards::Status s) {
  switch (s) {
    case rewards::Status::kBadRow:
    case rewards::Status::kCannotCross:
    case rewards::Status::kNoReward:
      return 1;
    case rewards::Status::kTimeout:
      return 2;
    default:
      return 4;
  }
}

// A sample whose tools failed has no answer, but it is one of its batch.
bool has_answer(const proto::Trajectory& t) {
  return t.meta().outcome() != proto::OUTCOME_SANDBOX_FAILED &&
         t.meta().outcome() != proto::OUTCOME_WALL_CLOCK;
}

void record(const rewards::Score& score, ScoreTask* task, proto::TrajectoryMetadata* meta) {
  if (score.status == rewards::Status::kScored) {
    meta->set_reward(score.reward);
    meta->set_answer(score.answer);
    for (const auto& [name, value] : score.parts) {
      proto::RewardPart* part = meta->add_reward_parts();
      part->set_name(name);
      part->set_value(value);
    }
  } else if (score.status == rewards::Status::kBadRow) {
    task->error = "prompt " + meta->prompt_id() + " of domain " + meta->domain() +
                  " cannot be scored: " + score.detail;
  } else {
    meta->set_outcome(score.status == rewards::Status::kSandboxFailed
                          ? proto::OUTCOME_SANDBOX_FAILED
                          : proto::OUTCOME_VERIFIER_FAILED);
    meta->set_failure(score.detail);
    meta->set_failure_kind(rewards::to_string(score.status));
  }
}

}  // namespace

struct Scoring::Queue {
  Queue(std::string w, const rewards::ScorerOptions& options, double deadline, int n)
      : what(std::move(w)), scorer(options), deadline_s(deadline), num_threads(n) {}

  const std::string what;  // "the reward function of dates"
  rewards::Scorer scorer;
  const double deadline_s;
  const int num_threads;
  std::vector<std::thread> threads;

  std::condition_variable wake;
  std::deque<std::unique_ptr<ScoreTask>> tasks;
  // Of the request:
  std::multiset<Clock::time_point> asked;  // of the tasks that are not done
  int64_t num_scored = 0;
  int64_t num_failed = 0;  // tasks, since the last one that gave a score
  std::string last_failure;
  Clock::time_point last_score;
};

Scoring::Scoring(const configs::RunConfig& config, std::shared_ptr<sandbox::GatewayClient> gateway,
                 const Patience& patience)
    : patience_(patience) {
  rewards::ScorerOptions options;
  options.code.limits = limits_of(config.sandbox);
  options.code.make_sandbox =
      sandbox::sandbox_factory(std::move(gateway), configs::name_of(config.sandbox.substrate));
  queues_[""] =
      std::make_unique<Queue>("built-in verifiers", options, /*deadline=*/0, kBuiltInThreads);
  for (const configs::DomainConfig& d : config.domains) {
    if (!d.has_program() && d.reward.is_plain()) continue;
    options.reward = d.reward;
    options.plugin.reset();
    if (!d.has_program()) {
      queues_[d.name] = std::make_unique<Queue>("the verifiers of " + d.name, options,
                                                /*deadline=*/0, kBuiltInThreads);
      continue;
    }
    options.plugin = rewards::plugin_options(d);
    queues_[d.name] = std::make_unique<Queue>("the reward function of " + d.name, options,
                                              d.reward.deadline_s, d.reward.num_processes());
  }
  for (auto& [domain, queue] : queues_)
    for (int i = 0; i < queue->num_threads; ++i)
      queue->threads.emplace_back([this, q = queue.get()] { serve(*q); });
}

Scoring::~Scoring() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  for (auto& [domain, queue] : queues_) {
    queue->scorer.stop();
    queue->wake.notify_all();
  }
  for (auto& [domain, queue] : queues_)
    for (std::thread& thread : queue->threads) thread.join();
}

Scoring::Queue& Scoring::queue_of(const std::string& domain) const {
  const auto own = queues_.find(domain);
  return *(own == queues_.end() ? queues_.at("") : own->second);
}

bool Scoring::takes_batches(const std::string& domain) const {
  return queue_of(domain).scorer.takes_batches();
}

rewards::ScoredBy Scoring::scored_by(const std::string& domain) const {
  return queue_of(domain).scorer.by();
}

void Scoring::begin(const std::string& name, bool has_scores) {
  const std::lock_guard lock(mutex_);
  ++round_;
  name_ = name;
  has_scores_ = has_scores;
  done_.clear();
  said_.clear();
  waits_since_.reset();
  next_notice_s_ = patience_.notice_s;
  for (auto& [domain, queue] : queues_) {
    queue->tasks.clear();
    queue->asked.clear();
    queue->num_scored = queue->num_failed = 0;
  }
}

void Scoring::add(std::unique_ptr<ScoreTask> task) {
  Queue& queue = queue_of(task->trajectories[0].meta().domain());
  {
    const std::lock_guard lock(mutex_);
    task->round = round_;
    task->asked = Clock::now();
    queue.asked.insert(task->asked);
    queue.tasks.push_back(std::move(task));
  }
  queue.wake.notify_one();
}

std::vector<std::unique_ptr<ScoreTask>> Scoring::take(int wait_ms) {
  std::unique_lock lock(mutex_);
  done_condition_.wait_for(lock, std::chrono::milliseconds(wait_ms),
                           [&] { return !done_.empty(); });
  return std::exchange(done_, {});
}

void Scoring::serve(Queue& queue) {
  std::unique_lock lock(mutex_);
  for (;;) {
    queue.wake.wait(lock, [&] { return stop_ || !queue.tasks.empty(); });
    if (stop_) return;
    std::unique_ptr<ScoreTask> task = std::move(queue.tasks.front());
    queue.tasks.pop_front();
    lock.unlock();
    std::vector<rewards::Score> scores;
    try {
      scores = queue.scorer.score_batch(task->requests);
    } catch (const std::exception& e) {  // nothing may escape this thread
      scores.assign(task->requests.size(),
                    rewards::failed(rewards::Status::kVerifierFailed, e.what()));
    }
    lock.lock();
    if (task->round == round_ && !stop_) settle(queue, std::move(task), scores);
  }
}

void Scoring::settle(Queue& queue, std::unique_ptr<ScoreTask> task,
                     const std::vector<rewards::Score>& scores) {
  ++task->attempts;
  bool has_score = false;
  std::optional<size_t> failure;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (!has_answer(task->trajectories[i])) continue;
    const rewards::Status status = scores[i].status;
    if (status == rewards::Status::kScored) {
      has_score = true;
      continue;
    }
    if (!failure || attempts_at(status) > attempts_at(scores[*failure].status)) failure = i;
    if (status != rewards::Status::kBadRow) ++task->failures[rewards::to_string(status)];
  }
  if (has_score) {
    ++queue.num_scored;
    queue.num_failed = 0;
    queue.last_score = Clock::now();
  } else if (task->attempts == 1) {
    ++queue.num_failed;
  }
  if (failure) {
    const rewards::Score& score = scores[*failure];
    queue.last_failure = score.detail;
    const bool again = task->attempts < attempts_at(score.status);
    const std::string line = fmt::format(
        "{}: sample {} of domain {} has no score: {}: {}{}", name_,
        task->requests[*failure].sample_id, task->trajectories[*failure].meta().domain(),
        rewards::to_string(score.status), score.detail, again ? "; it is tried again" : "");
    // The console has the first of a kind.
    said_.insert({&queue, score.status}).second ? log::warn(log::Part::kReward, line)
                                                : log::info(log::Part::kReward, line);
    if (again) {
      queue.tasks.push_back(std::move(task));
      queue.wake.notify_one();
      return;
    }
  }
  queue.asked.erase(queue.asked.find(task->asked));
  for (size_t i = 0; i < scores.size(); ++i)
    if (has_answer(task->trajectories[i]))
      record(scores[i], task.get(), task->trajectories[i].mutable_meta());
  done_.push_back(std::move(task));
  done_condition_.notify_one();
}

void Scoring::watch() {
  const std::lock_guard lock(mutex_);
  if (!waits_since_) waits_since_ = Clock::now();
  size_t waiting = 0;
  double longest = 0;
  for (const auto& [domain, queue] : queues_) {
    require_scores(*queue);
    if (queue->asked.empty()) continue;
    waiting += queue->asked.size();
    longest = std::max(longest, seconds_since(*queue->asked.begin()));
  }
  if (seconds_since(*waits_since_) < next_notice_s_) return;
  next_notice_s_ *= 2;
  log::warn(log::Part::kReward, fmt::format("{}: {} reward calls wait, the first for {:.0f} s",
                                            name_, waiting, longest));
}

void Scoring::require_scores(const Queue& queue) const {
  if (queue.asked.empty() || queue.num_failed < Patience::kFewestFailed) return;
  const bool never = !has_scores_ && queue.num_scored == 0;
  // What an interrupted run left may be just what cannot be scored.
  if (!never && queue.num_scored == 0) return;
  const double patience = never ? std::max(patience_.no_score_s, 2 * queue.deadline_s)
                                : std::max(patience_.no_other_s, 4 * queue.deadline_s);
  const double waited = seconds_since(std::max(*waits_since_, queue.last_score));
  if (waited < patience) return;
  throw Error(fmt::format(
      "{}: {} gave no score for {:.0f} s, {} calls failed, the last: {}; mend that and run again "
      "with --resume",
      name_, queue.what, waited, queue.num_failed, queue.last_failure));
}

}  // namespace amalgam::pipeline
