#include "pipeline/run_store/results.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pipeline/run_store/text_format.h"
#include "proto/append_file.h"

namespace amalgam::pipeline {
namespace {

using Json = nlohmann::ordered_json;

DomainScores& domain_of(std::vector<DomainScores>* domains, const std::string& name) {
  for (DomainScores& d : *domains)
    if (d.domain == name) return d;
  domains->push_back({name, {}, {}});
  return domains->back();
}

// Domains are scored on different prompts, so their errors are independent.
Score mean_of(const std::vector<DomainScores>& domains,
              std::array<Score, kModels.size()> DomainScores::*scores, size_t model) {
  if (domains.empty()) return {};
  double sum = 0, variance = 0;
  for (const DomainScores& d : domains) {
    const Score& s = (d.*scores)[model];
    sum += s.value;
    variance += s.standard_error * s.standard_error;
  }
  const auto n = static_cast<double>(domains.size());
  return {sum / n, std::sqrt(variance) / n};
}

double max_diff(const RunStore& store) {
  double largest = kUnknown;
  for (const std::string& stage : store.metric_stages())
    for (const MetricRow& m : store.metrics(stage)) {
      if (m.name != kDiffMetric) continue;
      if (std::isnan(m.value)) return kUnknown;  // a broken comparison must not look like 0
      largest = std::isnan(largest) ? m.value : std::max(largest, m.value);
    }
  return largest;
}

std::vector<WorkerRow> sampling_workers(const RunStore& store) {
  std::vector<WorkerRow> workers;
  for (const WorkerRow& row : store.workers()) {
    if (row.sampled_tokens == 0) continue;
    const auto same = std::find_if(workers.begin(), workers.end(),
                                   [&](const WorkerRow& w) { return w.pid == row.pid; });
    if (same == workers.end()) {
      workers.push_back(row);
    } else {
      same->sampled_tokens += row.sampled_tokens;
      same->busy_s += row.busy_s;
    }
  }
  std::sort(workers.begin(), workers.end(),
            [](const WorkerRow& a, const WorkerRow& b) { return a.pid < b.pid; });
  return workers;
}

std::string text_row(const std::string& label, const std::array<Score, kModels.size()>& scores) {
  std::string line = fmt::format("  {:<14}", label);
  for (const Score& s : scores)
    line += fmt::format("{:>16}", format_score(s.value, s.standard_error));
  return line + "\n";
}

}  // namespace

std::string evaluation_stage(const std::string& model, const std::string& domain,
                             const std::string& kind) {
  return "eval-" + model + "-" + domain + "-" + kind;
}

std::vector<StageRow> stages_with_metrics(const RunStore& store) {
  const auto stages = store.stages();
  std::vector<std::string> inner = store.metric_stages();
  std::erase_if(inner, [&](const std::string& name) {
    return std::any_of(stages.begin(), stages.end(),
                       [&](const StageRow& s) { return s.name == name; });
  });
  std::vector<StageRow> all;
  const auto take = [&](StageRow row, const std::string& prefix) {
    std::erase_if(inner, [&](const std::string& name) {
      if (!name.starts_with(prefix)) return false;
      row.name = name;
      all.push_back(row);
      return true;
    });
  };
  for (const StageRow& stage : stages) {
    all.push_back(stage);
    take(stage, stage.name + "-");
  }
  if (!stages.empty()) take(stages.back(), "");
  return all;
}

Results collect_results(const RunStore& store) {
  Results r;
  for (const EvalRow& e : store.evals()) {
    const auto model = std::find(kModels.begin(), kModels.end(), e.model);
    if (model == kModels.end()) continue;
    const auto m = static_cast<size_t>(model - kModels.begin());
    if (e.metric.rfind(kSampledMetricPrefix, 0) == 0) {
      r.sampled_metric = e.metric;
      domain_of(&r.domains, e.domain).sampled[m] = {e.value, e.standard_error};
    } else if (e.metric == kGreedyMetric) {
      domain_of(&r.domains, e.domain).greedy[m] = {e.value, e.standard_error};
    }
  }
  r.mean.domain = "mean";
  for (size_t m = 0; m < kModels.size(); ++m) {
    r.mean.sampled[m] = mean_of(r.domains, &DomainScores::sampled, m);
    r.mean.greedy[m] = mean_of(r.domains, &DomainScores::greedy, m);
  }
  r.rollout_probs_diff_max = max_diff(store);
  r.wall_s = store.figure(RunStore::kRun, kWallFigure).value_or(kUnknown);
  r.peak_rss_bytes = store.figure(RunStore::kRun, kPeakRssFigure).value_or(kUnknown);
  r.workers = sampling_workers(store);
  r.sandbox_failed = store.sandbox_failed();
  return r;
}

std::string results_json(const Results& results) {
  Json json = {{"domains", Json::object()}};
  for (const DomainScores& d : results.domains) {
    Json& row = json["domains"][d.domain] = Json::object();
    for (size_t m = 0; m < kModels.size(); ++m) row[kModels[m]] = d.sampled[m].value;  // NaN: null
  }
  json["rollout_probs_diff_max"] = results.rollout_probs_diff_max;
  json["wall_s"] = results.wall_s;
  json["peak_rss_bytes"] = std::isnan(results.peak_rss_bytes)
                               ? Json()
                               : Json(static_cast<int64_t>(results.peak_rss_bytes));
  json["workers"] = Json::array();
  for (const WorkerRow& w : results.workers)
    json["workers"].push_back({{"pid", w.pid}, {"sampled_tokens", w.sampled_tokens}});
  json["sandbox_failed"] = results.sandbox_failed;
  return json.dump(2) + "\n";
}

std::string results_text(const Results& results) {
  std::string text = fmt::format("  {:<14}", "% solved");
  for (const char* model : kModels) text += fmt::format("{:>16}", model);
  text += fmt::format("\nsampled, {}\n", results.sampled_metric);
  for (const DomainScores& d : results.domains) text += text_row(d.domain, d.sampled);
  text += text_row("mean", results.mean.sampled) + "greedy, pass@1\n";
  for (const DomainScores& d : results.domains) text += text_row(d.domain, d.greedy);
  text += text_row("mean", results.mean.greedy);
  text +=
      fmt::format("rollout_probs_diff_max {}   wall {}   peak memory {}   sandbox_failed {}\n",
                  format_number(results.rollout_probs_diff_max), format_duration(results.wall_s),
                  format_bytes(results.peak_rss_bytes), results.sandbox_failed);
  return text;
}

void write_results(const std::string& run_dir, const Results& results) {
  proto::write_file_atomically(run_dir + "/results.json", results_json(results));
}

}  // namespace amalgam::pipeline
