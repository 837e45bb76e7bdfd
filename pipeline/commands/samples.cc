#include "pipeline/commands/samples.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "configs/error.h"
#include "configs/printable.h"
#include "pipeline/commands/sample_text.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/run_store/run_store.h"
#include "pipeline/run_store/trajectory_log.h"
#include "pipeline/stages/run_dirs.h"
#include "proto/append_file.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;
using Order = TrajectoryQuery::Order;

// What is kept of a sample that is shown.
struct Place {
  size_t stage;  // in the order of the stages
  int64_t offset;
  double reward;
};

void require_consistent(const SamplesOptions& o) {
  if (o.worst > 0 && o.best > 0) throw Error("--worst and --best: one of them at a time");
  if (o.worst < 0 || o.best < 0 || o.limit < 0)
    throw Error("--worst, --best and --limit are numbers of samples, not negative");
}

void check_is_one_of(const char* what, const std::string& asked,
                     const std::vector<std::string>& all) {
  if (asked.empty() || std::find(all.begin(), all.end(), asked) != all.end()) return;
  throw Error(fmt::format("there are no samples of the {} '{}'; {}", what, printable(asked),
                          all.empty() ? "nothing was sampled yet"
                                      : fmt::format("there are of {}", fmt::join(all, ", "))));
}

[[noreturn]] void cannot_print() {
  throw Error(proto::file_error("write", "the standard output", errno));
}

Order order_of(const SamplesOptions& o) {
  if (o.worst > 0) return Order::kWorstFirst;
  return o.best > 0 ? Order::kBestFirst : Order::kNewestFirst;
}

class Selection {
 public:
  Selection(const SamplesOptions& options, const RunStore& store, const model::Tokenizer& tokenizer)
      : options_(options), tokenizer_(tokenizer), order_(order_of(options)) {
    stages_ = options.stage.empty() ? store.trajectory_stages() : std::vector{options.stage};
    sort_stages();
    for (size_t s = 0; s < stages_.size(); ++s) add(store, s);
    if (order_ == Order::kNewestFirst) return;
    std::stable_sort(places_.begin(), places_.end(), [&](const Place& a, const Place& b) {
      return order_ == Order::kWorstFirst ? a.reward < b.reward : a.reward > b.reward;
    });
    if (places_.size() > most()) places_.resize(most());
  }

  template <class F>
  void for_each(const F& f) const {
    for (const Place& place : places_) {
      if (interrupted()) throw Interrupted();
      f(read(place.stage, place.offset));
    }
  }
  size_t size() const { return places_.size(); }
  size_t num_more() const { return num_matches_ - places_.size(); }

 private:
  size_t most() const {
    const int64_t n = order_ == Order::kWorstFirst  ? options_.worst
                      : order_ == Order::kBestFirst ? options_.best
                                                    : options_.limit;
    return n == 0 ? SIZE_MAX : static_cast<size_t>(n);
  }

  // Where samples go by age the last written log is first, otherwise last: equals are in the order
  // of the logs. The times are read once: a run that goes on writes meanwhile.
  void sort_stages() {
    std::vector<std::pair<fs::file_time_type, std::string>> written;
    for (const std::string& stage : stages_) {
      std::error_code missing;
      written.emplace_back(
          fs::last_write_time(trajectory_log_path(options_.run_dir, stage), missing), stage);
    }
    std::sort(written.begin(), written.end());
    if (order_ == Order::kNewestFirst) std::reverse(written.begin(), written.end());
    stages_.clear();
    for (const auto& [time, stage] : written) stages_.push_back(stage);
  }

  proto::Trajectory read(size_t stage, int64_t offset) const {
    return read_trajectory(trajectory_log_path(options_.run_dir, stages_[stage]), offset);
  }

  // By age no more than are shown, by reward so many of each stage.
  void add(const RunStore& store, size_t stage) {
    const size_t before = order_ == Order::kNewestFirst ? 0 : places_.size();
    const TrajectoryQuery query{
        .stage = stages_[stage],
        .domain = options_.domain,
        .step = options_.step < 0 ? std::nullopt : std::optional(options_.step),
        .order = order_};
    store.for_each_trajectory(query, [&](int64_t offset, double reward) {
      if (interrupted()) throw Interrupted();
      if (!options_.grep.empty() && !policy_wrote(read(stage, offset), tokenizer_, options_.grep))
        return;
      ++num_matches_;
      if (places_.size() - before < most()) places_.push_back({stage, offset, reward});
    });
  }

  const SamplesOptions& options_;
  const model::Tokenizer& tokenizer_;
  Order order_;
  std::vector<std::string> stages_;
  std::vector<Place> places_;
  size_t num_matches_ = 0;
};

}  // namespace

void SamplesOptions::describe(OptionSet& options) {
  options.option("run-dir", run_dir, "directory of the run", Need::kRequired);
  options.option("--stage", stage, "samples of this stage only, as the first column names it");
  options.option("--domain", domain, "of this domain only");
  options.option("--step", step, "of this step only; -1 = of all");
  options.option("--grep", grep,
                 "of which the model wrote this text in one turn; plain text, no pattern");
  options.option("--worst", worst, "so many with the lowest reward, the lowest first");
  options.option("--best", best, "so many with the highest reward, the highest first");
  options.option("--limit", limit, "so many at most; 0 = all; --worst and --best have their own");
  options.flag("--json", json, "one JSON object a line");
}

int run_samples(const SamplesOptions& options) {
  require_consistent(options);
  const configs::RunConfig config = recorded_config(options.run_dir);
  const RunStore store(config.run_dir, Access::kReadOnly);
  check_is_one_of("stage", options.stage, store.trajectory_stages());
  check_is_one_of("domain", options.domain, store.domains());
  const model::Tokenizer tokenizer = model::Tokenizer::load(tokenizer_dir(config));
  const Selection selection(options, store, tokenizer);
  selection.for_each([&](const proto::Trajectory& t) {
    const std::string text = options.json ? sample_json(t, tokenizer) : sample_text(t, tokenizer);
    if (std::printf("%s\n", text.c_str()) < 0) cannot_print();
  });
  if (std::fflush(stdout) != 0) cannot_print();
  // Not among the lines of JSON.
  if (selection.size() == 0)
    std::fprintf(stderr, "no sample matches\n");
  else if (selection.num_more() > 0)
    std::fprintf(stderr, "%zu more match\n", selection.num_more());
  return 0;
}

}  // namespace amalgam::pipeline
