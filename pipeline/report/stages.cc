#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "pipeline/report/charts.h"
#include "pipeline/report/sections.h"
#include "pipeline/run_store/results.h"
#include "pipeline/run_store/text_format.h"

namespace amalgam::pipeline {
namespace {

using Series = std::map<std::string, std::vector<Point>>;  // by metric name

// The main panels, each with the first of these metrics that a stage has and that is not always 0.
struct Panel {
  const char* title;
  std::vector<const char*> metrics;
};
const std::vector<Panel>& panels() {
  static const std::vector<Panel> kPanels = {
      {"reward", {"critic/score/mean"}},
      {"loss", {"sft/loss", "train/loss"}},
      {"KL", {"distill/kl", "actor/kl_loss", "actor/ppo_kl"}},
      {"audit", {"critic/audit/mean"}},
      {"response length", {"response_length/mean"}},
      {"repetition", {"response_repetition/mean"}},
      {"entropy", {"actor/entropy"}},
  };
  return kPanels;
}

// Parts of a step in the order of the time bars.
const std::vector<std::string>& known_times() {
  static const std::vector<std::string> kKnown = {"rollout", "reward", "learn", "teacher"};
  return kKnown;
}
constexpr const char* kTimePrefix = "timing_s/";
constexpr const char* kWholeStep = "step";

Series series_of(const RunStore& store, const std::string& stage) {
  Series series;
  for (const MetricRow& row : store.metrics(stage))
    series[row.name].push_back({static_cast<double>(row.step), row.value});
  return series;
}

size_t num_steps(const Series& series) {
  size_t most = 0;
  for (const auto& [name, points] : series) most = std::max(most, points.size());
  return most;
}

struct TimeSplit {
  NamedValues parts;
  double total = 0;
};

// Sums of timing_s/*. The metric of the whole step, where there is one, contains the others; what
// they leave of it is "other".
TimeSplit time_split(const Series& series) {
  std::map<std::string, double> sums;
  for (const auto& [name, points] : series) {
    if (name.rfind(kTimePrefix, 0) != 0) continue;
    double& sum = sums[name.substr(std::string(kTimePrefix).size())];
    for (const Point& p : points)
      if (std::isfinite(p.value)) sum += p.value;
  }
  TimeSplit split;
  double covered = 0;
  const auto take = [&](const std::string& name) {
    const auto it = sums.find(name);
    if (it == sums.end() || name == kWholeStep) return;
    split.parts.emplace_back(name, it->second);
    covered += it->second;
  };
  for (const std::string& name : known_times()) take(name);
  for (const auto& [name, seconds] : sums)
    if (std::find(known_times().begin(), known_times().end(), name) == known_times().end())
      take(name);
  split.total = std::max(covered, sums[kWholeStep]);
  if (split.total > covered) split.parts.emplace_back(kRest, split.total - covered);
  return split;
}

// Largest value; NaN if one of them is.
double largest(const Series& series, const char* name) {
  const auto it = series.find(name);
  if (it == series.end()) return kUnknown;
  double max = 0;
  for (const Point& p : it->second) {
    if (std::isnan(p.value)) return kUnknown;
    max = std::max(max, p.value);
  }
  return max;
}

// Which of the panel's metrics is drawn; end() if the stage has none.
Series::const_iterator chosen(const Panel& panel, const Series& series) {
  auto first = series.end();
  for (const char* metric : panel.metrics) {
    const auto it = series.find(metric);
    if (it == series.end()) continue;
    if (first == series.end()) first = it;
    if (std::any_of(it->second.begin(), it->second.end(),
                    [](const Point& p) { return p.value != 0; }))
      return it;
  }
  return first;
}

}  // namespace

std::string stages_section(const RunStore& store) {
  const auto stages = stages_with_metrics(store);
  if (stages.empty()) return "<p class=\"none\">No stage was started yet.</p>\n";
  std::vector<Series> series;
  std::vector<TimeSplit> splits;
  std::vector<std::string> palette = known_times();
  double longest = 0;
  for (const StageRow& stage : stages) {
    series.push_back(series_of(store, stage.name));
    splits.push_back(time_split(series.back()));
    longest = std::max(longest, splits.back().total);
    for (const auto& [name, seconds] : splits.back().parts)
      if (std::find(palette.begin(), palette.end(), name) == palette.end()) palette.push_back(name);
  }
  const auto is_unused = [&](const std::string& name) {
    return std::none_of(splits.begin(), splits.end(), [&](const TimeSplit& split) {
      return std::any_of(split.parts.begin(), split.parts.end(),
                         [&](const auto& part) { return part.first == name; });
    });
  };
  palette.erase(std::remove_if(palette.begin(), palette.end(), is_unused), palette.end());
  std::string html =
      stacked_bar_legend(palette) +
      "<div class=\"scroll\"><table class=\"stages\"><thead><tr><th scope=\"col\">"
      "stage</th><th scope=\"col\">state</th><th scope=\"col\">steps</th><th "
      "scope=\"col\">in steps</th><th scope=\"col\" class=\"wide\">time split</th>"
      "<th scope=\"col\">probs diff max</th><th scope=\"col\">routing, B/token</th></tr></thead>"
      "<tbody>\n";
  for (size_t i = 0; i < stages.size(); ++i) {
    html += fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"state-{}\">{}</td><td>{}</td><td>{}</td><td "
        "class=\"wide\">{}</td><td>{}</td><td>{}</td></tr>\n",
        escape_html(stages[i].name), to_string(stages[i].state), to_string(stages[i].state),
        num_steps(series[i]), format_duration(splits[i].total > 0 ? splits[i].total : kUnknown),
        stacked_bar(splits[i].parts, longest, palette),
        format_number(largest(series[i], kDiffMetric)),
        format_number(largest(series[i], kRoutingBytesMetric)));
  }
  return html +
         "</tbody></table></div>\n<p class=\"note\">Bars share one scale. <em>probs diff max</em> "
         "is "
         "the largest difference, over every sampled token of the stage, between the probability "
         "the sampler gave and the one the learner computes; 0 means the same bits. "
         "<em>routing</em>: what "
         "the experts that sampling chose take in a trajectory, where training makes the same "
         "choices.</p>\n";
}

