#include "pipeline/report/compare_report.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "pipeline/report/charts.h"
#include "pipeline/report/page.h"
#include "pipeline/report/sections.h"
#include "pipeline/run_store/text_format.h"
#include "proto/append_file.h"

namespace amalgam::pipeline {
namespace {

size_t place_of(const CompareResults& r, const std::string& method) {
  return static_cast<size_t>(std::find(r.methods.begin(), r.methods.end(), method) -
                             r.methods.begin());
}

// What the config says of a method.
std::string method_text(const CompareResults& r, const std::string& method) {
  const configs::RunConfig& config = r.seeds[0].config;
  if (method == kBase) return "before post-training";
  if (method == kSpecialist) return "each on its own domain";
  if (method == kStudent)
    return "distilled, objective " + configs::name_of(config.distill.objective);
  for (const configs::CompareConfig& c : config.compare)
    if (c.name == method && configs::name_of(c.method) != method)
      return "method " + configs::name_of(c.method);
  return "";
}

std::string legend(const CompareResults& r, const std::vector<std::string>& methods) {
  std::string html = "<p class=\"legend\">";
  for (const std::string& m : methods)
    html += fmt::format("<span><i class=\"{}\"></i>{} <small>{}</small></span>",
                        colour_class(place_of(r, m)), escape_html(model_label(m)),
                        escape_html(method_text(r, m)));
  return html + "</p>\n";
}

std::string scores_table(const CompareResults& r, Decoding decoding) {
  std::string html =
      "<div class=\"scroll\"><table class=\"scores\"><thead><tr><th scope=\"col\">method</th>"
      "<th scope=\"col\">mean</th>";
  for (const std::string& d : r.domains)
    html += fmt::format("<th scope=\"col\">{}</th>", escape_html(d));
  html += "</tr></thead><tbody>\n";
  for (const std::string& m : r.methods) {
    html +=
        fmt::format("<tr><th scope=\"row\">{}</th><td><b>{}</b></td>", escape_html(model_label(m)),
                    format_score(mean_over_domains(r, m, decoding)));
    for (const std::string& d : r.domains)
      html += "<td>" + format_score(score_over_seeds(r, m, d, decoding)) + "</td>";
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string cost_table(const CompareResults& r) {
  std::string html =
      "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">method</th>"
      "<th scope=\"col\">updates</th><th scope=\"col\">samples</th>"
      "<th scope=\"col\">sampled tokens</th><th scope=\"col\">student tokens</th>"
      "<th scope=\"col\">candidates</th><th scope=\"col\">updates of the search</th>"
      "<th scope=\"col\">its sampled tokens</th></tr></thead><tbody>\n";
  for (const std::string& m : r.methods) {
    const MethodCost c = mean_cost(r, m);
    html += fmt::format("<tr><th scope=\"row\">{}</th>", escape_html(model_label(m)));
    for (const int64_t n : {c.updates, c.samples, c.sampled_tokens, c.trained_tokens, c.candidates,
                            c.search_updates, c.search_sampled_tokens})
      html += "<td>" + format_count(static_cast<double>(n)) + "</td>";
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

// Points of the same step, over the seeds that have it.
std::vector<XyPoint> mean_curve(const CompareResults& r, const std::string& method) {
  size_t length = 0;
  bool has_all = true;
  for (const SeedResults& s : r.seeds) {
    const auto it = s.curves.find(method);
    has_all = has_all && it != s.curves.end();
    if (!has_all) break;
    length = length == 0 ? it->second.size() : std::min(length, it->second.size());
  }
  std::vector<XyPoint> points;
  if (!has_all) return points;
  const auto n = static_cast<double>(r.seeds.size());
  for (size_t i = 0; i < length; ++i) {
    XyPoint p{.y_error = kUnknown};
    for (const SeedResults& s : r.seeds) {
      const TokenPoint& at = s.curves.at(method)[i];
      p.x += static_cast<double>(at.trained_tokens) / n, p.y += at.score / n;
    }
    if (r.seeds.size() > 1) {
      double squares = 0;
      for (const SeedResults& s : r.seeds) {
        const double d = s.curves.at(method)[i].score - p.y;
        squares += d * d;
      }
      p.y_error = std::sqrt(squares / (n - 1) / n);
    }
    p.tip = fmt::format("{}: {} after {} tokens", model_label(method), format_number(p.y),
                        format_count(p.x));
    points.push_back(p);
  }
  return points;
}

// Score against student tokens of each trained method: on validation as it trained; where nothing
// was validated, the one point that there is, on test prompts.
std::string token_chart(const CompareResults& r) {
  std::vector<XySeries> series;
  std::vector<std::string> methods;
  bool on_validation = false;
  for (const std::string& m : r.methods) on_validation = on_validation || !mean_curve(r, m).empty();
  for (const std::string& m : r.methods) {
    const MethodCost cost = mean_cost(r, m);
    std::vector<XyPoint> points = mean_curve(r, m);
    if (!on_validation && cost.trained_tokens > 0 && m != kSpecialist) {
      const Score mean = mean_over_domains(r, m, Decoding::kSampled);
      points = {{.x = static_cast<double>(cost.trained_tokens),
                 .y = mean.mean,
                 .y_error = mean.standard_error,
                 .tip = model_label(m) + ": " + format_score(mean)}};
    }
    std::erase_if(points, [](const XyPoint& p) { return !std::isfinite(p.y); });
    if (points.empty()) continue;
    methods.push_back(m);
    series.push_back({.name = m, .points = std::move(points), .place = place_of(r, m)});
  }
  if (series.empty()) return "<p class=\"none\">No method was trained.</p>\n";
  return legend(r, methods) + "<div class=\"wide-chart\">" +
         xy_chart(on_validation ? "Mean score on the validation prompts of all domains"
                                : "Mean score on the test prompts of all domains",
                  "student tokens (sampled tokens trained on)", series) +
         "</div>\n";
}

// What is left of each specialist: a lane per method, the specialist's own score is the line.
std::string loss_chart(const CompareResults& r) {
  std::vector<std::string> methods;
  for (const std::string& m : r.methods)
    if (m != kSpecialist) methods.push_back(m);
  double low = 0, high = 0;
  bool is_share = true;
  for (const std::string& m : methods)
    for (const std::string& d : r.domains) {
      const Score gain = gain_over_specialist(r, m, d, Decoding::kSampled);
      if (std::isnan(gain.mean)) continue;
      is_share = is_share && gain.is_share;
      const double error = std::isnan(gain.standard_error) ? 0 : gain.standard_error;
      low = std::min(low, gain.mean - error), high = std::max(high, gain.mean + error);
    }
  const auto ticks = axis_ticks(low, high);
  const double from = ticks.front(), to = ticks.back();
  const auto place = [&](double x) { return 100 * (x - from) / (to - from); };
  std::string html = legend(r, methods) + "<div class=\"dotplot\">";
  for (const std::string& d : r.domains) {
    html += fmt::format(
        "<div class=\"dots\"><span class=\"name\">{}</span><div class=\"track plain\" "
        "style=\"height:{}px\">",
        escape_html(d), 10 + 8 * methods.size());
    for (const double t : ticks)
      html += fmt::format("<i class=\"rule{}\" style=\"left:{:.2f}%\"></i>",
                          std::abs(t) < 1e-12 ? " zero" : "", place(t));
    for (size_t i = 0; i < methods.size(); ++i) {
      const Score gain = gain_over_specialist(r, methods[i], d, Decoding::kSampled);
      if (std::isnan(gain.mean)) continue;
      const size_t top = 9 + 8 * i;
      const std::string colour = colour_class(place_of(r, methods[i]));
      if (!std::isnan(gain.standard_error))
        html += fmt::format(
            "<i class=\"whisker {}\" style=\"left:{:.2f}%;width:{:.2f}%;top:{}px\"></i>",
            colour.substr(0, 2), place(gain.mean - gain.standard_error),
            place(gain.mean + gain.standard_error) - place(gain.mean - gain.standard_error), top);
      html += fmt::format(
          "<i class=\"dot {}\" style=\"left:{:.2f}%;top:{}px\" data-tip=\"{}: {}\"></i>", colour,
          place(gain.mean), top, escape_html(model_label(methods[i])), format_score(gain));
    }
    html += "</div></div>\n";
  }
  html += "<div class=\"scale free\">";
  for (const double t : ticks) {
    const double shown = std::abs(t) < 1e-12 ? 0 : is_share ? 100 * t : t;
    html += fmt::format("<span style=\"left:{:.2f}%\">{}{}</span>", place(t), shown > 0 ? "+" : "",
                        format_number(shown));
  }
  return html + "</div></div>\n";
}

std::string notes(const CompareResults& r) {
  std::string html;
  for (const auto& [name, why] : r.left_out)
    html += fmt::format("<p class=\"note\">Left out: {}: {}.</p>\n", escape_html(name),
                        escape_html(why));
  return html;
}

std::string part(const char* id, const char* title, const std::string& body) {
  return fmt::format("<section id=\"{0}\"><h2>{1}</h2>\n{2}</section>\n", id, title, body);
}

}  // namespace

std::string compare_section(const CompareResults& r) {
  const std::string error =
      r.seeds.size() == 1
          ? "± is the standard error over prompts."
          : fmt::format("Means over {} seeds; ± is the standard error over seeds.", r.seeds.size());
  return part("results", "Methods side by side",
              legend(r, r.methods) +
                  "<h3>sampled <small>mean@n at the evaluation’s temperature"
                  "</small></h3>\n" +
                  scores_table(r, Decoding::kSampled) + "<h3>greedy <small>pass@1</small></h3>\n" +
                  scores_table(r, Decoding::kGreedy) + "<p class=\"note\">" + error +
                  " All on test prompts, which trained and chose nothing, with the same random "
                  "numbers for every method.</p>\n" +
                  notes(r)) +
         part("tokens", "Score against student tokens", token_chart(r)) +
         part("losses", "What each specialist’s domain loses",
              "<p class=\"note\">Sampled score on a domain less that of its own specialist, which "
              "is the line at 0.</p>\n" +
                  loss_chart(r)) +
         part("costs", "What each method was given",
              cost_table(r) +
                  "<p class=\"note\">Of one seed, or the mean over seeds. Student tokens are those "
                  "that were learned from; candidates are the models that were compared on the "
                  "validation prompts; the search trained the learning rates that were not "
                  "kept.</p>\n");
}

CompareResults write_compare_report(const std::string& dir) {
  const CompareResults results = collect_compare(dir);
  const std::string name = escape_html(std::filesystem::weakly_canonical(dir).filename().string());
  std::string seeds;
  for (const SeedResults& s : results.seeds)
    seeds += (seeds.empty() ? "" : ", ") + std::to_string(s.seed);
  proto::write_file_atomically(dir + "/results.json", compare_json(results));
  proto::write_file_atomically(
      dir + "/report.html", page(name,
                                 fmt::format("<header><h1>{}</h1><p>seed{} {}</p></header>\n", name,
                                             results.seeds.size() == 1 ? "" : "s", seeds) +
                                     compare_section(results),
                                 {{"results", "Methods"},
                                  {"tokens", "Tokens"},
                                  {"losses", "Losses"},
                                  {"costs", "Costs"}}));
  return results;
}

}  // namespace amalgam::pipeline
