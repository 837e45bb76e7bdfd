#include "pipeline/run_store/metrics.h"

#include <spdlog/fmt/fmt.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "configs/check.h"
#include "configs/error.h"
#include "configs/log/log.h"

namespace amalgam::pipeline {
namespace {

using Json = nlohmann::ordered_json;

// A line that a kill cut short, or one of a later step of this stage, goes.
bool keep_line(std::string_view line, const std::string& stage, int64_t last_step) {
  const Json row = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!row.is_object()) return false;
  return row.value("stage", "") != stage || row.value("step", int64_t{0}) <= last_step;
}

// Truncates metrics.jsonl and returns its path.
std::string prepare_jsonl(const std::string& run_dir, const std::string& stage, int64_t last_step) {
  const std::string path = run_dir + "/metrics.jsonl";
  if (!std::filesystem::exists(path)) return path;
  const std::string before = proto::read_file(path);
  std::string after;
  for (size_t begin = 0, end; begin < before.size(); begin = end) {
    const size_t newline = before.find('\n', begin);
    if (newline == std::string::npos) break;
    end = newline + 1;
    const auto line = std::string_view(before).substr(begin, end - begin);
    if (keep_line(line, stage, last_step)) after += line;
  }
  if (after != before) proto::write_file_atomically(path, after);
  return path;
}

}  // namespace

MetricsLogger::MetricsLogger(const std::string& run_dir, const std::string& stage, RunStore* store,
                             int64_t last_step)
    : stage_(stage),
      store_(store),
      last_step_(last_step),
      jsonl_(prepare_jsonl(run_dir, stage, last_step)),
      tensorboard_(run_dir + "/tb/" + stage, last_step) {
  store_->truncate_after(stage, last_step);
}

void MetricsLogger::log(int64_t step, const NamedValues& values) {
  CHECK_LT(last_step_, step);
  Json line = {{"stage", stage_}, {"step", step}};
  for (const auto& [name, value] : values) line[name] = value;  // NaN and infinity become null
  jsonl_.append(line.dump() + "\n");
  tensorboard_.add_scalars(step, values);
  store_->record_metrics(stage_, step, values);
  last_step_ = step;
  std::string text;
  for (const auto& [name, value] : values)
    text += fmt::format("{}{} {:.5g}", text.empty() ? "" : ", ", name, value);
  const log::At at(stage_, step);
  log::info(log::Part::kLearn, text);
}

}  // namespace amalgam::pipeline