std::string failures_section(const RunStore& store) {
  const auto rows = store.failures();
  if (rows.empty()) return "";
  std::string html =
      "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">stage</th><th "
      "scope=\"col\">what failed</th><th scope=\"col\">attempts</th><th scope=\"col\">samples "
      "left out</th></tr></thead><tbody>\n";
  for (const FailureRow& row : rows)
    html +=
        fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                    escape_html(row.stage), escape_html(row.kind),
                    row.num_attempts > 0 ? std::to_string(row.num_attempts) : "–", row.num_samples);
  return html +
         "</tbody></table></div>\n<p class=\"note\">A failed attempt is tried again; a sample that "
         "fails for good has no reward and is left out, it is never a reward of 0.</p>\n";
}

std::string left_out_section(const RunStore& store) {
  std::string rows;
  for (const SetRow& row : recorded_sets(store))
    if (row.counts.left_out() > row.counts.not_asked || row.counts.masked_samples > 0)
      rows += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                          escape_html(row.stage), escape_html(row.domain), row.set,
                          set_text(row.counts));
  if (rows.empty()) return "";
  return "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">stage</th><th "
         "scope=\"col\">domain</th><th scope=\"col\">set</th><th scope=\"col\">used, and why not "
         "all</th></tr></thead><tbody>\n" +
         rows + "</tbody></table></div>\n";
}

std::string curves_section(const RunStore& store) {
  std::string html;
  for (const StageRow& stage : stages_with_metrics(store)) {
    const Series series = series_of(store, stage.name);
    if (series.empty()) continue;
    html += "<h3>" + escape_html(stage.name) + "</h3>\n<div class=\"charts\">";
    std::set<std::string> drawn;
    for (const Panel& panel : panels()) {
      const auto it = chosen(panel, series);
      if (it == series.end()) continue;
      html += line_chart(panel.title, it->second);
      drawn.insert(it->first);
    }
    html += "</div>\n";
    std::string others;
    for (const auto& [name, points] : series)
      if (!drawn.contains(name)) others += line_chart(name, points);
    if (!others.empty())
      html += "<details><summary>all other metrics of " + escape_html(stage.name) +
              "</summary><div class=\"charts\">" + others + "</div></details>\n";
  }
  return html.empty() ? "<p class=\"none\">No step was logged yet.</p>\n" : html;
}

}  // namespace amalgam::pipeline
