#include "rollout/episodes/episode_runner.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <optional>
#include <utility>

#include "configs/check.h"
#include "configs/clock.h"
#include "configs/log/log.h"
#include "configs/printable.h"
#include "configs/utf8.h"
#include "rollout/tools/submit.h"

namespace amalgam::rollout {
namespace {

constexpr int kToolThreads = 2;
constexpr int kSandboxAttempts = 4;  // a failing sandbox is tried again, with a fresh one each time

EpisodeTools tools_of(const EpisodeGroup& group) {
  if (group.tools.empty()) return EpisodeTools::kNone;
  const bool submits =
      std::find(group.tools.begin(), group.tools.end(), kSubmit) != group.tools.end();
  return submits ? EpisodeTools::kRunAndSubmit : EpisodeTools::kRun;
}

}  // namespace

struct EpisodeRunner::ToolTask {
  Running* owner = nullptr;
  std::vector<ToolTurn> past;  // what a resumed episode's sandbox must go through first
  ToolTurn turn;
  Clock::time_point begin = {};  // of its calls
  int failed_attempts = 0;
  ToolFailure failure = ToolFailure::kNone;
  std::string detail = {};
};

struct EpisodeRunner::Running {
  uint32_t number;
  Episode episode;
  SamplingParams sampling;
  Engine::Id sequence = -1;  // -1: not open (waits for its tools before the first pass)
  std::unique_ptr<ToolSession> session;
  std::vector<ToolTurn> past;  // of its log, not yet made again
  std::optional<ToolTask> task;
  double tools_s = 0;     // wall-clock time of its calls in this process
  bool only_fed = false;  // has ended in its log: its tokens are fed for what they choose
};

EpisodeRunner::EpisodeRunner(Engine& engine, const model::Tokenizer& tokenizer, int32_t eos,
                             const EpisodeLimits& limits, const ToolOptions& tools, WalWriter* wal)
    : engine_(engine),
      tokenizer_(tokenizer),
      eos_(eos),
      limits_(limits),
      tool_options_(tools),
      wal_(wal) {}

EpisodeRunner::~EpisodeRunner() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_tools_.notify_all();
  for (auto& t : tool_threads_) t.join();
  for (auto& [sequence, r] : by_sequence_) engine_.close(sequence);
}

EpisodeLimits EpisodeRunner::limits_of(const EpisodeGroup& group) const {
  EpisodeLimits limits = limits_;
  if (group.max_response_length > 0) limits.max_response_length = group.max_response_length;
  return limits;
}

void EpisodeRunner::submit(EpisodeGroup group) {
  if (!group.tools.empty() && tool_threads_.empty())
    for (int i = 0; i < kToolThreads; ++i) tool_threads_.emplace_back([this] { tool_thread(); });
  // Episodes with a log go on from different tokens: each is a group of its own.
  EpisodeGroup fresh = group;
  std::erase_if(fresh.episodes, [](const EpisodeSpec& e) { return !e.logged.empty(); });
  for (EpisodeSpec& e : group.episodes) {
    if (e.logged.empty()) continue;
    EpisodeGroup alone = group;
    alone.episodes = {std::move(e)};
    waiting_.push_back(std::move(alone));
  }
  if (!fresh.episodes.empty()) waiting_.push_back(std::move(fresh));
}

void EpisodeRunner::start(EpisodeGroup& group, size_t first, size_t count) {
  std::vector<SamplingParams> params;
  std::vector<Running*> opened;
  for (size_t i = first; i < first + count; ++i) {
    EpisodeSpec& spec = group.episodes[i];
    ToolOptions options = tool_options_;
    options.sandbox.image = group.image;
    if (wal_) options.sandbox.journal = wal_->sandbox_journal(spec.episode);
    auto r = std::make_unique<Running>(Running{
        spec.episode,
        Episode(tokenizer_, eos_, group.mode, tools_of(group), limits_of(group), group.prompt),
        spec.sampling,
        -1,
        group.tools.empty() ? nullptr
                            : std::make_unique<ToolSession>(group.extra_info, options, group.tools),
        {},
        std::nullopt});
    r->episode.replay(spec.logged, r->session && r->session->has_state() ? &r->past : nullptr);
    opened.push_back(r.get());
    params.push_back(spec.sampling);
    CHECK(running_.emplace(spec.episode, std::move(r)).second);
  }
  const bool logged = !group.episodes[first].logged.empty();
  if (logged && opened[0]->episode.state() != EpisodeState::kSampling) return;
  const auto ids = engine_.open(opened[0]->episode.ids(), params);
  for (size_t i = 0; i < count; ++i) {
    opened[i]->sequence = ids[i];
    by_sequence_[ids[i]] = opened[i];
  }
}

