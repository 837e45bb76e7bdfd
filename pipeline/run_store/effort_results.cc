#include "pipeline/run_store/effort_results.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "configs/domain_config.h"
#include "pipeline/run_store/results.h"
#include "pipeline/run_store/text_format.h"

namespace amalgam::pipeline {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::pair<const char*, double EffortSums::*> kSums[] = {
    {"effort/n", &EffortSums::n},           {"effort/b", &EffortSums::b},
    {"effort/length", &EffortSums::length}, {"effort/bb", &EffortSums::bb},
    {"effort/ll", &EffortSums::ll},         {"effort/bl", &EffortSums::bl}};

EffortTable& table_of(std::vector<EffortTable>* tables, const std::string& domain) {
  for (EffortTable& t : *tables)
    if (t.domain == domain) return t;
  return tables->emplace_back(EffortTable{.domain = domain, .modes = {}, .correlation = {}});
}

Json to_json(const Score& accuracy, const Score& tokens) {
  return {{"accuracy", accuracy.mean},
          {"accuracy_se", accuracy.standard_error},
          {"tokens", tokens.mean},
          {"tokens_se", tokens.standard_error}};
}

std::string one_decimal(const Score& s) {
  return std::isnan(s.mean) ? "–" : fmt::format("{:.1f}", s.mean);
}

// "78.3 ± 2.1 %, 9.4 t"
std::string cell(const Score& accuracy, const Score& tokens) {
  return std::isnan(accuracy.mean) ? "–"
                                   : format_score(accuracy) + " " + one_decimal(tokens) + " t";
}

// Padded to a width in characters, of which "±" and "–" are one.
std::string right(const std::string& text, size_t width) {
  const auto shown = static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
  return std::string(shown < width ? width - shown : 1, ' ') + text;
}

std::string table_text(const EffortTable& t, const std::vector<std::string>& models,
                       Score EffortScores::*accuracy, Score EffortScores::*tokens) {
  std::string text;
  for (const auto& [mode, scores] : t.modes) {
    text += fmt::format("  {:<14}", mode);
    for (const std::string& model : models) {
      const auto it = scores.find(model);
      text += right(it == scores.end() ? "–" : cell(it->second.*accuracy, it->second.*tokens), 24);
    }
    text += "\n";
  }
  return text;
}

// The smallest budgets that hold every answer are the same: the last columns are left out.
std::string budgets_text(const EffortTable& t, const std::string& model) {
  std::vector<const EffortScores*> rows;
  std::string text;
  size_t columns = 0;
  for (const auto& [mode, scores] : t.modes) {
    const auto it = scores.find(model);
    if (it == scores.end() || it->second.within.empty()) return "";
    const auto& within = it->second.within;
    for (size_t i = 0; i < within.size(); ++i)
      if (within[i].second.mean < within.back().second.mean) columns = std::max(columns, i + 2);
  }
  if (columns == 0) return "";
  text = fmt::format("  {:<14}", "tokens at most");
  bool has_head = false;
  std::string body;
  for (const auto& [mode, scores] : t.modes) {
    const auto& within = scores.at(model).within;
    body += fmt::format("  {:<14}", mode);
    for (size_t i = 0; i < std::min(columns, within.size()); ++i) {
      if (!has_head) text += fmt::format("{:>6}", within[i].first);
      const Score& s = within[i].second;
      body += s.is_share ? fmt::format("{:>6.0f}", 100 * s.mean) : fmt::format("{:>6.2f}", s.mean);
    }
    has_head = true;
    body += "\n";
  }
  return text + "\n" + body;
}

}  // namespace

void EffortSums::add(double number, double tokens) {
  n += 1, b += number, length += tokens;
  bb += number * number, ll += tokens * tokens, bl += number * tokens;
}

void EffortSums::add(const EffortSums& other) {
  for (const auto& [name, sum] : kSums) this->*sum += other.*sum;
}

double EffortSums::correlation() const {
  const double spread = (n * bb - b * b) * (n * ll - length * length);
  return spread > 0 ? (n * bl - b * length) / std::sqrt(spread) : kUnknown;
}

void EffortSums::record(RunStore* store, const std::string& stage) const {
  for (const auto& [name, sum] : kSums) store->set_figure(stage, name, this->*sum);
}

