#include "pipeline/run_store/set_counts.h"

#include <spdlog/fmt/fmt.h>

#include <map>
#include <tuple>

namespace amalgam::pipeline {
namespace {

constexpr char kSetPrefix[] = "prompts", kMasked[] = "masked_samples";

struct Reason {
  const char* name;  // figure "prompts_NAME/SET/DOMAIN"
  int64_t SetCounts::*count;
  const char* text;  // after the number
};
constexpr Reason kReasons[] = {
    {"bad", &SetCounts::bad, "that cannot be used"},
    {"repeated", &SetCounts::repeated, "whose prompt is in an earlier set"},
    {"too_long", &SetCounts::too_long, "longer than {} tokens"},
    {"not_asked", &SetCounts::not_asked, "more than the config asks for"},
    {"not_scored", &SetCounts::not_scored, "without an answer that could be scored"},
};

// f(name of the figure without set and domain, count) for every count.
template <class Counts, class F>
void for_each_count(Counts& counts, const F& f) {
  f(std::string(kSetPrefix), counts.used);
  for (const Reason& r : kReasons) f(std::string(kSetPrefix) + "_" + r.name, counts.*r.count);
  f(std::string(kSetPrefix) + "_max_length", counts.max_prompt_length);
  f(std::string(kSetPrefix) + "_" + kMasked, counts.masked_samples);
}

}  // namespace

void SetCounts::add(const SetCounts& other) {
  used += other.used;
  masked_samples += other.masked_samples;
  for (const Reason& r : kReasons) this->*r.count += other.*r.count;
}

void record_set(RunStore& store, const SetRow& row) {
  for_each_count(row.counts, [&](const std::string& name, int64_t count) {
    store.set_figure(row.stage, name + "/" + row.set + "/" + row.domain,
                     static_cast<double>(count));
  });
}

std::vector<SetRow> recorded_sets(const RunStore& store) {
  std::map<std::tuple<std::string, std::string, std::string>, SetCounts> found;
  for (const FigureRow& figure : store.figures_like(std::string(kSetPrefix) + "*/*/*")) {
    const size_t first = figure.name.find('/'), second = figure.name.find('/', first + 1);
    SetCounts& counts = found[{figure.stage, figure.name.substr(second + 1),
                               figure.name.substr(first + 1, second - first - 1)}];
    for_each_count(counts, [&](const std::string& name, int64_t& count) {
      if (figure.name.compare(0, first, name) == 0) count = static_cast<int64_t>(figure.value);
    });
  }
  std::vector<SetRow> rows;
  for (const auto& [key, counts] : found)
    rows.push_back({std::get<0>(key), std::get<2>(key), std::get<1>(key), counts});
  return rows;
}

SetCounts counts_of(const std::vector<SetRow>& sets, const EvalRow& eval) {
  for (const SetRow& row : sets)
    if (row.stage == eval.stage && row.domain == eval.domain) return row.counts;
  return {};
}

std::vector<std::pair<std::string, int64_t>> left_out_by_reason(const SetCounts& counts) {
  std::vector<std::pair<std::string, int64_t>> found;
  for (const Reason& r : kReasons)
    if (counts.*r.count > 0) found.emplace_back(r.name, counts.*r.count);
  if (counts.masked_samples > 0) found.emplace_back(kMasked, counts.masked_samples);
  return found;
}

std::string set_text(const SetCounts& counts) {
  std::string text = fmt::format("{} ", counts.used);
  if (counts.left_out() > 0) text += fmt::format("of {} ", counts.used + counts.left_out());
  text += "prompts";
  const char* separator = ": ";
  for (const Reason& r : kReasons) {
    if (counts.*r.count == 0) continue;
    text += fmt::format("{}{} ", separator, counts.*r.count) +
            fmt::format(fmt::runtime(r.text), counts.max_prompt_length);
    separator = ", ";
  }
  if (counts.masked_samples > 0)
    text += fmt::format("; {} of their samples could not be scored", counts.masked_samples);
  return text;
}

}  // namespace amalgam::pipeline
