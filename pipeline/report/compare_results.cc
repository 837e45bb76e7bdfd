#include "pipeline/report/compare_results.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <set>

#include "configs/error.h"
#include "configs/key_values.h"
#include "pipeline/identity/stage_inputs.h"
#include "pipeline/report/method_age.h"
#include "pipeline/run_store/text_format.h"
#include "pipeline/stages/compare.h"
#include "pipeline/stages/domain_groups.h"
#include "pipeline/stages/rate_choice.h"
#include "pipeline/stages/run_dirs.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr char kSeedPrefix[] = "seed-";

// Keys that change no result, also such as no stage reads, or are expected to differ.
bool may_differ(const std::string& key) {
  for (const char* name : {"seed", "run_dir", "threads", "workers", "worker_silence_s", "isa",
                           "keep_last", "keep_trajectories", "on_finish", "on_stop"})
    if (key == name) return true;
  return key.starts_with("log.") || is_free_key(key);
}

// The first key in which the two differ, of methods that both have; empty: none.
std::string difference(const configs::RunConfig& a, const configs::RunConfig& b) {
  std::map<std::string, std::string> other;
  for (const configs::KeyValue& k : configs::key_values(b))
    if (!may_differ(k.key)) other[k.key] = k.value;
  for (const configs::KeyValue& k : configs::key_values(a)) {
    if (may_differ(k.key)) continue;
    const auto it = other.find(k.key);
    if (it == other.end() ? !k.key.starts_with("compare.") : it->second != k.value) return k.key;
    if (it != other.end()) other.erase(it);
  }
  for (const auto& [key, value] : other)
    if (!key.starts_with("compare.")) return key;
  return "";
}

int64_t sum_of(const std::vector<MetricRow>& rows, const char* name) {
  double sum = 0;
  for (const MetricRow& m : rows)
    if (m.name == name) sum += m.value;
  return static_cast<int64_t>(sum);
}

int64_t num_steps(const std::vector<MetricRow>& rows) {
  return std::count_if(rows.begin(), rows.end(),
                       [](const MetricRow& m) { return m.name == kTrainedTokensMetric; });
}

// The training whose model was kept: that of the best rate, as it was chosen.
std::optional<std::string> kept_stage(const RunStore& store, const std::string& model) {
  std::optional<std::string> kept;
  double best = kUnknown;
  for (const SweepRow& row : store.sweeps())
    if (row.model == model && row.parameter == kLearningRate && !(row.score.mean <= best))
      best = row.score.mean, kept = rate_stage(model, row.value);
  if (kept) return kept;
  for (const std::string& stage : store.metric_stages())
    if (stage.starts_with(candidate_prefix(model))) return stage;
  return std::nullopt;
}

void add_training(const RunStore& store, const std::string& model, int64_t samples_of_step,
                  MethodCost* cost) {
  const auto kept = kept_stage(store, model);
  for (const std::string& stage : store.metric_stages()) {
    if (!stage.starts_with(candidate_prefix(model))) continue;
    const auto rows = store.metrics(stage);
    if (stage != kept) {
      cost->search_updates += num_steps(rows);
      cost->search_sampled_tokens += sum_of(rows, kSampledTokensMetric);
      continue;
    }
    cost->updates += num_steps(rows);
    cost->samples += num_steps(rows) * samples_of_step;
    cost->sampled_tokens += sum_of(rows, kSampledTokensMetric);
    cost->trained_tokens += sum_of(rows, kTrainedTokensMetric);
  }
}

std::vector<TokenPoint> curve_of(const RunStore& store, const std::string& stage) {
  std::map<int64_t, double> tokens;  // of a step
  for (const MetricRow& m : store.metrics(stage))
    if (m.name == kTrainedTokensMetric) tokens[m.step] = m.value;
  std::map<int64_t, double> scores;
  for (const auto& [name, value] : store.figures(stage))
    if (name.starts_with(kValidationFigurePrefix))
      scores[std::stoll(name.substr(std::string(kValidationFigurePrefix).size()))] = value;
  std::vector<TokenPoint> curve;
  for (const auto& [step, score] : scores) {
    double sum = 0;
    for (const auto& [of, n] : tokens) sum += of < step ? n : 0;
    curve.push_back({static_cast<int64_t>(sum), score});
  }
  return curve;
}

void add_costs(const RunStore& store, SeedResults* seed) {
  const configs::RunConfig& config = seed->config;
  const auto rl_samples = [](const configs::RlConfig& rl) {
    return rl.data.train_batch_size * rl.rollout.n;
  };
  MethodCost& specialists = seed->costs[kSpecialist];
  for (const configs::DomainConfig* d : one_of_each_specialist(config)) {
    const std::string stage = specialist_stage(specialist_name(*d));
    const auto rows = store.metrics(stage);
    specialists.updates += num_steps(rows) * d->rl.ppo_mini_batches;
    specialists.samples += num_steps(rows) * rl_samples(d->rl);
    specialists.sampled_tokens += sum_of(rows, kSampledTokensMetric);
    specialists.trained_tokens += sum_of(rows, kTrainedTokensMetric);
    if (const auto n =
            seed->results.choices.find(std::string(kSpecialist) + "-" + specialist_name(*d));
        n != seed->results.choices.end())
      specialists.candidates += n->second;
  }
  const int64_t samples = config.distill.data.train_batch_size * config.distill.rollout.n;
  for (const std::string& method : seed->results.models) {
    if (method == kBase || method == kSpecialist) continue;
    MethodCost& cost = seed->costs[method];
    for (const std::string& group : student_groups(config)) {
      const std::string model = merged_name(made_as(config, method), group);
      add_training(store, model, samples, &cost);
      cost.candidates += num_choices(store, model);
      if (const auto kept = kept_stage(store, model); kept && group.empty())
        if (auto curve = curve_of(store, *kept); !curve.empty()) seed->curves[method] = curve;
    }
  }
}