// Of a complete episode. One that has ended in its log has not been fed yet.
void EpisodeRunner::end(Running& r, std::vector<FinishedEpisode>* finished) {
  if (r.sequence >= 0 || !engine_.keeps_choices())
    return finish(r, ToolFailure::kNone, "", finished);
  r.only_fed = true;
  const auto fed = std::span(r.episode.ids()).first(r.episode.last_policy_token());
  r.sequence = engine_.open(fed, {&r.sampling, 1})[0];
  by_sequence_[r.sequence] = &r;
}

void EpisodeRunner::finish(Running& r, ToolFailure failure, const std::string& detail,
                           std::vector<FinishedEpisode>* finished) {
  model::ChoiceRecord choices;
  if (engine_.keeps_choices() && failure == ToolFailure::kNone) {
    choices = engine_.choices(r.sequence);
    model::truncate(engine_.config(), r.episode.last_policy_token(), &choices);
  }
  if (r.sequence >= 0) {
    engine_.close(r.sequence);
    by_sequence_.erase(r.sequence);
  }
  // Its log leads to its end without the journal, which holds all files that the model's code
  // wrote. Tools that failed are tried again when the run is resumed; those that took too long from
  // the first call on, as the journal has how long they took.
  if (wal_ && failure != ToolFailure::kSandboxFailed && r.session && r.session->has_state()) {
    std::error_code ignored;
    std::filesystem::remove(wal_->sandbox_journal(r.number), ignored);
  }
  finished->push_back({r.number, std::move(r.episode), failure, detail, std::move(choices)});
  running_.erase(r.number);
}

// Acts on the episode's state after a token or a replay.
void EpisodeRunner::advance(Running& r, std::vector<FinishedEpisode>* finished) {
  switch (r.episode.state()) {
    case EpisodeState::kSampling:
      engine_.append(r.sequence, r.episode.forced_tokens());
      break;
    case EpisodeState::kFinished:
      end(r, finished);
      break;
    case EpisodeState::kToolCalls: {
      r.task =
          ToolTask{.owner = &r, .past = std::exchange(r.past, {}), .turn = r.episode.tool_turn()};
      {
        std::lock_guard lock(mutex_);
        tool_queue_.push_back(&*r.task);
      }
      wake_tools_.notify_one();
      break;
    }
  }
}

bool EpisodeRunner::step(std::vector<FinishedEpisode>* finished, int wait_ms) {
  while (!waiting_.empty()) {
    EpisodeGroup& group = waiting_.front();
    const auto count = static_cast<int64_t>(group.episodes.size());
    if (!engine_.has_room(count)) break;
    start(group, 0, group.episodes.size());
    // Replayed episodes that are not to be sampled next.
    for (const EpisodeSpec& e : group.episodes) {
      const auto it = running_.find(e.episode);
      if (it != running_.end() && it->second->sequence < 0) advance(*it->second, finished);
    }
    waiting_.pop_front();
  }
  if (running_.empty() && waiting_.empty()) return false;

  // Finished tool calls: into the log, then into the sequence.
  std::deque<ToolTask*> done;
  {
    std::lock_guard lock(mutex_);
    done.swap(tool_results_);
  }
  std::vector<std::pair<Running*, std::vector<int32_t>>> turns;
  for (ToolTask* task : done) {
    counters_.sandbox_failures += task->failed_attempts;
    Running& r = *task->owner;
    if (task->failure != ToolFailure::kNone) {
      finish(r, task->failure, task->detail, finished);
      continue;
    }
    turns.emplace_back(&r, task->turn.results.ids());
    if (wal_) wal_->tool_result(r.number, r.episode.num_logged(), turns.back().second);
  }
  if (wal_ && !turns.empty()) wal_->flush();
  for (auto& [r, ids] : turns) {
    if (r->episode.on_tool_tokens(ids) == EpisodeState::kFinished) {
      end(*r, finished);
    } else if (r->sequence >= 0) {
      engine_.append(r->sequence, ids);
    } else {
      r->sequence = engine_.open(r->episode.ids(), {&r->sampling, 1})[0];
      by_sequence_[r->sequence] = r;
    }
  }

  std::vector<Engine::Sampled> sampled;
  const auto begin = Clock::now();
  const bool ran = engine_.step(&sampled);
  counters_.engine_s += seconds_since(begin);
  if (!ran && turns.empty() && done.empty() && !running_.empty()) {
    std::unique_lock lock(mutex_);
    tools_done_.wait_for(lock, std::chrono::milliseconds(wait_ms),
                         [&] { return !tool_results_.empty(); });
  }
  // What the log already ends with is drawn once more.
  std::erase_if(sampled, [&](const Engine::Sampled& s) {
    Running& r = *by_sequence_[s.id];
    if (!r.only_fed) return false;
    finish(r, ToolFailure::kNone, "", finished);
    return true;
  });
  counters_.sampled_tokens += static_cast<int64_t>(sampled.size());
  if (wal_) {
    for (const auto& s : sampled) {
      const Running& r = *by_sequence_[s.id];
      wal_->sampled(r.number, r.episode.num_logged(), s.token);
    }
    wal_->flush();
  }
  for (const auto& s : sampled) {
    Running& r = *by_sequence_[s.id];
    r.episode.on_token(s.token);
    advance(r, finished);
  }
  return true;
}

