#include "pipeline/workers/rollout_pool.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <map>
#include <optional>

#include "configs/check.h"
#include "configs/clock.h"
#include "configs/error.h"
#include "configs/load.h"
#include "configs/log/log.h"
#include "model/network/model_config.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/workers/reply_check.h"
#include "pipeline/workers/rollout_worker.h"
#include "pipeline/workers/serve_endpoint.h"
#include "pipeline/workers/worker_process.h"
#include "rollout/log/wal.h"

namespace amalgam::pipeline {
namespace {

constexpr int kMaxRestarts = 8;  // of workers, within one collection
constexpr int kLookMs = 20;
constexpr double kLongS = 10;       // what takes longer is told
constexpr double kLastChanceS = 1;  // two heartbeats: who was silent may just have been continued

// Before a worker is started for the n-th time again: the first time at once.
double back_off_s(int n) { return n <= 1 ? 0 : std::min(0.25 * std::exp2(n - 2), 8.0); }

void warn(const std::string& line) { log::warn(log::Part::kRollout, line); }

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
  // In process:
  std::thread thread;
  std::atomic<bool> stop{false};
  // Another process; none: it died.
  std::unique_ptr<WorkerProcess> process;
  int generation = 0;
  std::string end;             // of the process, once all it said has been received
  std::string killed_because;  // it is not heard any more
  Clock::time_point last_heard;
  std::optional<Clock::time_point> overdue;  // since when it is known that it is silent
  // What it said it was doing.
  std::string doing;
  Clock::time_point doing_since;
  bool was_told = false;
  // Of the current request:
  std::vector<proto::SampleGroup> owed;
  bool done = true;
  int num_deaths = 0;
  Clock::time_point starts_at;

  bool is_heard() const { return thread.joinable() || (process && killed_because.empty()); }
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
    w->socket->send(stop);
  }
  for (auto& w : workers_) {
    if (w->thread.joinable()) w->thread.join();
    w->process.reset();
  }
}

void RolloutPool::start(Worker& w) {
  w.end.clear();
  w.killed_because.clear();
  w.doing.clear();
  w.last_heard = Clock::now();
  w.overdue.reset();
  const std::string name = fmt::format("amalgam-{}-{}-{}", ::getpid(), w.number, w.generation++);
  if (config_.workers == 0) {
    w.socket = std::make_unique<MessageSocket>(context_);
    const std::string endpoint = "inproc://" + name;
    w.socket->bind(endpoint);
    w.thread = std::thread([this, endpoint, &w] {
      serve_endpoint(context_, endpoint, std::nullopt, &pool_,
                     [&w] { return w.stop.load() || interrupted(); });
    });
  } else {
    const std::string endpoint =
        "ipc://@" + name;  // Linux's abstract namespace: nothing is left on disk
    // Anyone here may connect to it. The worker alone has the server's key, without which nobody
    // gets through the handshake.
    const proto::CurveKeys ours = proto::make_curve_keys();
    proto::CurveKeys its = proto::make_curve_keys();
    its.server_key = ours.public_key;
    w.socket = std::make_unique<MessageSocket>(context_, ours);
    w.socket->bind(endpoint);
    w.process = std::make_unique<WorkerProcess>(fmt::format("worker {}", w.number), endpoint, its);
    log::debug(log::Part::kRollout,
               fmt::format("worker {} is process {}", w.number, w.process->pid()));
  }
  w.socket->send(setup_);
}

std::string RolloutPool::wal_prefix(const std::string& stage, int64_t step) const {
  return run_dir_ + "/wal/" + stage + "-" + std::to_string(step);
}

void RolloutPool::forget(const std::string& stage, int64_t step) {
  rollout::remove_wal(wal_prefix(stage, step));
}

void RolloutPool::ask(Worker& w, const CollectSpec& spec, bool resume) {
  // Nothing can be sent to a worker that died while it had nothing to do.
  if (w.process && !w.process->end().empty()) {
    warn(fmt::format("rollout worker {} died ({}) while it had nothing to do; started again",
                     w.number, w.process->end()));
    w.process.reset();
  }
  if (!w.is_heard()) start(w);
  w.last_heard = Clock::now();
  w.overdue.reset();
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
  r.set_max_calls_per_turn(spec.max_calls_per_turn);
  r.set_max_tool_response_tokens(spec.max_tool_response_tokens);
  r.set_max_tool_tokens(spec.max_tool_tokens);
  r.set_max_thinking_tokens(spec.max_thinking_tokens);
  r.set_max_positions(spec.max_positions);
  r.set_draft(spec.draft);
  r.set_keep_experts(spec.keep_experts);
  r.set_keep_index(spec.keep_index);
  r.set_score(spec.score);
  r.set_keep_weights(spec.keep_weights);
  r.set_wal_prefix(wal_prefix(spec.stage, spec.step));
  r.set_resume(resume);
  r.mutable_groups()->Assign(w.owed.begin(), w.owed.end());
  w.socket->send(r);
}

