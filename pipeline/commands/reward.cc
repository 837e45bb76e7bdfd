#include "pipeline/commands/reward.h"

#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <future>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "configs/clock.h"
#include "configs/error.h"
#include "configs/load.h"
#include "configs/log/log.h"
#include "pipeline/commands/answer_rows.h"
#include "pipeline/data/jsonl.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/run_store/machine.h"
#include "pipeline/run_store/progress.h"
#include "pipeline/workers/run_sandboxes.h"
#include "pipeline/workers/sandbox_images.h"
#include "pipeline/workers/score_request.h"
#include "rewards/registry/scorer.h"
#include "sandbox/service/remote_sandbox.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::ordered_json;

// Rows that wait for a thread or for the rows before them to be written.
constexpr size_t kMostWaiting = 256;
constexpr int64_t kMostThreads = 1024;

const configs::DomainConfig* find_domain(const configs::RunConfig& config,
                                         const std::string& name) {
  if (name.empty()) {
    if (config.domains.size() == 1) return &config.domains[0];
    throw Error("the config has several domains; say which with --domain NAME");
  }
  if (const configs::DomainConfig* domain = config.find_domain(name)) return domain;
  for (const configs::DomainConfig& d : config.domains)
    if (d.group() == name) return &d;
  throw Error("the config has no domain '" + name + "'");
}

const char* outcome_of(rewards::Status status) {
  return status == rewards::Status::kScored ? "ok" : rewards::to_string(status);
}

