#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "pipeline/report/charts.h"
#include "pipeline/report/sections.h"
#include "pipeline/run_store/text_format.h"

namespace amalgam::pipeline {
namespace {

using Scores = std::map<std::string, Score>;

// What the config says of a column.
std::string explanation_of(const std::string& model, const configs::RunConfig* config) {
  if (model == kBase) return "before post-training";
  if (model == kSpecialist) return "one per domain, by RL";
  if (!config) return "";
  const auto distilled = [](configs::Objective o) {
    return "distilled, objective " + configs::name_of(o);
  };
  if (model == kStudent) return distilled(config->distill.objective);
  for (const configs::CompareConfig& c : config->compare) {
    if (c.name != model) continue;
    if (configs::is_objective(c.method)) return distilled(configs::objective_of(c.method));
    if (c.method == configs::Method::kMixedRl) return "one model, RL on all domains";
    if (c.method == configs::Method::kSft) return "supervised, on the specialists' answers";
    return "weights merged by " + configs::name_of(c.method);
  }
  return "";
}

std::string tile(const std::string& value, const std::string& label) {
  return fmt::format("<div class=\"tile\"><b>{}</b><span>{}</span></div>", escape_html(value),
                     escape_html(label));
}

std::string score_row(const std::string& label, const std::vector<std::string>& models,
                      const Scores& scores, const char* css_class) {
  std::string html =
      fmt::format("<tr class=\"{}\"><th scope=\"row\">{}</th>", css_class, escape_html(label));
  for (const std::string& model : models)
    html += "<td>" + format_score(DomainScores::of(scores, model)) + "</td>";
  return html + "</tr>\n";
}

std::string score_rows(const Results& results, Scores DomainScores::*scores,
                       const std::string& title) {
  std::string html = fmt::format(
      "<tr class=\"group\"><th colspan=\"{}\" scope=\"colgroup\">{}</th>"
      "</tr>\n",
      results.models.size() + 1, escape_html(title));
  for (const DomainScores& d : results.domains)
    html += score_row(d.domain, results.models, d.*scores, "");
  return html + score_row("mean", results.models, results.mean.*scores, "mean");
}

// One lane per model, so that equal scores do not hide each other; whiskers are one standard error.
// Rewards outside 0 … 1 stand at the border; the tip says them.
std::string dot_row(const DomainScores& d, const std::vector<std::string>& models) {
  std::string html = fmt::format(
      "<div class=\"dots\"><span class=\"name\">{}</span><div "
      "class=\"track\" style=\"height:{}px\">",
      escape_html(d.domain), 8 + 8 * models.size());
  const auto place = [](double value) { return 100 * std::clamp(value, 0.0, 1.0); };
  for (size_t m = 0; m < models.size(); ++m) {
    const Score s = DomainScores::of(d.sampled, models[m]);
    if (std::isnan(s.mean)) continue;
    const size_t top = 8 + 8 * m, colour = m % kNumModelColours;
    if (!std::isnan(s.standard_error)) {
      const double left = place(s.mean - s.standard_error),
                   right = place(s.mean + s.standard_error);
      html +=
          fmt::format("<i class=\"whisker m{}\" style=\"left:{:.2f}%;width:{:.2f}%;top:{}px\"></i>",
                      colour, left, right - left, top);
    }
    html += fmt::format(
        "<i class=\"dot m{}\" style=\"left:{:.2f}%;top:{}px\" data-tip=\"{}: {}\"></i>", colour,
        place(s.mean), top, escape_html(model_label(models[m])), format_score(s));
  }
  return html + "</div></div>\n";
}

}  // namespace

std::string model_label(std::string model) {
  std::replace(model.begin(), model.end(), '_', ' ');
  return model;
}

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

namespace {

// How the trainings went, where no model was scored on test prompts.
std::string trainings_table(const Results& results) {
  std::string html = "<p class=\"none\">No model was scored on test prompts here.</p>\n";
  if (results.trainings.empty()) return html;
  html +=
      "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">training</th><th scope=\"col\">"
      "steps</th><th scope=\"col\">figure</th><th scope=\"col\">first step</th><th scope=\"col\">"
      "last step</th><th scope=\"col\">validation before</th><th scope=\"col\">best</th><th "
      "scope=\"col\">at step</th></tr></thead><tbody>\n";
  for (const TrainingFigures& t : results.trainings)
    html += fmt::format(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>"
        "<td>{}</td><td>{}</td></tr>\n",
        escape_html(t.stage), t.steps, t.name, format_number(t.first), format_number(t.last),
        format_number(t.validation_first.value_or(kUnknown)),
        format_number(t.validation_best.value_or(kUnknown)), t.best_step);
  return html + "</tbody></table></div>\n";
}

}  // namespace

std::string results_section(const Results& results, const configs::RunConfig* config) {
  if (results.domains.empty()) return trainings_table(results);
  std::string html = "<p class=\"legend\">";
  for (size_t m = 0; m < results.models.size(); ++m)
    html += fmt::format("<span><i class=\"m{}\"></i>{} <small>{}</small></span>",
                        m % kNumModelColours, escape_html(model_label(results.models[m])),
                        escape_html(explanation_of(results.models[m], config)));
  html += "</p>\n<div class=\"dotplot\">";
  for (const DomainScores& d : results.domains) html += dot_row(d, results.models);
  html += dot_row(results.mean, results.models);
  html +=
      "<div class=\"scale\"><span>0</span><span>0.25</span><span>0.5</span><span>0.75</span>"
      "<span>1</span></div></div>\n";
  html +=
      "<div class=\"scroll\"><table class=\"scores\"><thead><tr><th scope=\"col\">mean reward"
      "</th>";
  for (const std::string& model : results.models)
    html += fmt::format("<th scope=\"col\">{}</th>", escape_html(model_label(model)));
  html += "</tr></thead><tbody>\n";
  const std::string at = config ? fmt::format(" at T = {}", config->eval.temperature) : "";
  html += score_rows(results, &DomainScores::sampled,
                     "sampled" + at + ", " + results.sampled_metric + " ± standard error");
  html += score_rows(results, &DomainScores::greedy, "greedy, pass@1");
  html += "</tbody></table></div>\n<p class=\"note\">Means over: ";
  const char* separator = "";
  for (const std::string& line : prompt_lines(results)) {
    html += separator + escape_html(line);
    separator = "; ";
  }
  return html +
         ".</p>\n<p class=\"note\">Greedy decoding can hide what a model usually "
         "does; read the sampled scores first. All are measured on test prompts, which trained and "
         "chose nothing. Per cent where every reward is 0 or 1. The standard error is over "
         "prompts." +
         std::string(results.efforts.empty()
                         ? ""
                         : " Modes of effort differ in length by intention: their "
                           "accuracy alone, and its mean, says little; see below.") +
         "</p>\n";
}

std::string choices_section(const Results& results, const RunStore& store) {
  const bool has_chosen =
      std::any_of(results.trainings.begin(), results.trainings.end(),
                  [](const TrainingFigures& t) { return t.validation_best.has_value(); });
  if (results.choices.empty())
    return has_chosen ? "<p class=\"none\">Which step a training chose stands with its figures "
                        "above.</p>\n"
                      : "<p class=\"none\">Nothing was chosen yet.</p>\n";
  std::string html =
      "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">model</th><th scope=\"col\">"
      "candidates compared on validation</th></tr></thead><tbody>\n";
  for (const auto& [name, n] : results.choices)
    html += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape_html(name), n);
  html += "</tbody></table></div>\n";
  const auto rows = store.sweeps();
  if (!rows.empty()) {
    html +=
        "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">model</th><th scope=\"col\">"
        "candidate</th><th scope=\"col\">mean reward on validation</th></tr></thead><tbody>\n";
    for (const SweepRow& row : rows) {
      const bool best = std::none_of(rows.begin(), rows.end(), [&](const SweepRow& other) {
        return other.model == row.model && other.score.mean > row.score.mean;
      });
      html += fmt::format(
          "<tr class=\"{}\"><th scope=\"row\">{}</th><td>{} {}</td><td>{}{}</td></tr>\n",
          best ? "best" : "", escape_html(row.model), escape_html(row.parameter),
          format_number(row.value), format_score(row.score), best ? " ◂ best" : "");
    }
    html += "</tbody></table></div>\n";
  }
  return html +
         "<p class=\"note\">A candidate is a step of a training, a learning rate or a merge. "
         "The weights that a training starts from are validated for comparison and are no "
         "candidate; "
         "the base was chosen from nothing.</p>\n";
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