void RolloutPool::give_up(Worker& w, const std::string& why) {
  if (!w.process) throw Error("this process's own rollout worker " + why);
  w.killed_because = why;
  w.process->kill();
}

// A worker process that died or is silent is started again and gets back what it owed; its token
// log says how far it was.
void RolloutPool::watch(Worker& w, const CollectSpec& spec, int* deaths) {
  const std::string name = fmt::format("rollout worker {} of stage {}", w.number, spec.stage);
  const auto now = Clock::now();
  if (!w.doing.empty() && !w.was_told && seconds_since(w.doing_since) > kLongS) {
    w.was_told = true;
    warn(fmt::format("{} {}, for {:.0f} s so far", name, w.doing, kLongS));
  }
  if (w.thread.joinable()) return;
  if (!w.process) {
    if (now < w.starts_at) return;
    start(w);
    return ask(w, spec, true);
  }
  if (w.end.empty()) {
    if (!w.killed_because.empty() || seconds_since(w.last_heard) <= config_.worker_silence_s)
      return;
    if (!w.overdue) w.overdue = now;
    if (seconds_since(*w.overdue) > kLastChanceS)
      give_up(w, fmt::format("said nothing for {} s", config_.worker_silence_s));
    return;
  }
  w.process.reset();
  const std::string what = w.killed_because.empty()
                               ? fmt::format("{} died ({})", name, w.end)
                               : fmt::format("{} {} and was killed", name, w.killed_because);
  if (w.owed.empty()) {  // only its figures are lost
    w.done = true;
    return warn(what + "; its samples are all there");
  }
  if (++*deaths > kMaxRestarts)
    throw Error(
        fmt::format("{}; workers died {} times in this step, see above; mend the cause and "
                    "run again with --resume",
                    what, *deaths));
  const double wait_s = back_off_s(++w.num_deaths);
  w.starts_at =
      now + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(wait_s));
  warn(fmt::format("{}; {}, its samples go on", what,
                   wait_s > 0 ? fmt::format("starts again in {} s", wait_s) : "started again"));
}

void RolloutPool::report_masked(const CollectSpec& spec, const std::vector<proto::Trajectory>& all,
                                TrajectoryLog& log) {
  int64_t masked = 0, sandbox_failed = 0, wall_clock = 0;
  std::string why;
  for (const proto::Trajectory& t : all) {
    const auto outcome = t.meta().outcome();
    if (outcome == proto::OUTCOME_OK || outcome == proto::OUTCOME_TRUNCATED) continue;
    ++masked;
    sandbox_failed += outcome == proto::OUTCOME_SANDBOX_FAILED;
    wall_clock += outcome == proto::OUTCOME_WALL_CLOCK;
    why = t.meta().failure();
  }
  if (masked == 0) return;
  const std::string where = spec.stage + " step " + std::to_string(spec.step);
  if (masked == static_cast<int64_t>(all.size())) {
    log.truncate_after(spec.step - 1);  // scored anew when resumed; the token logs have the tokens
    throw Error(where + ": no sample could be scored: " + why +
                "; mend that and run again with --resume");
  }
  warn(fmt::format("{}: {} of {} samples could not be scored and are left out: {}", where, masked,
                   all.size(), why));
  if (sandbox_failed > 0) warn("a sandbox failed too often: this run cannot be reproduced exactly");
  if (wall_clock > 0)
    warn("tool calls hit a wall-clock limit: this run cannot be reproduced exactly");
}