EffortSums EffortSums::recorded(const RunStore& store, const std::string& stage) {
  EffortSums sums;
  for (const auto& [name, sum] : kSums) sums.*sum = store.figure(stage, name).value_or(0);
  return sums;
}

std::vector<EffortTable> effort_tables(const RunStore& store,
                                       const std::vector<DomainScores>& domains) {
  std::vector<EffortTable> tables;
  std::map<std::string, std::map<std::string, EffortSums>> sums;  // domain, model
  for (const DomainScores& d : domains) {
    const auto [domain, mode] = configs::split_domain_name(d.domain);
    if (mode.empty()) continue;
    std::map<std::string, EffortScores> scores;
    for (const auto& [model, accuracy] : d.sampled) {
      EffortScores& s = scores[model];
      const auto metric = [&](const std::string& name) {
        // Scores on all rows stand where there are no others, as in the other tables.
        for (const std::string& suffix : {std::string(), std::string(kAllRowsSuffix)})
          if (const auto it = d.metrics.find(name + suffix);
              it != d.metrics.end() && it->second.contains(model))
            return it->second.at(model);
        return Score{};
      };
      s.accuracy = accuracy;
      s.greedy_accuracy = DomainScores::of(d.greedy, model);
      s.tokens = metric(kTokensMetric);
      s.greedy_tokens = metric(kGreedyTokensMetric);
      const std::string prefix = kWithinMetricPrefix;
      for (const auto& [name, by_model] : d.metrics)
        if (name.starts_with(prefix) && !name.ends_with(kAllRowsSuffix))
          s.within.emplace_back(std::stoll(name.substr(prefix.size())),
                                DomainScores::of(by_model, model));
      std::sort(s.within.begin(), s.within.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
      if (!configs::is_effort_word(mode))
        sums[domain][model].add(
            EffortSums::recorded(store, evaluation_stage(model, d.domain, kSampledKind)));
    }
    table_of(&tables, domain).modes.emplace_back(mode, std::move(scores));
  }
  for (EffortTable& t : tables) {
    std::stable_sort(t.modes.begin(), t.modes.end(), [](const auto& a, const auto& b) {
      return configs::mode_before(a.first, b.first);
    });
    for (const auto& [model, s] : sums[t.domain]) t.correlation[model] = s.correlation();
  }
  return tables;
}

void add_efforts(const std::vector<EffortTable>& tables, Json* json) {
  if (tables.empty()) return;
  for (const EffortTable& t : tables) {
    for (const auto& [mode, scores] : t.modes)
      for (const auto& [model, s] : scores) {
        (*json)["efforts"][t.domain][mode][model] = to_json(s.accuracy, s.tokens);
        (*json)["efforts_greedy"][t.domain][mode][model] =
            to_json(s.greedy_accuracy, s.greedy_tokens);
      }
    for (const auto& [model, r] : t.correlation) (*json)["effort_correlation"][t.domain][model] = r;
  }
}

std::string efforts_text(const std::vector<EffortTable>& tables,
                         const std::vector<std::string>& models) {
  std::string text;
  for (const EffortTable& t : tables) {
    text += fmt::format("efforts of {}: mean reward and tokens, sampled\n  {:<14}", t.domain, "");
    for (const std::string& model : models) text += fmt::format("{:>24}", model);
    text += "\n" + table_text(t, models, &EffortScores::accuracy, &EffortScores::tokens);
    text += "  greedy\n" +
            table_text(t, models, &EffortScores::greedy_accuracy, &EffortScores::greedy_tokens);
    if (!t.correlation.empty()) {
      text += "  correlation of the number and the length:";
      for (const std::string& model : models)
        if (const auto it = t.correlation.find(model); it != t.correlation.end())
          text += fmt::format(" {} {:.2f}", model, it->second);
      text += "\n";
    }
    // Of the other models results.json has them.
    for (const std::string& model : models)
      if (const bool is_shown = model == kStudent || model == kScored; !is_shown)
        continue;
      else if (const std::string at = budgets_text(t, model); !at.empty())
        text += fmt::format("  {} when longer answers count as 0\n", model) + at;
  }
  return text;
}

}  // namespace amalgam::pipeline
