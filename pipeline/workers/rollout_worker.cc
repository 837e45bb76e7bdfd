#include "pipeline/workers/rollout_worker.h"

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <map>

#include "configs/clock.h"
#include "configs/error.h"
#include "configs/log/log.h"
#include "model/network/network.h"
#include "pipeline/data/forms/row_reader.h"
#include "pipeline/workers/policy_cache.h"
#include "pipeline/workers/run_sandboxes.h"
#include "pipeline/workers/sandbox_images.h"
#include "pipeline/workers/score_request.h"
#include "pipeline/workers/scoring.h"
#include "proto/worker.pb.h"
#include "rewards/registry/scorer.h"
#include "rollout/episodes/episode_runner.h"
#include "sandbox/service/remote_sandbox.h"

namespace amalgam::pipeline {
namespace {

constexpr auto kHeartbeat = std::chrono::milliseconds(500);
constexpr double kLongCallsS =
    10;  // tool calls that take longer are told, the first time in a step
constexpr char kWallClockKind[] = "wall_clock";

}  // namespace

rollout::WeightsVersion version_of(const proto::WeightsRef& weights) {
  if (weights.state_path().empty()) return std::nullopt;
  return weights.state_step();
}

struct RolloutWorker::Impl {
  Impl(const configs::RunConfig& c, const std::string& tokenizer_dir,
       std::vector<rollout::UserTool> user_tools, kernels::ThreadPool& p)
      : config(c),
        pool(p),
        tokenizer(model::Tokenizer::load(tokenizer_dir)),
        tools(std::move(user_tools)),
        gateway(connect_gateway(c.sandbox)),
        images(config),
        scoring(config, gateway),
        policies(pool, config.numerics) {}

  rollout::ToolSandboxOptions tool_sandboxes() const {
    rollout::ToolSandboxOptions options;
    options.limits = limits_of(config.sandbox);
    options.limits.journal_bytes = config.sandbox.journal_mb << 20;
    options.make_sandbox = sandbox::sandbox_factory(gateway, "container");
    if (gateway)
      options.make_journaled = [client = gateway](const std::string& journal,
                                                  const sandbox::Limits& l,
                                                  const sandbox::Image& image) {
        return client->open_resumable(journal, "container", l, image);
      };
    return options;
  }

  void serve(const proto::CollectRequest& request,
             const std::function<void(const proto::WorkerReply&)>& send,
             const std::function<bool()>& should_stop);

