#include "pipeline/workers/rollout_pool.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <set>

#include "configs/check.h"
#include "configs/clock.h"
#include "configs/error.h"
#include "configs/load.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/workers/rollout_worker.h"
#include "rollout/log/wal.h"

extern char** environ;

namespace amalgam::pipeline {
namespace {

constexpr int kMaxRestarts = 8;  // of workers, within one collection

// A group stays whole until its last sample is finished: a reward function may want all of it.
void mark_finished(const proto::TrajectoryMetadata& sample, std::vector<proto::SampleGroup>* owed) {
  for (proto::SampleGroup& g : *owed)
    for (int i = 0; g.meta().group() == sample.group() && i < g.sample_index_size(); ++i)
      if (g.sample_index(i) == sample.sample_index()) g.set_finished(i, true);
  std::erase_if(*owed, [](const proto::SampleGroup& g) {
    return std::all_of(g.finished().begin(), g.finished().end(), [](bool f) { return f; });
  });
}

}  // namespace

struct RolloutPool::Worker {
  size_t number = 0;
  std::unique_ptr<MessageSocket> socket;
  std::string endpoint;
  // In process:
  std::thread thread;
  std::atomic<bool> stop{false};
  // Another process:
  pid_t pid = 0;
  int generation = 0;
  // Of the current request:
  std::vector<proto::SampleGroup> owed;
  bool done = true;
  Clock::time_point last_heard;
};

RolloutPool::RolloutPool(const configs::RunConfig& config, const std::string& tokenizer_dir,
                         const std::string& run_dir,
                         const std::vector<rollout::UserTool>& user_tools,
                         kernels::ThreadPool& pool, RunStore& store)
    : config_(config), run_dir_(run_dir), pool_(pool), store_(store) {
  setup_.set_config(configs::to_toml(config));
  setup_.set_tokenizer_dir(tokenizer_dir);
  setup_.set_threads(std::max<int32_t>(
      1, static_cast<int32_t>(pool.num_threads() / std::max<int64_t>(1, config.workers))));
  setup_.mutable_user_tools()->Assign(user_tools.begin(), user_tools.end());
  const auto n = static_cast<size_t>(std::max<int64_t>(1, config.workers));
  for (size_t i = 0; i < n; ++i) {
    workers_.push_back(std::make_unique<Worker>());
    workers_.back()->number = i;
    start(*workers_.back());
  }
}

RolloutPool::~RolloutPool() {
  proto::CollectRequest stop;
  stop.set_stop(true);
  for (auto& w : workers_) {
    w->stop = true;
    w->socket->send(stop, 0);
  }
  for (auto& w : workers_) {
    if (w->thread.joinable()) w->thread.join();
    if (w->pid > 0) {
      // A worker leaves when told; one that does not is not waited for.
      for (int i = 0; i < 50 && waitpid(w->pid, nullptr, WNOHANG) == 0; ++i) usleep(20'000);
      kill(w->pid, SIGKILL);
      waitpid(w->pid, nullptr, 0);
    }
  }
}

void RolloutPool::start(Worker& w) {
  w.socket = std::make_unique<MessageSocket>(context_);
  w.done = true;
  w.last_heard = Clock::now();
  const std::string name = "amalgam-" + std::to_string(::getpid()) + "-" +
                           std::to_string(w.number) + "-" + std::to_string(w.generation++);
  if (config_.workers == 0) {
    w.endpoint = "inproc://" + name;
    w.socket->bind(w.endpoint);
    w.thread = std::thread([this, &w] {
      serve_endpoint(context_, w.endpoint, &pool_, [&w] { return w.stop.load() || interrupted(); });
    });
  } else {
    w.endpoint = "ipc://@" + name;  // Linux's abstract namespace: nothing is left on disk
    w.socket->bind(w.endpoint);
    const std::string parent = std::to_string(::getpid());
    const char* argv[] = {"amalgam",  "worker",       "--endpoint", w.endpoint.c_str(),
                          "--parent", parent.c_str(), nullptr};
    const int error = posix_spawn(&w.pid, "/proc/self/exe", nullptr, nullptr,
                                  const_cast<char* const*>(argv), environ);
    if (error != 0) throw Error(std::string("cannot start a rollout worker: ") + strerror(error));
  }
  w.socket->send(setup_);
}

std::string RolloutPool::wal_prefix(const std::string& stage, int64_t step) const {
  return run_dir_ + "/wal/" + stage + "-" + std::to_string(step);
}

void RolloutPool::forget(const std::string& stage, int64_t step) {
  rollout::remove_wal(wal_prefix(stage, step));
}

void RolloutPool::assign(Worker& w, const CollectSpec& spec,
                         const std::vector<proto::SampleGroup>& groups, bool resume) {
  // Nothing can be sent to a worker that died while it had nothing to do.
  if (w.pid > 0 && waitpid(w.pid, nullptr, WNOHANG) == w.pid) start(w);
  w.owed = groups;
  w.done = groups.empty();
  w.last_heard = Clock::now();
  if (w.done) return;
  proto::CollectRequest r;
  r.set_stage(spec.stage);
  r.set_step(spec.step);
  r.set_has_scores(has_scores_);
  *r.mutable_weights() = spec.weights;
  r.set_run_seed(static_cast<uint64_t>(config_.seed));
  r.set_stream(spec.stream);
  r.set_temperature(spec.temperature);
  r.set_max_response_length(spec.max_response_length);
  r.set_max_turns(spec.max_turns);
  r.set_max_tool_response_length(spec.max_tool_response_length);
  r.set_max_positions(spec.max_positions);
  r.set_draft(spec.draft);
  r.set_keep_experts(spec.keep_experts);
  r.set_keep_index(spec.keep_index);
  r.set_score(spec.score);
  r.set_wal_prefix(wal_prefix(spec.stage, spec.step));
  r.set_resume(resume);
  for (const auto& g : groups) *r.add_groups() = g;
  w.socket->send(r);
}

// A worker process that died is started again and gets back what it owed; its token log says how
// far it was.
void RolloutPool::watch(Worker& w, const CollectSpec& spec, int* restarts) {
  if (w.pid > 0 && waitpid(w.pid, nullptr, WNOHANG) == w.pid) {
    w.pid = 0;
    if (++*restarts > kMaxRestarts)
      throw Error("rollout workers of stage " + spec.stage + " died " +
                  std::to_string(kMaxRestarts + 1) + " times; see the log above for the cause");
    start(w);
    assign(w, spec, std::vector<proto::SampleGroup>(w.owed), true);
  }
  if (!w.done && Clock::now() - w.last_heard > std::chrono::seconds(kSilenceSeconds))
    throw Error("rollout worker " + std::to_string(w.number) + " of stage " + spec.stage +
                " has said nothing for " + std::to_string(kSilenceSeconds) +
                " s; run again with --resume");
}

void RolloutPool::report_masked(const CollectSpec& spec, const std::vector<proto::Trajectory>& all,
                                TrajectoryLog& log) {
  int64_t masked = 0, sandbox_failed = 0;
  std::string why;
  for (const proto::Trajectory& t : all) {
    const auto outcome = t.meta().outcome();
    if (outcome == proto::OUTCOME_OK || outcome == proto::OUTCOME_TRUNCATED) continue;
    ++masked;
    sandbox_failed += outcome == proto::OUTCOME_SANDBOX_FAILED;
    why = t.meta().failure();
  }
  if (masked == 0) return;
  const std::string where = spec.stage + " step " + std::to_string(spec.step);
  if (masked == static_cast<int64_t>(all.size())) {
    log.truncate_after(spec.step - 1);  // scored anew when resumed; the token logs have the tokens
    throw Error(where + ": no sample could be scored: " + why +
                "; mend that and run again with --resume");
  }
  std::fprintf(stderr, "\n%s: %lld of %zu samples could not be scored and are left out: %s\n",
               where.c_str(), static_cast<long long>(masked), all.size(), why.c_str());
  if (sandbox_failed > 0)
    std::fprintf(stderr, "a sandbox failed too often: this run cannot be reproduced exactly\n");
}

std::vector<proto::Trajectory> RolloutPool::collect(const CollectSpec& spec,
                                                    std::vector<proto::SampleGroup> groups,
                                                    TrajectoryLog& log, CollectFigures* figures) {
  const auto begin = Clock::now();
  // What an interrupted run had finished already.
  using Key = std::pair<int64_t, int32_t>;  // group, sample
  struct Finished {
    proto::Trajectory trajectory;
    int64_t offset;  // in the log
  };
  std::map<Key, Finished> finished;
  if (log.last_step() >= spec.step) {
    for_each_trajectory(trajectory_log_path(run_dir_, spec.stage),
                        [&](int64_t offset, const proto::Trajectory& t) {
                          if (t.meta().step() == spec.step)
                            finished[{t.meta().group(), t.meta().sample_index()}] = {t, offset};
                          return true;
                        });
  }
  has_scores_ = std::any_of(finished.begin(), finished.end(),
                            [](const auto& f) { return f.second.trajectory.meta().has_reward(); });
  const std::string prefix = wal_prefix(spec.stage, spec.step);
  const bool resume = !rollout::read_wal(prefix).empty();

  uint32_t episode = 0;
  size_t missing = 0;
  std::vector<std::vector<proto::SampleGroup>> shares(workers_.size());
  size_t turn = 0;
  for (proto::SampleGroup& g : groups) {
    auto& meta = *g.mutable_meta();
    meta.set_stage(spec.stage);
    meta.set_step(spec.step);
    if (!spec.weights.state_path().empty()) meta.set_weights_version(spec.weights.state_step());
    size_t wanted = 0;
    for (int i = 0; i < g.sample_index_size(); ++i) {
      g.add_episode(episode++);
      g.add_finished(finished.contains({meta.group(), g.sample_index(i)}));
      wanted += !g.finished(i);
    }
    missing += wanted;
    if (wanted > 0) shares[turn++ % shares.size()].push_back(std::move(g));
  }
  for (size_t i = 0; i < workers_.size(); ++i) assign(*workers_[i], spec, shares[i], resume);

  int restarts = 0;
  int64_t sandbox_failures = 0;
  while (missing > 0) {
    if (interrupted()) throw Interrupted{};
    for (auto& w : workers_) {
      proto::WorkerReply reply;
      while (w->socket->receive(&reply, w->done ? 0 : 20)) {
        w->last_heard = Clock::now();
        if (!reply.error().empty()) {
          // Failures alone are nothing to keep: they are scored anew when resumed.
          if (spec.score && !has_scores_) log.truncate_after(spec.step - 1);
          throw Error(reply.error());
        }
        std::vector<proto::Trajectory> batch;
        for (proto::Trajectory& t : *reply.mutable_finished())
          if (!finished.contains({t.meta().group(), t.meta().sample_index()}))
            batch.push_back(std::move(t));
        std::vector<int64_t> offsets;
        if (!batch.empty()) offsets = log.append(batch);
        for (size_t b = 0; b < batch.size(); ++b) {
          proto::Trajectory& t = batch[b];
          mark_finished(t.meta(), &w->owed);
          has_scores_ = has_scores_ || t.meta().has_reward();
          const Key key{t.meta().group(), t.meta().sample_index()};
          finished[key] = {std::move(t), offsets[b]};
          --missing;
        }
        store_.add_worker({reply.pid(), "rollout", reply.sampled_tokens(), reply.engine_s()});
        sandbox_failures += reply.sandbox_failures();
        for (const auto& [kind, count] : reply.reward_failures())
          store_.add_failures(spec.stage, kind, count);
        if (figures) {
          figures->sampled_tokens += reply.sampled_tokens();
          figures->reward_wait_s += reply.reward_wait_s() / static_cast<double>(workers_.size());
          figures->index_visible += reply.index_visible();
          figures->index_selected += reply.index_selected();
          figures->index_compared += reply.index_compared();
          figures->index_agreed += reply.index_agreed();
          figures->drafts_proposed += reply.drafts_proposed();
          figures->drafts_accepted += reply.drafts_accepted();
        }
        if (reply.done()) {
          w->done = true;
          if (config_.workers > 0)
            store_.max_figure(RunStore::kRun, "worker_peak_rss_bytes/" + std::to_string(w->number),
                              static_cast<double>(reply.peak_rss_bytes()));
        }
      }
      if (!w->done) watch(*w, spec, &restarts);
    }
  }
  // Every worker's closing reply belongs to this request.
  const auto deadline = Clock::now() + std::chrono::seconds(kSilenceSeconds);
  for (auto& w : workers_)
    while (!w->done) {
      proto::WorkerReply reply;
      if (w->socket->receive(&reply, 20) && reply.done()) w->done = true;
      if (w->pid > 0 && waitpid(w->pid, nullptr, WNOHANG) == w->pid) start(*w);
      if (Clock::now() > deadline)
        throw Error("rollout worker " + std::to_string(w->number) + " did not close its request");
    }

  store_.add_sandbox_failed(sandbox_failures);
  if (sandbox_failures > 0) store_.add_failures(spec.stage, "sandbox_failed", sandbox_failures);
  if (figures) figures->rollout_s += seconds_since(begin);
  std::vector<proto::Trajectory> all;
  std::vector<int64_t> offsets;
  for (auto& [key, f] : finished) {
    all.push_back(std::move(f.trajectory));
    offsets.push_back(f.offset);
  }
  report_masked(spec, all, log);
  store_.record_trajectories(spec.stage, all, offsets);
  store_.count_masked(spec.stage);
  return all;
}

}  // namespace amalgam::pipeline