std::string EpisodeRunner::long_calls(double seconds) {
  const std::lock_guard lock(mutex_);
  for (const ToolTask* task : in_hand_) {
    const auto& calls = task->turn.calls;
    if (seconds_since(task->begin) <= seconds) continue;
    return "the tool calls of one turn (" + std::to_string(calls.size()) + ", the first of " +
           shortened_utf8(printable(calls[0].name), 40) + ") run for " +
           std::to_string(static_cast<int>(seconds)) + " s so far";
  }
  return "";
}

// Sets task.failure when the sandbox does not work, or not in time.
void EpisodeRunner::run_calls(ToolTask& task, ToolTurn& turn) const {
  const double max_turn_s =
      tool_options_.sandbox.limits.wall_seconds * static_cast<double>(limits_.turn.max_calls);
  const double max_episode_s = max_turn_s * static_cast<double>(limits_.max_turns);
  double& spent_s = task.owner->tools_s;
  const double spent_before_s = spent_s;
  for (size_t i = 0; i < turn.calls.size(); ++i) {
    if (stop_) return;  // nobody waits for it
    if (!turn.results.runs(i)) continue;
    ToolResult result;
    for (int attempt = 0; attempt < kSandboxAttempts; ++attempt) {
      const auto begin = Clock::now();
      try {
        result = task.owner->session->call(turn.calls[i].name, turn.calls[i].arguments_json);
      } catch (const std::exception& e) {  // nothing may escape this thread
        result = tool_sandbox_failed(e.what());
      }
      spent_s += seconds_since(begin);
      task.failed_attempts += result.status == ToolResult::Status::kSandboxFailed;
      if (spent_s - spent_before_s > max_turn_s || spent_s > max_episode_s)
        result = {ToolResult::Status::kWallClock, "",
                  "the calls of a turn, or all of an episode, "
                  "took longer than their wall-clock limits together"};
      if (result.status != ToolResult::Status::kSandboxFailed) break;
      log::info(log::Part::kTool, turn.calls[i].name + " has no sandbox: " + result.detail +
                                      (attempt + 1 < kSandboxAttempts ? "; tried again" : ""));
    }
    if (result.status == ToolResult::Status::kSandboxFailed ||
        result.status == ToolResult::Status::kWallClock) {
      task.failure = result.status == ToolResult::Status::kWallClock ? ToolFailure::kWallClock
                                                                     : ToolFailure::kSandboxFailed;
      task.detail = result.detail;
      return;
    }
    turn.results.put(i, result.text);
  }
}

void EpisodeRunner::run(ToolTask& task) const {
  for (ToolTurn& past : task.past) {
    run_calls(task, past);
    if (task.failure != ToolFailure::kNone) return;
    // Else the sandbox does not stand where the conversation does.
    if (past.results.ids() == past.ids) continue;
    task.failure = ToolFailure::kSandboxFailed;
    task.detail = "the calls of a resumed episode did not give what its log says";
    return;
  }
  run_calls(task, task.turn);
}

void EpisodeRunner::tool_thread() {
  for (;;) {
    ToolTask* task;
    {
      std::unique_lock lock(mutex_);
      wake_tools_.wait(lock, [&] { return stop_ || !tool_queue_.empty(); });
      if (stop_) return;
      task = tool_queue_.front();
      tool_queue_.pop_front();
      task->begin = Clock::now();
      in_hand_.push_back(task);
    }
    run(*task);
    {
      std::lock_guard lock(mutex_);
      std::erase(in_hand_, task);
      tool_results_.push_back(task);
    }
    tools_done_.notify_one();
  }
}

}  // namespace amalgam::rollout