  const configs::RunConfig config;
  kernels::ThreadPool& pool;
  model::Tokenizer tokenizer;
  rollout::ToolRegistry tools;
  std::shared_ptr<sandbox::GatewayClient> gateway;  // null: sandboxes are made here
  SandboxImages images;
  Scoring scoring;
  PolicyCache policies;
};

namespace {

proto::Trajectory to_trajectory(const rollout::FinishedEpisode& f, const proto::SampleGroup& group,
                                int index) {
  proto::Trajectory t;
  *t.mutable_meta() = group.meta();
  auto& meta = *t.mutable_meta();
  meta.set_sample_index(group.sample_index(index));
  meta.set_seed(group.seed(index));
  const rollout::Episode& e = f.episode;
  t.mutable_ids()->Assign(e.ids().begin(), e.ids().end());
  t.mutable_logprobs()->Assign(e.logprobs().begin(), e.logprobs().end());
  std::string writer(static_cast<size_t>(e.prompt_length()),
                     static_cast<char>(proto::WRITER_PROMPT));
  for (const bool assistant : e.from_assistant())
    writer.push_back(static_cast<char>(assistant ? proto::WRITER_POLICY : proto::WRITER_TOOL));
  for (const size_t at : e.forced()) writer[at] = static_cast<char>(proto::WRITER_FORCED);
  t.set_writer(writer);
  t.set_experts(f.choices.experts);
  t.mutable_index_entries()->Assign(f.choices.entries.begin(), f.choices.entries.end());
  meta.set_prompt_length(static_cast<int32_t>(e.prompt_length()));
  meta.set_response_length(static_cast<int32_t>(e.logprobs().size()));
  meta.set_forced_thinking_ends(static_cast<int32_t>(e.forced().size()));
  if (e.state() == rollout::EpisodeState::kFinished)
    meta.set_finish_reason(to_string(e.finish_reason()));
  meta.set_failure(f.detail);
  switch (f.failure) {
    case rollout::ToolFailure::kNone:
      meta.set_outcome(e.is_truncated() ? proto::OUTCOME_TRUNCATED : proto::OUTCOME_OK);
      break;
    case rollout::ToolFailure::kSandboxFailed:
      meta.set_outcome(proto::OUTCOME_SANDBOX_FAILED);
      meta.set_failure_kind(rewards::to_string(rewards::Status::kSandboxFailed));
      break;
    case rollout::ToolFailure::kWallClock:
      meta.set_outcome(proto::OUTCOME_WALL_CLOCK);
      meta.set_failure_kind(kWallClockKind);
      break;
  }
  return t;
}

// Samples of one call of a reward function, as they finish.
struct Batch {
  size_t size = 1;
  bool has_answer = false;
  std::map<int, proto::Trajectory> trajectories;  // by place in their group
  std::map<int, rewards::ScoreRequest> requests;
};

// The call, once the last sample is there.
std::unique_ptr<ScoreTask> to_task(Batch& batch) {
  auto task = std::make_unique<ScoreTask>();
  for (auto& [index, trajectory] : batch.trajectories) {
    task->trajectories.push_back(std::move(trajectory));
    task->requests.push_back(std::move(batch.requests.at(index)));
  }
  return task;
}

// Moves what the runner counted since the last reply into this one.
void add_counters(rollout::EpisodeRunner& runner, proto::WorkerReply* reply) {
  rollout::RunnerCounters& c = runner.counters();
  reply->set_sampled_tokens(c.sampled_tokens);
  reply->set_engine_s(c.engine_s);
  reply->set_sandbox_failures(reply->sandbox_failures() + c.sandbox_failures);
  c = {};
}

}  // namespace

void RolloutWorker::Impl::serve(const proto::CollectRequest& request,
                                const std::function<void(const proto::WorkerReply&)>& send,
                                const std::function<bool()>& should_stop) {
  const configs::NumericsConfig& numerics = config.numerics;
  if (!policies.has(request.weights())) {
    proto::WorkerReply loading;
    loading.set_doing("loads " + (request.weights().state_path().empty()
                                      ? request.weights().model_dir()
                                      : request.weights().state_path()));
    send(loading);
  }
  const Policy& policy = policies.get(request.weights(), request.keep_weights());
  if (!policy.config.eos_token_id) throw Error("the model's config.json has no eos_token_id");
  if (request.draft() && policy.weights->mtp.empty())
    throw Error("rollout.draft needs a model with a multi-token prediction block; " +
                request.weights().model_dir() + " has none");
  model::Network net(policy.config, pool, numerics);
  int keep_choices = 0;
  if (request.keep_experts()) keep_choices |= model::ChosenRows::kExperts;
  if (request.keep_index()) keep_choices |= model::ChosenRows::kEntries;
  rollout::Engine engine(net, *policy.weights, request.max_positions(),
                         {.draft = request.draft(), .keep_choices = keep_choices});
  const rollout::WeightsVersion version = version_of(request.weights());
  rollout::WalWriter wal(request.wal_prefix(), version);
  rollout::EpisodeRunner runner(
      engine, tokenizer, static_cast<int32_t>(*policy.config.eos_token_id),
      {.max_response_length = request.max_response_length(),
       .max_turns = request.max_turns(),
       .max_positions = request.max_positions(),
       .max_tool_tokens = request.max_tool_tokens(),
       .turn = {.max_calls = request.max_calls_per_turn(),
                .max_result_tokens = request.max_tool_response_tokens()},
       .max_thinking_tokens = request.max_thinking_tokens()},
      {.sandbox = tool_sandboxes(),
       // At worst a byte is a token: what a tool gives of a file is not cut again.
       .max_file_bytes = static_cast<size_t>(request.max_tool_response_tokens()),
       .registry = &tools},
      &wal);
  std::map<uint32_t, std::vector<rollout::LoggedToken>> logged;
  if (request.resume()) logged = rollout::read_wal(request.wal_prefix(), version).episodes;

  struct Wanted {
    const proto::SampleGroup* group;
    int index;
    bool scored, in_batch;
  };
  std::map<uint32_t, Wanted> wanted;  // by episode number
  std::map<const proto::SampleGroup*, Batch> batches;
  std::map<const proto::SampleGroup*, sandbox::Image> row_images;
  std::map<const proto::SampleGroup*, Row> rows;  // parsed once: one may hold megabytes of tests
  for (const auto& g : request.groups()) {
    const bool has_batch = request.score() && scoring.takes_batches(g.meta().domain());
    if (has_batch) batches[&g].size = 0;
    rollout::EpisodeGroup group;
    group.prompt.assign(g.prompt().begin(), g.prompt().end());
    group.mode = g.thinking() ? model::ThinkingMode::kThinking : model::ThinkingMode::kChat;
    group.max_response_length = g.max_response_length();
    group.tools.assign(g.tools().begin(), g.tools().end());
    const Row& row = rows[&g] = row_from_json(g.row(), RowUse::kPrompt, "prompt row");
    const configs::DomainConfig* domain = config.find_domain(g.meta().domain());
    if (!group.tools.empty()) group.extra_info = row.extra_info;
    if (domain && uses_sandbox(*domain, row))
      group.image = row_images[&g] = images.find(images.name_for(*domain, row));
    for (int i = 0; i < g.sample_index_size(); ++i) {
      const bool scored = request.score() && is_scored(g, i), in_batch = has_batch && scored;
      if (in_batch) ++batches[&g].size;
      if (g.finished(i) && !in_batch) continue;
      wanted[g.episode(i)] = {&g, i, scored, in_batch};
      const auto it = logged.find(g.episode(i));
      group.episodes.push_back(
          {.episode = g.episode(i),
           .sampling = {request.temperature(), {request.run_seed(), request.stream(), g.seed(i)}},
           .logged = it == logged.end() ? std::vector<rollout::LoggedToken>() : it->second});
    }
    runner.submit(std::move(group));
  }

  const std::string name = request.stage() + " step " + std::to_string(request.step());
  scoring.begin(name, request.has_scores());
  bool has_told_long_calls = false;
  size_t missing = wanted.size();
  proto::WorkerReply reply;
  auto last_sent = Clock::now();
  std::vector<rollout::FinishedEpisode> finished;
  while (missing > 0) {
    if (should_stop()) break;
    finished.clear();
    const auto begin = Clock::now();
    const bool sampling = runner.step(&finished, 50);
    for (const auto& f : finished) {
      const auto& [group, index, scored, in_batch] = wanted.at(f.number);
      proto::Trajectory trajectory = to_trajectory(f, *group, index);
      const bool has_answer = f.failure == rollout::ToolFailure::kNone;
      if (f.failure == rollout::ToolFailure::kWallClock)
        ++(*reply.mutable_reward_failures())[kWallClockKind];
      if (!scored || (!has_answer && !in_batch)) {
        *reply.add_finished() = std::move(trajectory);
        --missing;
        continue;
      }
      Batch alone;
      Batch& batch = in_batch ? batches.at(group) : alone;
      batch.requests[index] =
          score_request(f.episode, rows.at(group), group->row(), trajectory.meta(),
                        scoring.scored_by(trajectory.meta().domain()));
      batch.requests[index].prompt_opens_thought = group->thinking();
      if (const auto image = row_images.find(group); image != row_images.end())
        batch.requests[index].image = image->second;
      batch.trajectories[index] = std::move(trajectory);
      batch.has_answer = batch.has_answer || has_answer;
      if (batch.trajectories.size() < batch.size) continue;
      if (batch.has_answer) {
        scoring.add(to_task(batch));
        continue;
      }
      for (auto& [i, t] : batch.trajectories) *reply.add_finished() = std::move(t);
      missing -= batch.size;
    }
    if (!sampling && missing > 0) scoring.watch();
    if (const std::string what = has_told_long_calls ? "" : runner.long_calls(kLongCallsS);
        !what.empty()) {
      has_told_long_calls = true;
      log::warn(log::Part::kTool, name + ": " + what);
    }
    for (auto& task : scoring.take(sampling ? 0 : 50)) {
      if (!task->error.empty()) throw Error(task->error);
      for (const auto& [kind, count] : task->failures) {
        if (kind == rewards::to_string(rewards::Status::kSandboxFailed))
          reply.set_sandbox_failures(reply.sandbox_failures() + count);
        else
          (*reply.mutable_reward_failures())[kind] += count;
      }
      missing -= task->trajectories.size();
      for (auto& t : task->trajectories) *reply.add_finished() = std::move(t);
    }
    if (!sampling) reply.set_reward_wait_s(reply.reward_wait_s() + seconds_since(begin));
    if (missing > 0 && (Clock::now() - last_sent > kHeartbeat || reply.finished_size() >= 32)) {
      add_counters(runner, &reply);
      send(reply);
      reply.Clear();
      last_sent = Clock::now();
    }
  }
  add_counters(runner, &reply);
  reply.set_index_visible(net.indexer_counters().visible);
  reply.set_index_selected(net.indexer_counters().selected);
  reply.set_drafts_proposed(engine.drafts().proposed);
  reply.set_drafts_accepted(engine.drafts().accepted);
  reply.set_index_compared(net.indexer_counters().compared);
  reply.set_index_agreed(net.indexer_counters().agreed);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  reply.set_peak_rss_bytes(usage.ru_maxrss * 1024);
  reply.set_done(missing == 0);
  send(reply);
}

RolloutWorker::RolloutWorker(const configs::RunConfig& config, const std::string& tokenizer_dir,
                             std::vector<rollout::UserTool> user_tools, kernels::ThreadPool& pool)
    : impl_(std::make_unique<Impl>(config, tokenizer_dir, std::move(user_tools), pool)) {}
RolloutWorker::~RolloutWorker() = default;

void RolloutWorker::serve(const proto::CollectRequest& request,
                          const std::function<void(const proto::WorkerReply&)>& send,
                          const std::function<bool()>& should_stop) {
  try {
    impl_->serve(request, send, should_stop);
  } catch (const std::exception& e) {
    proto::WorkerReply reply;
    reply.set_error(e.what());
    send(reply);
  }
}

}  // namespace amalgam::pipeline
