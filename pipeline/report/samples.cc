// Sampled conversations, token by token: runs of prompt, model and tool tokens as rows; each token
// the policy wrote as a chip whose tint is its surprise.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "pipeline/report/sections.h"
#include "pipeline/run_store/results.h"
#include "pipeline/run_store/text_format.h"
#include "pipeline/run_store/trajectory_log.h"
#include "proto/trajectory.pb.h"

namespace amalgam::pipeline {
namespace {

constexpr size_t kPerDomain = 10;
// Of longer conversations the beginning and the end are shown.
constexpr int kHeadTokens = 1200, kTailTokens = 400;

// Chip tints: probability at least this, from untinted down; below the last, the strongest.
constexpr std::array<double, 5> kTintBounds = {0.9, 0.5, 0.2, 0.05, 0.01};

int tint(float logprob) {
  const double p = std::exp(static_cast<double>(logprob));
  int level = 0;
  for (const double bound : kTintBounds) level += !(p >= bound);  // NaN: strongest
  return level;
}

// DeepSeek's special tokens are written with U+FF5C, which few Western fonts have; a box-drawing
// bar looks the same and still differs from the ASCII one.
std::string visible_text(const std::string& token) {
  constexpr std::string_view kFullwidthBar = "｜", kDrawnBar = "│";
  std::string out = escape_html(token);
  for (size_t at = 0; (at = out.find(kFullwidthBar, at)) != std::string::npos;)
    out.replace(at, kFullwidthBar.size(), kDrawnBar);
  return out;
}

// A newline inside a chip is shown and then breaks the line.
std::string chip_text(const std::string& token) {
  std::string out;
  for (const char c : visible_text(token)) {
    if (c == '\n') out += "↵";
    out += c;
  }
  return out.empty() ? "∅" : out;
}

const char* writer_name(int writer) {
  switch (writer) {
    case proto::WRITER_PROMPT:
      return "prompt";
    case proto::WRITER_POLICY:
      return "model";
    case proto::WRITER_TOOL:
      return "tool";
    case proto::WRITER_FORCED:
      return "forced";
    default:
      return "unknown";
  }
}

std::string conversation(const proto::Trajectory& t, const TokenText& token_text) {
  std::string html = "<div class=\"talk\">";
  int writer = -1, next_logprob = 0;
  const int n = t.ids_size();
  for (int i = 0; i < n; ++i) {
    const int w = static_cast<uint8_t>(t.writer()[static_cast<size_t>(i)]);
    const int logprob_index = next_logprob;
    next_logprob += w == proto::WRITER_POLICY;
    if (n > kHeadTokens + kTailTokens && i >= kHeadTokens && i < n - kTailTokens) {
      if (i == kHeadTokens)
        html += fmt::format("{}<p class=\"gap\">{} tokens not shown</p>",
                            writer >= 0 ? "</div></div>" : "", n - kHeadTokens - kTailTokens);
      writer = -1;
      continue;
    }
    if (w != writer) {
      if (writer >= 0) html += "</div></div>";
      html += fmt::format("<div class=\"turn {0}\"><span class=\"who\">{0}</span><div>",
                          writer_name(w));
      writer = w;
    }
    const std::string text = token_text(t.ids(i));
    if (w == proto::WRITER_POLICY) {
      const float logprob = t.logprobs(logprob_index);
      html += fmt::format("<i class=\"t{}\" data-p=\"{:.4f}\" data-id=\"{}\">{}</i>", tint(logprob),
                          logprob, t.ids(i), chip_text(text));
    } else {
      html += visible_text(text);
    }
  }
  if (writer >= 0) html += "</div></div>";
  return html + "</div>";
}

int num_tool_results(const proto::Trajectory& t) {
  int count = 0;
  for (size_t i = 0; i < t.writer().size(); ++i)
    count +=
        t.writer()[i] == proto::WRITER_TOOL && (i == 0 || t.writer()[i - 1] != proto::WRITER_TOOL);
  return count;
}

std::string tool_results(const proto::Trajectory& t) {
  const int n = num_tool_results(t);
  return n == 0 ? "" : fmt::format(" · {} tool result{}", n, n == 1 ? "" : "s");
}

std::string rewards(const proto::TrajectoryMetadata& meta) {
  if (meta.has_reward()) return "reward <b>" + format_number(meta.reward()) + "</b>";
  return meta.failure().empty() ? "not scored" : "no reward: " + escape_html(meta.failure());
}

std::string weights(const proto::TrajectoryMetadata& meta) {
  return meta.has_weights_version() ? fmt::format(" · weights v{}", meta.weights_version()) : "";
}

std::string finish(const proto::TrajectoryMetadata& meta) {
  return meta.finish_reason().empty() ? "" : " · finish " + escape_html(meta.finish_reason());
}

std::string sample(const proto::Trajectory& t, bool open, const TokenText& token_text) {
  const auto& m = t.meta();
  return fmt::format(
      "<details class=\"sample\"{}><summary><span class=\"where\">{} · step {}</span> <span "
      "class=\"tag {}\">{}</span> <span>{}</span> <small>{} + {} tokens{}</small></summary>"
      "<p class=\"meta\">prompt {} · effort {} · group {} sample {} · seed "
      "{}{}{}</p>{}</details>\n",
      open ? " open" : "", escape_html(m.stage()), m.step(),
      m.outcome() == proto::OUTCOME_OK ? "ok" : "not-ok", outcome_name(t), rewards(m),
      m.prompt_length(), m.response_length(), tool_results(t), escape_html(m.prompt_id()),
      escape_html(m.effort()), m.group(), m.sample_index(), m.seed(), weights(m), finish(m),
      conversation(t, token_text));
}

// `n` rows, first and last among them, the others evenly between.
std::vector<TrajectoryRow> spread(const std::vector<TrajectoryRow>& rows, size_t n) {
  n = std::min(n, rows.size());
  std::vector<TrajectoryRow> some;
  for (size_t k = 0; k < n; ++k) some.push_back(rows[n == 1 ? 0 : k * (rows.size() - 1) / (n - 1)]);
  return some;
}

// What the reader wants to see most: how the specialist and the student answer held-out prompts at
// the end; before there is such, anything that was sampled.
std::vector<TrajectoryRow> choose(const std::vector<TrajectoryRow>& rows) {
  std::vector<TrajectoryRow> chosen;
  for (const char* model : {"specialist", "student"}) {
    std::vector<TrajectoryRow> of_model;
    std::copy_if(rows.begin(), rows.end(), std::back_inserter(of_model),
                 [&](const TrajectoryRow& row) {
                   return row.stage == evaluation_stage(model, row.domain, kSampledKind);
                 });
    for (TrajectoryRow& row : spread(of_model, kPerDomain / 2)) chosen.push_back(std::move(row));
  }
  return chosen.empty() ? spread(rows, kPerDomain) : chosen;
}

std::string legend() {
  std::string html =
      "<p class=\"note\">Probability of each token the model wrote, at the moment it wrote it: "
      "<span class=\"chips\">";
  const std::array<const char*, kTintBounds.size() + 1> labels = {"≥ 0.9",  "≥ 0.5",  "≥ 0.2",
                                                                  "≥ 0.05", "≥ 0.01", "&lt; 0.01"};
  for (size_t i = 0; i < labels.size(); ++i)
    html += fmt::format("<i class=\"t{}\">{}</i>", i, labels[i]);
  return html +
         "</span> Point at or tap a token for its log-probability. Prompt and tool tokens are "
         "grey: they are not trained on.</p>\n";
}

}  // namespace

std::string samples_section(const std::string& run_dir, const RunStore& store,
                            const TokenText& token_text) {
  std::string html;
  for (const std::string& domain : store.domains()) {
    const auto rows = store.trajectories(domain);
    if (rows.empty()) continue;
    html += fmt::format("<h3>{} <small>{} trajectories</small></h3>\n", escape_html(domain),
                        format_count(static_cast<double>(rows.size())));
    const auto chosen = choose(rows);
    for (size_t k = 0; k < chosen.size(); ++k)
      html +=
          sample(read_trajectory(trajectory_log_path(run_dir, chosen[k].stage), chosen[k].offset),
                 k + 1 == chosen.size(), token_text);
  }
  if (html.empty()) return "<p class=\"none\">Nothing was sampled yet.</p>\n";
  return legend() + html;
}

}  // namespace amalgam::pipeline
