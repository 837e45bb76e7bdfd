// Accuracy against length, by reasoning effort.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "pipeline/report/charts.h"
#include "pipeline/report/sections.h"
#include "pipeline/run_store/text_format.h"

namespace amalgam::pipeline {
namespace {

struct Kind {
  const char* name;
  Score EffortScores::*accuracy;
  Score EffortScores::*tokens;
};
constexpr Kind kKinds[] = {
    {"sampled", &EffortScores::accuracy, &EffortScores::tokens},
    {"greedy", &EffortScores::greedy_accuracy, &EffortScores::greedy_tokens}};

// A model's modes as points, from the least effort.
XySeries series_of(const EffortTable& table, const std::string& model, const Kind& kind,
                   bool has_labels) {
  XySeries series{.name = model_label(model), .points = {}};
  for (const auto& [mode, scores] : table.modes) {
    const auto it = scores.find(model);
    if (it == scores.end()) continue;
    const Score tokens = it->second.*kind.tokens, accuracy = it->second.*kind.accuracy;
    if (std::isnan(tokens.mean) || std::isnan(accuracy.mean)) continue;
    series.points.push_back(
        {.x = tokens.mean,
         .y = accuracy.mean,
         .x_error = tokens.standard_error,
         .y_error = accuracy.standard_error,
         .label = has_labels ? mode : "",
         .tip = fmt::format("{}, {}: {} at {} tokens", series.name, mode, format_score(accuracy),
                            format_number(tokens.mean))});
  }
  return series;
}

std::string cell(const EffortScores& s, const Kind& kind) {
  const Score accuracy = s.*kind.accuracy, tokens = s.*kind.tokens;
  if (std::isnan(accuracy.mean)) return "<td>–</td>";
  return fmt::format("<td>{} <small>{:.1f} tokens</small></td>", format_score(accuracy),
                     tokens.mean);
}

std::string rows(const EffortTable& table, const std::vector<std::string>& models,
                 const Kind& kind) {
  std::string html =
      fmt::format("<tr class=\"group\"><th colspan=\"{}\" scope=\"colgroup\">{}</th></tr>\n",
                  models.size() + 1, kind.name);
  for (const auto& [mode, scores] : table.modes) {
    html += fmt::format("<tr><th scope=\"row\">{}</th>", escape_html(mode));
    for (const std::string& model : models) {
      const auto it = scores.find(model);
      html += it == scores.end() ? "<td>–</td>" : cell(it->second, kind);
    }
    html += "</tr>\n";
  }
  return html;
}

std::string domain_efforts(const EffortTable& table, const std::vector<std::string>& models) {
  const bool has_student = std::find(models.begin(), models.end(), kStudent) != models.end();
  std::string html = fmt::format("<h3>{}</h3>\n<div class=\"efforts\">", escape_html(table.domain));
  for (const Kind& kind : kKinds) {
    std::vector<XySeries> series;
    for (const std::string& model : models)
      series.push_back(
          series_of(table, model, kind, model == (has_student ? kStudent : models[0])));
    if (std::any_of(series.begin(), series.end(), [](const auto& s) { return !s.points.empty(); }))
      html += xy_chart(fmt::format("{}, {}", table.domain, kind.name), "mean tokens", series);
  }
  html +=
      "</div>\n<div class=\"scroll\"><table class=\"scores\"><thead><tr><th "
      "scope=\"col\">effort</th>";
  for (const std::string& model : models)
    html += fmt::format("<th scope=\"col\">{}</th>", escape_html(model_label(model)));
  html += "</tr></thead><tbody>\n";
  for (const Kind& kind : kKinds) html += rows(table, models, kind);
  html += "</tbody></table></div>\n";
  if (!table.correlation.empty()) {
    html += "<p class=\"note\">Correlation of the number and the length of answers:";
    const char* separator = " ";
    for (const std::string& model : models)
      if (const auto it = table.correlation.find(model); it != table.correlation.end()) {
        html += fmt::format("{}{} {:.2f}", separator, escape_html(model_label(model)), it->second);
        separator = ", ";
      }
    html += ".</p>\n";
  }
  return html;
}

}  // namespace

std::string efforts_section(const Results& results) {
  std::string html = "<p class=\"legend\">";
  for (size_t m = 0; m < results.models.size(); ++m)
    html += fmt::format("<span><i class=\"m{}\"></i>{}</span>", m % kNumModelColours,
                        escape_html(model_label(results.models[m])));
  html += "</p>\n";
  for (const EffortTable& table : results.efforts) html += domain_efforts(table, results.models);
  return html +
         "<p class=\"note\">Mean reward against the mean length of answers on test prompts, "
         "without "
         "the penalty on length; bars are one standard error over prompts. A line joins the modes "
         "of a model, from the least effort.</p>\n";
}

}  // namespace amalgam::pipeline
