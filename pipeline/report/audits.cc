// Rewards against an independent check: how score, audit, length and repetition went together, and
// the best-paid samples that the audit calls wrong.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>

#include "pipeline/report/sections.h"
#include "pipeline/run_store/text_format.h"
#include "pipeline/run_store/trajectory_log.h"
#include "proto/trajectory.pb.h"
#include "rewards/registry/scorer.h"

namespace amalgam::pipeline {
namespace {

constexpr size_t kMostShown = 10;
constexpr size_t kMostRead = 20000;  // samples of a stage that are looked at, the best-paid first
constexpr double kWrong = 0.5;       // an audit below it

// First and last value of a stage's metric: "0.12 → 0.87"; "–" without one.
std::string course(const std::vector<MetricRow>& metrics, const std::string& name) {
  const MetricRow *first = nullptr, *last = nullptr;
  for (const MetricRow& row : metrics)
    if (row.name == name) {
      if (!first) first = &row;
      last = &row;
    }
  if (!first) return "–";
  return fmt::format("{:.3f} → {:.3f}", first->value, last->value);
}

std::optional<double> audit_of(const proto::TrajectoryMetadata& meta) {
  for (const proto::RewardPart& part : meta.reward_parts())
    if (part.name() == rewards::kAuditPart) return part.value();
  return std::nullopt;
}

std::string answer_text(const proto::Trajectory& t, const TokenText& token_text) {
  constexpr size_t kMostBytes = 600;
  std::string text;
  for (int i = 0; i < t.ids_size() && text.size() < kMostBytes; ++i)
    if (t.writer()[static_cast<size_t>(i)] != static_cast<char>(proto::WRITER_PROMPT))
      text += token_text(t.ids(i));
  return escape_html(text);
}

std::string wrong_samples(const std::string& run_dir, std::vector<TrajectoryRow> rows,
                          const TokenText& token_text) {
  std::erase_if(rows, [](const TrajectoryRow& row) { return !row.reward; });
  std::stable_sort(rows.begin(), rows.end(), [](const TrajectoryRow& a, const TrajectoryRow& b) {
    return *a.reward > *b.reward;
  });
  std::string html;
  size_t shown = 0;
  for (size_t i = 0; i < std::min(rows.size(), kMostRead) && shown < kMostShown; ++i) {
    const proto::Trajectory t =
        read_trajectory(trajectory_log_path(run_dir, rows[i].stage), rows[i].offset);
    const auto audit = audit_of(t.meta());
    if (!audit || *audit >= kWrong || *rows[i].reward <= *audit) continue;
    ++shown;
    html += fmt::format(
        "<tr><td>{}</td><td>{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td "
        "class=\"num\">{}</td><td><code>{}</code></td></tr>\n",
        rows[i].step, escape_html(rows[i].prompt_id), format_number(*rows[i].reward),
        format_number(*audit), rows[i].response_length, answer_text(t, token_text));
  }
  if (html.empty())
    return "<p class=\"none\">The audit calls wrong none that is paid more than it gives.</p>\n";
  return "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">step</th><th "
         "scope=\"col\">prompt</th><th scope=\"col\">reward</th><th scope=\"col\">audit</th><th "
         "scope=\"col\">tokens</th><th scope=\"col\">answer</th></tr></thead><tbody>\n" +
         html + "</tbody></table></div>\n";
}

}  // namespace

std::string audits_section(const std::string& run_dir, const RunStore& store,
                           const TokenText& token_text) {
  std::map<std::string, std::vector<TrajectoryRow>> by_stage;
  std::string html;
  for (const StageRow& stage : store.stages()) {
    const auto metrics = store.metrics(stage.name);
    const bool has_audit = std::any_of(metrics.begin(), metrics.end(), [](const MetricRow& m) {
      return m.name == "critic/audit/mean";
    });
    if (!has_audit) continue;
    if (by_stage.empty())
      for (TrajectoryRow& row : store.trajectories()) by_stage[row.stage].push_back(std::move(row));
    html += fmt::format("<h3>{}</h3>\n<table><thead><tr><th scope=\"col\">first step → last</th>",
                        escape_html(stage.name));
    const std::vector<std::pair<const char*, const char*>> columns = {
        {"score", "critic/score/mean"},
        {"audit", "critic/audit/mean"},
        {"correlation", "critic/audit/correlation"},
        {"tokens", "response_length/mean"},
        {"repetition", "response_repetition/mean"}};
    std::string values;
    for (const auto& [title, metric] : columns) {
      html += fmt::format("<th scope=\"col\">{}</th>", title);
      values += fmt::format("<td class=\"num\">{}</td>", course(metrics, metric));
    }
    html += "</tr></thead><tbody><tr><td></td>" + values + "</tr></tbody></table>\n";
    html +=
        "<p class=\"note\">The best-paid samples that the audit calls wrong and the reward does "
        "not.</p>\n";
    html += wrong_samples(run_dir, by_stage[stage.name], token_text);
  }
  return html;
}

}  // namespace amalgam::pipeline
