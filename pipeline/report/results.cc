#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "pipeline/report/sections.h"
#include "pipeline/run_store/text_format.h"

namespace amalgam::pipeline {
namespace {

constexpr std::array<const char*, kModels.size()> kLabels = {"base", "specialist", "student",
                                                             "weight average", "sampled KL"};
constexpr std::array<const char*, kModels.size()> kExplanations = {
    "before post-training", "one per domain, by RL", "one model: exact full-vocabulary KL",
    "baseline: mean of the specialists' weights", "baseline: KL estimate from the sampled token"};

using Scores = std::array<Score, kModels.size()>;

std::string tile(const std::string& value, const std::string& label) {
  return fmt::format("<div class=\"tile\"><b>{}</b><span>{}</span></div>", escape_html(value),
                     escape_html(label));
}

std::string score_row(const std::string& label, const Scores& scores, const char* css_class) {
  std::string html =
      fmt::format("<tr class=\"{}\"><th scope=\"row\">{}</th>", css_class, escape_html(label));
  for (const Score& s : scores) {
    const std::string error = std::isnan(s.standard_error) || std::isnan(s.value)
                                  ? ""
                                  : fmt::format(" <small>± {:.1f}</small>", 100 * s.standard_error);
    html += "<td>" + format_score(s.value, kUnknown) + error + "</td>";
  }
  return html + "</tr>\n";
}

std::string score_rows(const Results& results, Scores DomainScores::*scores,
                       const std::string& title) {
  std::string html = fmt::format(
      "<tr class=\"group\"><th colspan=\"{}\" scope=\"colgroup\">{}</th>"
      "</tr>\n",
      kModels.size() + 1, escape_html(title));
  for (const DomainScores& d : results.domains) html += score_row(d.domain, d.*scores, "");
  return html + score_row("mean", results.mean.*scores, "mean");
}

// One lane per model, so that equal scores do not hide each other; whiskers are one standard error.
std::string dot_row(const DomainScores& d) {
  std::string html = fmt::format(
      "<div class=\"dots\"><span class=\"name\">{}</span><div "
      "class=\"track\">",
      escape_html(d.domain));
  for (size_t m = 0; m < kModels.size(); ++m) {
    const Score& s = d.sampled[m];
    if (std::isnan(s.value)) continue;
    const double top = 8 + 8.0 * static_cast<double>(m);
    if (!std::isnan(s.standard_error)) {
      const double left = std::max(0.0, s.value - s.standard_error);
      const double right = std::min(1.0, s.value + s.standard_error);
      html += fmt::format(
          "<i class=\"whisker m{}\" style=\"left:{:.2f}%;width:{:.2f}%;top:{:.0f}px\"></i>", m,
          100 * left, 100 * (right - left), top);
    }
    html += fmt::format(
        "<i class=\"dot m{}\" style=\"left:{:.2f}%;top:{:.0f}px\" data-tip=\"{}: {}\"></i>", m,
        100 * std::clamp(s.value, 0.0, 1.0), top, kLabels[m],
        format_score(s.value, s.standard_error));
  }
  return html + "</div></div>\n";
}

}  // namespace

std::string figures_section(const Results& results) {
  double tokens = 0;
  for (const WorkerRow& w : results.workers) tokens += static_cast<double>(w.sampled_tokens);
  return "<div class=\"tiles\">" + tile(format_duration(results.wall_s), "wall time") +
         tile(format_bytes(results.peak_rss_bytes), "peak memory") +
         tile(format_count(tokens), "sampled tokens") +
         tile(format_number(results.rollout_probs_diff_max), "rollout_probs_diff_max") +
         tile(format_count(static_cast<double>(results.sandbox_failed)), "sandbox_failed") +
         "</div>\n";
}

std::string results_section(const Results& results, std::optional<double> temperature) {
  if (results.domains.empty()) return "<p class=\"none\">No model was scored yet.</p>\n";
  std::string html = "<p class=\"legend\">";
  for (size_t m = 0; m < kModels.size(); ++m)
    html += fmt::format("<span><i class=\"m{}\"></i>{} <small>{}</small></span>", m, kLabels[m],
                        kExplanations[m]);
  html += "</p>\n<div class=\"dotplot\">";
  for (const DomainScores& d : results.domains) html += dot_row(d);
  html += dot_row(results.mean);
  html +=
      "<div class=\"scale\"><span>0</span><span>25</span><span>50</span><span>75</span>"
      "<span>100 %</span></div></div>\n";
  html +=
      "<div class=\"scroll\"><table class=\"scores\"><thead><tr><th scope=\"col\">% solved"
      "</th>";
  for (const char* label : kLabels) html += fmt::format("<th scope=\"col\">{}</th>", label);
  html += "</tr></thead><tbody>\n";
  const std::string at = temperature ? fmt::format(" at T = {}", *temperature) : "";
  html += score_rows(results, &DomainScores::sampled,
                     "sampled" + at + ", " + results.sampled_metric + " ± standard error");
  html += score_rows(results, &DomainScores::greedy, "greedy, pass@1");
  return html +
         "</tbody></table></div>\n<p class=\"note\">Greedy decoding can hide what a model usually "
         "does; read the sampled scores first. Domains are scored on held-out prompts; the "
         "standard "
         "error is over prompts.</p>\n";
}

std::string sweep_section(const RunStore& store) {
  const auto rows = store.sweeps();
  if (rows.empty())
    return "<p class=\"none\">No sweep was run: the configured rate was used.</p>\n";
  std::string html =
      "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">objective</th><th "
      "scope=\"col\">learning rate</th><th scope=\"col\">% solved, mean</th></tr></thead><tbody>\n";
  for (const SweepRow& row : rows) {
    const bool best = std::none_of(rows.begin(), rows.end(), [&](const SweepRow& other) {
      return other.objective == row.objective && other.score > row.score;
    });
    html += fmt::format("<tr class=\"{}\"><th scope=\"row\">{}</th><td>{}</td><td>{}{}</td></tr>\n",
                        best ? "best" : "", escape_html(row.objective),
                        format_number(row.learning_rate),
                        format_score(row.score, row.standard_error), best ? " ◂ best" : "");
  }
  return html +
         "</tbody></table></div>\n<p class=\"note\">The best score of each objective is "
         "marked.</p>\n";
}

std::string workers_section(const RunStore& store) {
  const auto rows = store.workers();
  if (rows.empty()) return "<p class=\"none\">No worker reported yet.</p>\n";
  std::string html =
      "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">role</th><th "
      "scope=\"col\">pid</th>"
      "<th scope=\"col\">sampled tokens</th><th scope=\"col\">busy</th><th scope=\"col\">tokens/s"
      "</th></tr></thead><tbody>\n";
  for (const WorkerRow& w : rows)
    html += fmt::format(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        escape_html(w.role), w.pid, format_count(static_cast<double>(w.sampled_tokens)),
        format_duration(w.busy_s),
        format_count(w.sampled_tokens > 0 && w.busy_s > 0
                         ? static_cast<double>(w.sampled_tokens) / w.busy_s
                         : kUnknown));
  return html + "</tbody></table></div>\n";
}

}  // namespace amalgam::pipeline