std::vector<proto::Trajectory> RolloutPool::collect(const CollectSpec& spec,
                                                    std::vector<proto::SampleGroup> groups,
                                                    TrajectoryLog& log, CollectFigures* figures) {
  const log::At at(spec.stage, spec.step);
  const auto begin = Clock::now();
  const model::ModelConfig model_config =
      model::load_model_config(spec.weights.model_dir() + "/config.json");
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
  const rollout::TokenLog tokens = rollout::read_wal(prefix, version_of(spec.weights));
  if (!tokens.damage.empty())
    warn(fmt::format("{} step {}: its token log is damaged ({}); what is lost is sampled again",
                     spec.stage, spec.step, tokens.damage));
  const bool resume = !tokens.episodes.empty();

  int64_t num_samples = 0;
  for (const proto::SampleGroup& g : groups) num_samples += g.sample_index_size();
  const auto tell = [&] {
    if (spec.on_finished) spec.on_finished(static_cast<int64_t>(finished.size()), num_samples);
  };
  tell();
  uint32_t episode = spec.first_episode;
  std::vector<std::vector<proto::SampleGroup>> shares(workers_.size());
  size_t turn = 0;
  for (proto::SampleGroup& g : groups) {
    auto& meta = *g.mutable_meta();
    meta.set_stage(spec.stage);
    meta.set_step(spec.step);
    if (const auto version = version_of(spec.weights)) meta.set_weights_version(*version);
    bool is_whole = true;
    for (int i = 0; i < g.sample_index_size(); ++i) {
      g.add_episode(episode++);
      g.add_finished(finished.contains({meta.group(), g.sample_index(i)}));
      is_whole = is_whole && g.finished(i);
    }
    if (!is_whole) shares[turn++ % shares.size()].push_back(std::move(g));
  }
  for (size_t i = 0; i < workers_.size(); ++i) {
    Worker& w = *workers_[i];
    w.owed = std::move(shares[i]);
    w.num_deaths = 0;
    w.done = w.owed.empty();
    if (!w.done) ask(w, spec, resume);
  }

  int deaths = 0;
  int64_t sandbox_failures = 0;
  const auto take = [&](Worker& w, const proto::WorkerReply& reply) {
    std::vector<proto::Trajectory> batch;
    for (const proto::Trajectory& t : reply.finished())  // a batch is scored whole again
      if (!finished.contains({t.meta().group(), t.meta().sample_index()})) batch.push_back(t);
    std::vector<int64_t> offsets;
    if (!batch.empty()) offsets = log.append(batch);
    for (size_t b = 0; b < batch.size(); ++b) {
      proto::Trajectory& t = batch[b];
      mark_finished(t.meta(), &w.owed);
      has_scores_ = has_scores_ || t.meta().has_reward();
      const Key key{t.meta().group(), t.meta().sample_index()};
      finished[key] = {std::move(t), offsets[b]};
    }
    if (!batch.empty()) tell();
    if (reply.sampled_tokens() > 0 || reply.engine_s() > 0 || reply.done())
      store_.add_worker({w.process ? w.process->pid() : ::getpid(), "rollout",
                         reply.sampled_tokens(), reply.engine_s()});
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
    if (reply.doing() != w.doing) {
      w.doing = reply.doing();
      w.doing_since = w.last_heard;
      w.was_told = false;
    }
    w.done = reply.done();
    if (w.done && config_.workers > 0)
      store_.max_figure(RunStore::kRun, "worker_peak_rss_bytes/" + std::to_string(w.number),
                        static_cast<double>(reply.peak_rss_bytes()));
  };
  // Until every worker has closed its request.
  const auto is_done = [](const auto& w) { return w->done; };
  while (!std::all_of(workers_.begin(), workers_.end(), is_done)) {
    if (interrupted()) throw Interrupted{};
    for (auto& w : workers_) {
      if (w->done) continue;
      // What ended before nothing more came has said all.
      if (w->process) w->end = w->process->end();
      if (!w->is_heard()) usleep(1000 * kLookMs);
      proto::WorkerReply reply;
      while (!w->done && w->is_heard()) {
        const auto received = w->socket->receive(&reply, kLookMs);
        if (received == MessageSocket::Received::kNothing) break;
        w->last_heard = Clock::now();
        w->overdue.reset();
        const std::string wrong = received == MessageSocket::Received::kOtherBytes
                                      ? "bytes that are no message"
                                      : wrong_in(reply, spec, model_config, w->owed);
        if (!wrong.empty()) {
          give_up(*w, "sent " + wrong);
          break;
        }
        if (!reply.error().empty()) {
          // Failures alone are nothing to keep: they are scored anew when resumed.
          if (spec.score && !has_scores_) log.truncate_after(spec.step - 1);
          throw Error(reply.error());
        }
        take(*w, reply);
      }
      if (!w->done) watch(*w, spec, &deaths);
    }
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