// Evaluated, with all that every method is made of. What only one method needs may be missing: then
// the method is left out.
bool is_finished(const RunStore& store, const configs::RunConfig& config) {
  std::set<std::string> needed = {kEvaluation, kBase};
  for (const configs::DomainConfig* d : one_of_each_specialist(config))
    needed.insert(specialist_stage(specialist_name(*d)));
  bool is_evaluated = false;
  for (const StageRow& row : store.stages()) {
    if (needed.contains(row.name) && row.state != StageState::kFinished) return false;
    is_evaluated = is_evaluated || row.name == kEvaluation;
  }
  return is_evaluated;
}

std::optional<SeedResults> read_seed(const std::string& dir, std::string* why_not) {
  const RunStore store(dir, Access::kReadOnly);
  SeedResults seed;
  seed.config = recorded_config(dir);
  seed.seed = seed.config.seed;
  if (!is_finished(store, seed.config)) {
    *why_not = fmt::format("not finished; run amalgam compare with seed={} again", seed.seed);
    return std::nullopt;
  }
  seed.results = collect_results(store);
  add_costs(store, &seed);
  for (const std::string& method : seed.results.models)
    if (method != kBase && method != kSpecialist)
      if (const std::string why = why_not_of_now(store, seed.config, method); !why.empty())
        seed.left_out[method] = why;
  return seed;
}

// Whether the seed has a score of every domain that counts.
bool has_method(const SeedResults& seed, const std::string& method) {
  return !seed.left_out.contains(method) &&
         std::all_of(seed.results.domains.begin(), seed.results.domains.end(),
                     [&](const DomainScores& d) {
                       return !std::isnan(DomainScores::of(d.sampled, method).mean);
                     });
}

void choose_methods(CompareResults* all) {
  std::vector<std::string> known = {kBase, kSpecialist, kStudent};
  for (const configs::CompareConfig& c : all->seeds[0].config.compare)
    if (!configs::is_own_model(c.method)) known.push_back(c.name);
  for (const std::string& method : known) {
    std::string without;
    for (const SeedResults& s : all->seeds)
      if (!has_method(s, method)) without += (without.empty() ? "" : ", ") + std::to_string(s.seed);
    std::string of_seeds;
    for (const SeedResults& s : all->seeds)
      if (const auto it = s.left_out.find(method); it != s.left_out.end() && of_seeds.empty())
        of_seeds = fmt::format("on seed {} {}", s.seed, it->second);
    if (without.empty()) {
      all->methods.push_back(method);
      continue;
    }
    std::string why = of_seeds.empty() ? "not scored on seed " + without : of_seeds;
    for (const configs::CompareConfig& c : all->seeds[0].config.compare)
      if (const std::string reason =
              why_left_out(all->seeds[0].config, c, student_groups(all->seeds[0].config)[0]);
          c.name == method && !reason.empty())
        why = reason;
    if (method != kStudent || all->seeds[0].config.distill.steps > 0) all->left_out[method] = why;
  }
  for (const SeedResults& s : all->seeds)
    for (const configs::CompareConfig& c : s.config.compare)
      if (!configs::is_own_model(c.method) &&
          std::find(known.begin(), known.end(), c.name) == known.end())
        all->left_out[c.name] = fmt::format("not among the methods of seed {}", all->seeds[0].seed);
}

}  // namespace

std::string seed_dir(const std::string& dir, int64_t seed) {
  return dir + "/" + kSeedPrefix + std::to_string(seed);
}

namespace {

// What may not be looked at is there: reading it says why it cannot be.
bool may_exist(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error) || error;
}

std::vector<int64_t> seeds_in(const std::string& dir) {
  std::set<int64_t> seeds;
  if (fs::is_directory(dir))
    for (const auto& entry : fs::directory_iterator(dir)) {
      const std::string name = entry.path().filename().string();
      const std::string digits =
          name.starts_with(kSeedPrefix) ? name.substr(sizeof kSeedPrefix - 1) : "";
      if (!digits.empty() && digits.size() < 18 &&
          digits.find_first_not_of("0123456789") == std::string::npos &&
          may_exist(entry.path() / "run.sqlite") && may_exist(entry.path() / "config.toml"))
        seeds.insert(std::stoll(digits));
    }
  return {seeds.begin(), seeds.end()};
}

}  // namespace

bool is_compare_dir(const std::string& dir) {
  return !fs::exists(dir + "/config.toml") && !seeds_in(dir).empty();
}

CompareResults collect_compare(const std::string& dir) {
  CompareResults all;
  for (const int64_t s : seeds_in(dir)) {
    std::string why;
    std::optional<SeedResults> seed;
    try {
      seed = read_seed(seed_dir(dir, s), &why);
    } catch (const Error& e) {  // the others have their table
      why = e.what();
    }
    if (seed && !all.seeds.empty())
      if (const std::string key = difference(all.seeds[0].config, seed->config); !key.empty())
        why = fmt::format("has another {} than seed {}", key, all.seeds[0].seed);
    if (why.empty())
      all.seeds.push_back(std::move(*seed));
    else
      all.left_out["seed " + std::to_string(s)] = why;
  }
  if (all.seeds.empty()) {
    std::string text = dir + ": no seed in it is finished";
    for (const auto& [name, why] : all.left_out) text += fmt::format("; {}: {}", name, why);
    throw Error(text);
  }
  for (const DomainScores& d : all.seeds[0].results.domains) all.domains.push_back(d.domain);
  choose_methods(&all);
  return all;
}

}  // namespace amalgam::pipeline
