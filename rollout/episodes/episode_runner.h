// EpisodeRunner: many episodes over one engine, with their tool calls beside it.
//
// Sampled tokens reach the log before the next forward pass, tool results before they are fed. Tool
// calls run on threads of their own while other episodes go on; what an episode becomes does not
// depend on when its tools answer. Sandboxes whose files may change are journaled beside the token
// log: an episode that goes on from its log finds its files, and no command runs twice.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "rollout/engine/engine.h"
#include "rollout/episodes/episode.h"
#include "rollout/log/wal.h"
#include "rollout/tools/tool_session.h"

namespace amalgam::rollout {

struct EpisodeSpec {
  uint32_t episode = 0;  // number in the log
  SamplingParams sampling;
  std::vector<LoggedToken> logged;  // to continue from, empty for a fresh one
};

struct EpisodeGroup {
  std::vector<int32_t> prompt;  // shared by all
  model::ThinkingMode mode = model::ThinkingMode::kChat;
  std::vector<std::string> tools = {};  // by name; none: calls are text
  std::string extra_info;               // of the row: what the tools read
  sandbox::Image image = {};            // that they run in
  int64_t max_response_length = 0;      // 0: the runner's limit
  std::vector<EpisodeSpec> episodes;
};

// Why tools could not be run to their end: there is no answer to score.
enum class ToolFailure {
  kNone,
  kSandboxFailed,  // retries included
  kWallClock       // a call, the calls of a turn or those of the episode hit a wall-clock backstop
};

struct FinishedEpisode {
  uint32_t number = 0;
  Episode episode;
  ToolFailure failure = ToolFailure::kNone;
  std::string detail;
  // Of the tokens before the last that the policy wrote, where the engine keeps them: those that a
  // later pass needs to give its log-probabilities again. Not of failed ones.
  model::ChoiceRecord choices = {};
};

struct RunnerCounters {
  int64_t sampled_tokens = 0;
  int64_t sandbox_failures = 0;  // each failed attempt
  double engine_s = 0;
};

class EpisodeRunner {
 public:
  // All references outlive the runner; `wal` may be null, and then nothing is journaled.
  EpisodeRunner(Engine& engine, const model::Tokenizer& tokenizer, int32_t eos,
                const EpisodeLimits& limits, const ToolOptions& tools, WalWriter* wal);
  ~EpisodeRunner();

  void submit(EpisodeGroup group);
  // Advances everything once (one forward pass, finished tool calls); appends finished episodes.
  // Waits up to wait_ms for a tool call when there is nothing else to do. False when idle.
  bool step(std::vector<FinishedEpisode>* finished, int wait_ms);
  RunnerCounters& counters() { return counters_; }
  // The calls of one turn, as a line for people, that have run for longer; empty: none have.
  std::string long_calls(double seconds);

 private:
  struct Running;
  struct ToolTask;
  EpisodeLimits limits_of(const EpisodeGroup& group) const;
  void start(EpisodeGroup& group, size_t first, size_t count);
  void advance(Running& r, std::vector<FinishedEpisode>* finished);
  void end(Running& r, std::vector<FinishedEpisode>* finished);
  void finish(Running& r, ToolFailure failure, const std::string& detail,
              std::vector<FinishedEpisode>* finished);
  void run(ToolTask& task) const;
  void run_calls(ToolTask& task, ToolTurn& turn) const;
  void tool_thread();

  Engine& engine_;
  model::Tokenizer tokenizer_;
  int32_t eos_;
  EpisodeLimits limits_;
  ToolOptions tool_options_;
  WalWriter* wal_;
  RunnerCounters counters_;
  std::deque<EpisodeGroup> waiting_;
  std::map<uint32_t, std::unique_ptr<Running>> running_;  // by episode number
  std::map<Engine::Id, Running*> by_sequence_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_tools_, tools_done_;
  std::deque<ToolTask*> tool_queue_, tool_results_;
  std::vector<const ToolTask*> in_hand_;  // of the tool threads
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> tool_threads_;
};

}  // namespace amalgam::rollout