std::string text_of(const rewards::Score& score) {
  ordered_json parts = ordered_json::object();
  for (const auto& [name, value] : score.parts) parts[name] = value;
  for (const auto& [name, verdicts] : score.verdicts) parts[name] = verdicts;
  const bool has_score = score.status == rewards::Status::kScored;
  return ordered_json{{"score", has_score ? ordered_json(score.reward) : ordered_json()},
                      {"outcome", outcome_of(score.status)},
                      {"parts", std::move(parts)},
                      {"why", score.detail}}
      .dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

// Threads that score lines; what comes out is in the order of what went in.
class Scorers {
 public:
  Scorers(int num_threads, std::function<rewards::Score(const std::string&, size_t)> score)
      : score_(std::move(score)) {
    for (int i = 0; i < num_threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~Scorers() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
      tasks_.clear();
    }
    wake_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  void add(std::string line) {
    std::packaged_task<rewards::Score()> task(
        [this, line = std::move(line), place = num_added_++] { return score_(line, place); });
    scores_.push_back(task.get_future());
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
  }
  size_t num_waiting() const { return scores_.size(); }
  // Of the row that is next; waits a moment for it.
  bool is_ready() const {
    return scores_.front().wait_for(std::chrono::milliseconds(50)) == std::future_status::ready;
  }
  rewards::Score take() {
    rewards::Score score = scores_.front().get();
    scores_.pop_front();
    return score;
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return stop_ || !tasks_.empty(); });
      if (stop_) return;
      std::packaged_task<rewards::Score()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  const std::function<rewards::Score(const std::string&, size_t)> score_;
  size_t num_added_ = 0;
  std::deque<std::future<rewards::Score>> scores_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<std::packaged_task<rewards::Score()>> tasks_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

struct Setup {
  configs::RunConfig config;
  const configs::DomainConfig* domain = nullptr;  // of --config
};

Setup read_setup(const RewardOptions& options) {
  Setup setup;
  if (options.config.empty()) {
    if (!options.domain.empty() || !options.overrides.empty())
      throw Error("--domain and key=value need --config");
    return setup;
  }
  if (!options.style.empty()) throw Error("--style and --config: give one of them");
  setup.config = configs::load_run_config(options.config, options.overrides);
  setup.domain = find_domain(setup.config, options.domain);
  return setup;
}

}  // namespace

void RewardOptions::describe(OptionSet& options) {
  options.option("--in", in, "JSONL rows with a \"solution\"; - is standard input",
                 Need::kRequired);
  options.option("--out", out, "JSONL to write; - is standard output", Need::kRequired);
  options.option("--style", style,
                 "verifier for all rows: " + rewards::verifier_names() +
                     "; without it the row's style, else its data_source, else its columns say");
  options.option("--config", config, "score as a domain of this config does");
  options.option("--domain", domain, "which one, where it has several");
  options.option("overrides", overrides, "key=value for --config, keys as in docs/CONFIG.md");
  options.option("--threads", threads, "rows that are scored at a time; 0 = all cores");
}

int run_reward(const RewardOptions& options) {
  if (!options.style.empty() && !rewards::find_verifier(options.style))
    throw Error("there is no verifier '" + options.style + "'; there are " +
                rewards::verifier_names());
  if (options.threads < 0 || options.threads > kMostThreads)
    throw Error("--threads must be from 0 to " + std::to_string(kMostThreads));
  const Setup setup = read_setup(options);
  const configs::SandboxConfig& sandbox = setup.config.sandbox;
  const configs::DomainConfig* domain = setup.domain;
  SandboxImages images(setup.config);
  rewards::ScorerOptions scoring;
  scoring.code.limits = limits_of(sandbox);
  scoring.code.make_sandbox =
      sandbox::sandbox_factory(connect_gateway(sandbox), configs::name_of(sandbox.substrate));
  if (domain) scoring.reward = domain->reward;
  if (domain && domain->has_program()) scoring.plugin = rewards::plugin_options(*domain);
  const std::string image = domain && !domain->image.empty() ? domain->image : sandbox.image;
  const sandbox::Image found_image = image.empty() ? sandbox::Image() : images.find(image);
  const rewards::Scorer scorer(std::move(scoring));
  RowWriter writer(options.out, options.in);

  std::map<std::string, int64_t> outcomes;
  double sum = 0;
  const auto start = Clock::now();
  int64_t num_rows = 0, num_done = 0;
  if (std::filesystem::is_regular_file(options.in))  // a pipe can be read once
    for_each_line(options.in, [&](const std::string&, const std::string&) { ++num_rows; });
  Progress progress("reward", num_rows, 0, "row");
  Scorers scorers(num_threads(options.threads), [&](const std::string& line, size_t place) {
    try {
      rewards::ScoreRequest request =
          answer_request(line, options.style, "reward/0/" + std::to_string(place) + "/0");
      request.image = found_image;
      request.columns = request.row;
      return scorer.score(request);
    } catch (const std::exception& e) {
      return rewards::failed(rewards::Status::kBadRow, e.what());
    }
  });
  // What is scored stays.
  const auto stop_if_asked = [&] {
    if (!interrupted()) return;
    writer.finish();
    throw Interrupted();
  };
  const auto write_one = [&] {
    while (!scorers.is_ready()) stop_if_asked();
    const rewards::Score score = scorers.take();
    ++outcomes[outcome_of(score.status)];
    if (score.status == rewards::Status::kScored) sum += score.reward;
    writer.write(text_of(score));
    progress.update(++num_done);
  };
  for_each_line(options.in, [&](const std::string& line, const std::string&) {
    stop_if_asked();
    scorers.add(line);
    if (scorers.num_waiting() >= kMostWaiting) write_one();
  });
  while (scorers.num_waiting() > 0) write_one();
  writer.finish();

  std::string said;
  for (const auto& [outcome, count] : outcomes)
    said += fmt::format("{}{} {}", said.empty() ? "" : ", ", count, outcome);
  const int64_t num_ok = outcomes["ok"];
  log::say(log::Part::kReward,
           fmt::format(
               "{} rows: {}; mean score {}; {:.0f} rows/s", num_done, said.empty() ? "none" : said,
               num_ok > 0 ? fmt::format("{:.4f}", sum / static_cast<double>(num_ok)) : "not known",
               static_cast<double>(num_done) / std::max(seconds_since(start), 1e-9)));
  return 0;
}

}  // namespace amalgam::pipeline
