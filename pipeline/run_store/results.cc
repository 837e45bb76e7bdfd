#include "pipeline/run_store/results.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "configs/domain_config.h"
#include "pipeline/run_store/judge_results.h"
#include "pipeline/run_store/text_format.h"
#include "proto/append_file.h"

namespace amalgam::pipeline {
namespace {

using Json = nlohmann::ordered_json;

DomainScores& domain_of(std::vector<DomainScores>* domains, const std::string& name) {
  for (DomainScores& d : *domains)
    if (d.domain == name) return d;
  domains->push_back({.domain = name, .sampled = {}, .greedy = {}});
  return domains->back();
}

// Domains are scored on different prompts, so their errors are independent. Unknown where one is.
Score mean_of(const std::vector<DomainScores>& domains,
              std::map<std::string, Score> DomainScores::*scores, const std::string& model) {
  if (domains.empty()) return {};
  Score mean{.mean = 0, .standard_error = 0, .is_share = true};
  double variance = 0;
  for (const DomainScores& d : domains) {
    const Score s = DomainScores::of(d.*scores, model);
    mean.mean += s.mean;
    variance += s.standard_error * s.standard_error;
    mean.is_share = mean.is_share && s.is_share;
  }
  const auto n = static_cast<double>(domains.size());
  mean.mean /= n;
  mean.standard_error = std::sqrt(variance) / n;
  return mean;
}

// A domain's scores are shares only if all models' are, so that one row has one unit.
void agree_on_unit(std::map<std::string, Score>* scores) {
  const bool is_share =
      std::all_of(scores->begin(), scores->end(), [](const auto& s) { return s.second.is_share; });
  for (auto& [model, score] : *scores) score.is_share = is_share;
}

// Validated steps of a stage but the first weights.
int64_t num_candidates(const RunStore& store, const std::string& stage) {
  if (store.figure(stage, kKeepsLastFigure)) return 0;
  int64_t n = 0;
  for (const auto& [name, value] : store.figures(stage))
    n += name.starts_with(kValidationFigurePrefix) && !name.ends_with("/0");
  return n;
}

std::map<std::string, int64_t> choices_of(const RunStore& store, const Results& results) {
  std::map<std::string, int64_t> choices;
  const auto stages = store.stages();
  const auto has_stage = [&](const std::string& name) {
    return std::any_of(stages.begin(), stages.end(),
                       [&](const StageRow& s) { return s.name == name; });
  };
  std::set<std::string> groups;
  for (const DomainScores& d : results.domains) {
    const std::string group = configs::split_domain_name(d.domain).first;
    groups.insert(group);
    // One policy for all efforts of a group has the group's name.
    const std::string& name = has_stage(specialist_stage(group)) ? group : d.domain;
    choices[std::string(kSpecialist) + "-" + name] = num_candidates(store, specialist_stage(name));
  }
  for (const std::string& model : results.models) {
    if (model == kBase || model == kSpecialist) continue;
    bool is_per_group = false;
    for (const std::string& group : groups)
      if (const int64_t n = num_choices(store, model + "-" + group); n > 0)
        choices[model + "-" + group] = n, is_per_group = true;
    if (!is_per_group) choices[model] = num_choices(store, model);
  }
  return choices;
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

// What each kind of stage is judged by while it trains.
constexpr std::pair<const char*, const char*> kTrainingFigures[] = {
    {"critic/score/mean", "reward"}, {"distill/kl", "kl"}, {"train/loss", "loss"}};

TrainingFigures training_figures(const RunStore& store, const std::string& stage) {
  TrainingFigures t;
  t.stage = stage;
  const std::vector<MetricRow> rows = store.metrics(stage);
  for (const MetricRow& m : rows)  // the last validation is of no step
    if (m.name == "timing_s/step") t.steps = std::max(t.steps, m.step + 1);
  for (const auto& [metric, name] : kTrainingFigures) {
    for (const MetricRow& m : rows) {
      if (m.name != metric) continue;
      if (std::isnan(t.first)) t.first = m.value;
      t.last = m.value;
    }
    t.name = name;
    if (!std::isnan(t.first)) break;
  }
  t.validation_first = store.figure(stage, std::string(kValidationFigurePrefix) + "0");
  if (const auto step = store.figure(stage, kBestStepFigure)) {
    t.validation_best = store.figure(stage, kBestScoreFigure);
    t.best_step = std::to_string(static_cast<int64_t>(*step));
    t.keeps_last = store.figure(stage, kKeepsLastFigure).has_value();
  }
  return t;
}

std::string training_text(const TrainingFigures& t) {
  std::string text = fmt::format("  {:<24}{:>6} steps   {} {} to {}", t.stage, t.steps, t.name,
                                 format_number(t.first), format_number(t.last));
  if (t.validation_best) {
    text += "   validation ";
    if (t.validation_first) text += format_number(*t.validation_first) + " before, ";
    text += format_number(*t.validation_best) + " at step " + t.best_step +
            (t.keeps_last ? ", the last, which is kept" : ", the best");
  }
  return text + "\n";
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

std::string text_row(const std::string& label, const std::vector<std::string>& models,
                     const std::map<std::string, Score>& scores) {
  std::string line = fmt::format("  {:<14}", label);
  for (const std::string& model : models)
    line += fmt::format("{:>16}", format_score(DomainScores::of(scores, model)));
  return line + "\n";
}

}  // namespace

std::string evaluation_stage(const std::string& model, const std::string& domain,
                             const std::string& kind) {
  return "eval-" + model + "-" + domain + "-" + kind;
}

std::string candidate_prefix(const std::string& model) {
  const std::string student = kStudent;
  if (model == student || model.starts_with(student + "-"))
    return "distill" + model.substr(student.size()) + "-lr";
  return "compare-" + model + "-lr";
}
std::string specialist_stage(const std::string& domain) { return "rl-" + domain; }

int64_t num_choices(const RunStore& store, const std::string& model) {
  int64_t n = 0;
  for (const std::string& stage : store.metric_stages())
    if (stage.starts_with(candidate_prefix(model))) n += num_candidates(store, stage);
  for (const SweepRow& row : store.sweeps())
    n += row.model == model && row.parameter != kLearningRate;
  return n;
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
  std::vector<std::string> compared;
  const std::vector<SetRow> sets = recorded_sets(store);
  for (const EvalRow& e : store.evals()) {
    DomainScores& domain = domain_of(&r.domains, e.domain);
    const bool is_greedy = e.metric.starts_with(kGreedyMetric);
    const std::string suffix = e.metric.ends_with(kAllRowsSuffix) ? kAllRowsSuffix : "";
    domain.metrics[is_greedy ? "greedy" + suffix : e.metric][e.model] = e.score;
    // Scores on all rows stand for those on test prompts where there are no others.
    if (e.metric.starts_with(kSampledMetricPrefix) &&
        (suffix.empty() || !domain.sampled.contains(e.model))) {
      r.sampled_metric = e.metric;
      domain.sampled[e.model] = e.score;
      domain.prompts[e.model] = counts_of(sets, e);
    } else if (is_greedy && (suffix.empty() || !domain.greedy.contains(e.model))) {
      domain.greedy[e.model] = e.score;
    }
    if (std::find(compared.begin(), compared.end(), e.model) == compared.end())
      compared.push_back(e.model);
  }
  for (const char* model : {kBase, kSpecialist, kStudent})
    if (std::erase(compared, model) > 0) r.models.push_back(model);
  r.models.insert(r.models.end(), compared.begin(), compared.end());
  for (DomainScores& d : r.domains) agree_on_unit(&d.sampled), agree_on_unit(&d.greedy);
  r.efforts = effort_tables(store, r.domains);
  r.mean.domain = "mean";
  for (const std::string& model : r.models) {
    r.mean.sampled[model] = mean_of(r.domains, &DomainScores::sampled, model);
    r.mean.greedy[model] = mean_of(r.domains, &DomainScores::greedy, model);
  }
  agree_on_unit(&r.mean.sampled), agree_on_unit(&r.mean.greedy);
  r.choices = choices_of(store, r);
  r.rollout_probs_diff_max = max_diff(store);
  r.wall_s = store.figure(RunStore::kRun, kWallFigure).value_or(kUnknown);
  r.peak_rss_bytes = store.figure(RunStore::kRun, kPeakRssFigure).value_or(kUnknown);
  for (const StageRow& stage : stages_with_metrics(store))
    if (TrainingFigures t = training_figures(store, stage.name); t.steps > 0)
      r.trainings.push_back(std::move(t));
  r.workers = sampling_workers(store);
  r.sandbox_failed = store.sandbox_failed();
  return r;
}

std::string results_json(const Results& results) {
  // NaN: null.
  const auto of_one = [](const Score& s) {
    return Json{{"value", s.mean}, {"standard_error", s.standard_error}};
  };
  const bool is_eval = results.models == std::vector<std::string>{kScored};
  Json json;
  for (const char* key : {"domains", "standard_error", "metrics"}) json[key] = Json::object();
  for (const DomainScores& d : results.domains) {
    Json &means = json["domains"][d.domain], &errors = json["standard_error"][d.domain];
    means = errors = Json::object();
    if (!is_eval)
      for (const char* model : {kBase, kSpecialist, kStudent, "weight_average", "sampled_kl"})
        means[model] = errors[model] = nullptr;
    for (const std::string& model : results.models) {
      const Score score = DomainScores::of(d.sampled, model);
      means[model] = score.mean;
      errors[model] = score.standard_error;
    }
    Json& metrics = json["metrics"][d.domain] = Json::object();
    for (const auto& [metric, scores] : d.metrics)
      for (const auto& [model, score] : scores) {
        if (is_eval)
          metrics[metric] = of_one(score);
        else
          metrics[metric][model] = of_one(score);
      }
  }
  json["choices"] = Json::object();
  for (const auto& [name, n] : results.choices) json["choices"][name] = n;
  json["rollout_probs_diff_max"] = results.rollout_probs_diff_max;
  json["wall_s"] = results.wall_s;
  json["peak_rss_bytes"] = std::isnan(results.peak_rss_bytes)
                               ? Json()
                               : Json(static_cast<int64_t>(results.peak_rss_bytes));
  json["workers"] = Json::array();
  for (const WorkerRow& w : results.workers)
    json["workers"].push_back({{"pid", w.pid}, {"sampled_tokens", w.sampled_tokens}});
  json["sandbox_failed"] = results.sandbox_failed;
  json["prompts"] = json["left_out"] = Json::object();
  for (const DomainScores& d : results.domains)
    for (const auto& [model, counts] : d.prompts) {
      json["prompts"][d.domain][model] = counts.used;
      json["left_out"][d.domain][model] = Json::object();
      for (const auto& [reason, n] : left_out_by_reason(counts))
        json["left_out"][d.domain][model][reason] = n;
    }
  add_efforts(results.efforts, &json);
  add_judges(results, &json);
  return json.dump(2) + "\n";
}

std::vector<std::string> prompt_lines(const Results& results) {
  std::vector<std::string> lines;
  for (const DomainScores& d : results.domains) {
    std::vector<std::string> texts;
    for (const std::string& model : results.models)
      if (const auto it = d.prompts.find(model); it != d.prompts.end())
        texts.push_back(set_text(it->second));
    if (texts.empty()) continue;
    if (std::count(texts.begin(), texts.end(), texts[0]) ==
        static_cast<std::ptrdiff_t>(texts.size())) {
      lines.push_back(d.domain + ": " + texts[0]);
      continue;
    }
    for (const auto& [model, counts] : d.prompts)
      lines.push_back(d.domain + ", " + model + ": " + set_text(counts));
  }
  return lines;
}

namespace {

std::string scores_text(const Results& results) {
  std::string text = fmt::format("  {:<14}", "mean reward");
  for (const std::string& model : results.models) text += fmt::format("{:>16}", model);
  const auto rows = [&](std::map<std::string, Score> DomainScores::*scores) {
    for (const DomainScores& d : results.domains)
      text += text_row(d.domain, results.models, d.*scores);
    text += text_row("mean", results.models, results.mean.*scores);
  };
  text += fmt::format("\nsampled, {}, test prompts\n", results.sampled_metric);
  rows(&DomainScores::sampled);
  text += "greedy, pass@1\n";
  rows(&DomainScores::greedy);
  if (!results.efforts.empty())
    text += "modes of effort differ in length by intention: read their accuracy with it\n";
  text += efforts_text(results.efforts, results.models);
  text += judges_text(results);
  text += "means over\n";
  for (const std::string& line : prompt_lines(results)) text += "  " + line + "\n";
  const bool has_choices = std::any_of(results.choices.begin(), results.choices.end(),
                                       [](const auto& choice) { return choice.second > 0; });
  if (has_choices) {
    text += "candidates compared on validation:";
    for (const auto& [name, n] : results.choices) text += fmt::format(" {} {}", name, n);
    text += "\n";
  }
  return text;
}

std::string trainings_text(const Results& results) {
  std::string text = "\nno model was scored on test prompts here\n";
  for (const TrainingFigures& t : results.trainings) text += training_text(t);
  return text;
}

}  // namespace

std::string results_text(const Results& results) {
  std::string text = results.domains.empty() ? trainings_text(results) : scores_text(results);
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
