// Judges: what they give and what it is worth, how far they agree with labels, and a warning where
// score and worth part.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "pipeline/report/charts.h"
#include "pipeline/report/sections.h"
#include "pipeline/run_store/judge_results.h"
#include "pipeline/run_store/text_format.h"

namespace amalgam::pipeline {
namespace {

constexpr int64_t kWindow = 4;  // steps of a mean: few of a step's answers have labels

struct JudgeCurve {
  const char *name, *metric;
};
constexpr JudgeCurve kScores[] = {{"judge's score", "judge/score"},
                                  {"audit of the labelled answers", "critic/audit/mean"},
                                  {"share of repeated 3-grams", "response_repetition/mean"}};
constexpr JudgeCurve kAgreements[] = {{"with labels of the step's answers", "judge/agreement"},
                                      {"of stored rows", "judge/stored/agreement"},
                                      {"of held-out rows", "val-judge/heldout/agreement"}};

std::vector<MetricRow> of_metric(const std::vector<MetricRow>& metrics, const std::string& name) {
  std::vector<MetricRow> rows;
  for (const MetricRow& row : metrics)
    if (row.name == name && std::isfinite(row.value)) rows.push_back(row);
  return rows;
}

// Means over the steps up to each one, as far as the window goes.
XySeries series_of(const std::vector<MetricRow>& metrics, const JudgeCurve& series) {
  XySeries out{.name = series.name, .points = {}};
  const std::vector<MetricRow> rows = of_metric(metrics, series.metric);
  for (size_t i = 0; i < rows.size(); ++i) {
    double sum = 0;
    int64_t count = 0;
    for (size_t j = i + 1; j-- > 0 && rows[i].step - rows[j].step < kWindow;)
      sum += rows[j].value, ++count;
    const double mean = sum / static_cast<double>(count);
    out.points.push_back({.x = static_cast<double>(rows[i].step),
                          .y = mean,
                          .tip = fmt::format("step {}: {:.3f}", rows[i].step, mean)});
  }
  return out;
}

template <size_t N>
std::string chart(const std::string& title, const std::vector<MetricRow>& metrics,
                  const JudgeCurve (&all)[N]) {
  std::vector<XySeries> series;
  for (const JudgeCurve& one : all)
    if (XySeries s = series_of(metrics, one); !s.points.empty()) series.push_back(std::move(s));
  if (series.empty()) return "";
  std::string legend = "<p class=\"legend\">";
  for (size_t s = 0; s < series.size(); ++s)
    legend += fmt::format("<span><i class=\"m{}\"></i>{}</span>", s % kNumModelColours,
                          escape_html(series[s].name));
  return "<div>" + xy_chart(title, "step", series) + legend + "</p></div>\n";
}

// The mean over the last quarter of the steps that have it.
double late_mean(const std::vector<MetricRow>& metrics, const std::string& name) {
  const std::vector<MetricRow> rows = of_metric(metrics, name);
  if (rows.empty()) return kUnknown;
  const size_t count = std::max<size_t>(1, rows.size() / 4);
  double sum = 0;
  for (size_t i = rows.size() - count; i < rows.size(); ++i) sum += rows[i].value;
  return sum / static_cast<double>(count);
}

std::string warning(const std::vector<MetricRow>& metrics) {
  const double score = late_mean(metrics, "judge/score"),
               audit = late_mean(metrics, "critic/audit/mean");
  if (!(score - audit > kScoreFarAboveAudit)) return "";
  return fmt::format(
      "<p class=\"statement\"><strong>The judge’s score and the audit part:</strong> over the last "
      "quarter of the steps the judge gives {:.2f} and the audit {:.2f}. The policy may be writing "
      "for the judge instead of the task; see the samples of “Rewards against an independent "
      "check”, and train the judge on labels of its own answers.</p>\n",
      score, audit);
}

}  // namespace

std::string judges_section(const Results& results, const RunStore& store) {
  std::string html;
  if (const std::string text = judges_text(results); !text.empty())
    html += "<pre>" + escape_html(text.substr(text.find_first_not_of('\n'))) + "</pre>\n";
  for (const StageRow& stage : store.stages()) {
    const auto metrics = store.metrics(stage.name);
    if (of_metric(metrics, "judge/score").empty()) continue;
    html += "<h3>" + escape_html(stage.name) + "</h3>\n" + warning(metrics);
    html += "<div class=\"efforts\">" +
            chart("what the judge gives, and what it is worth", metrics, kScores) +
            chart("share of criteria on which single verdicts agree", metrics, kAgreements) +
            "</div>\n";
  }
  if (!html.empty())
    html += fmt::format("<p class=\"note\">Lines are means over {} steps.</p>\n", kWindow);
  return html;
}

}  // namespace amalgam::pipeline
