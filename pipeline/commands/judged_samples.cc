#include "pipeline/commands/judged_samples.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "configs/check.h"
#include "configs/error.h"
#include "pipeline/data/forms/row_reader.h"
#include "pipeline/run_store/machine.h"
#include "pipeline/run_store/trajectory_log.h"
#include "pipeline/stages/domain_rows.h"
#include "pipeline/stages/judge.h"
#include "pipeline/stages/judged_answers.h"
#include "pipeline/stages/run_dirs.h"
#include "pipeline/workers/domain_tools.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::ordered_json;

// Where a prompt's row is.
struct RowPlace {
  Split split;
  size_t place;
};

// "joint-train-17" of domain joint. Nothing for what is no prompt of it, as a judge's questions are
// none.
std::optional<RowPlace> row_place(const std::string& prompt_id, const std::string& domain) {
  for (const Split split : {Split::kTrain, Split::kValidation, Split::kTest}) {
    const std::string begin = domain + "-" + to_string(split) + "-";
    if (!prompt_id.starts_with(begin)) continue;
    const std::string place = prompt_id.substr(begin.size());
    constexpr size_t kMostDigits = 18;
    if (place.empty() || place.size() > kMostDigits ||
        place.find_first_not_of("0123456789") != std::string::npos)
      return std::nullopt;
    return RowPlace{split, static_cast<size_t>(std::stoull(place))};
  }
  return std::nullopt;
}

bool is_judged(const TrajectoryRow& row, const configs::DomainConfig& domain) {
  if (!row_place(row.prompt_id, domain.name)) return false;
  const bool is_cut = row.outcome == "OUTCOME_TRUNCATED" || row.finish_reason == "length";
  if (is_cut && domain.reward.incomplete != configs::Incomplete::kVerify) return false;
  return row.outcome == "OUTCOME_OK" || row.outcome == "OUTCOME_TRUNCATED" ||
         row.outcome == "OUTCOME_JUDGE_FAILED";
}

auto place_of(const TrajectoryRow& row) {
  return std::tie(row.stage, row.step, row.group, row.sample_index);
}

// A text where the row has one, else its messages.
std::string prompt_json(const Row& row) {
  if (row.prompt_form == PromptForm::kMessages) return row.prompt;
  return ordered_json::parse(row.prompt).at(0).at("content").dump();
}

configs::RunConfig judged_config(const std::string& run_dir) {
  configs::RunConfig config = recorded_config(run_dir);
  const auto has_judge = [](const auto& domain) { return domain.judge.is_on(); };
  if (std::none_of(config.domains.begin(), config.domains.end(), has_judge))
    throw Error(run_dir + ": no domain of this run has a judge (judge.form)");
  return config;
}

}  // namespace

JudgedSamples::JudgedSamples(const std::string& run_dir)
    : config_(judged_config(run_dir)),
      store_(config_.run_dir, Access::kReadOnly),
      pool_(num_threads(config_.threads)),
      tools_(load_user_tools(config_)),
      data_(config_, tools_, pool_),
      tokenizer_(model::Tokenizer::load(tokenizer_dir(config_))) {
  for (const configs::DomainConfig& domain : config_.domains) {
    if (!domain.judge.is_on()) continue;
    for (TrajectoryRow& row : store_.trajectories(domain.name))
      if (is_judged(row, domain)) all_.push_back(std::move(row));
  }
  std::sort(all_.begin(), all_.end(), [](const TrajectoryRow& a, const TrajectoryRow& b) {
    return place_of(a) < place_of(b);
  });
}

const TrajectoryRow* JudgedSamples::find(const std::string& stage, int64_t step, int64_t group,
                                         int64_t sample) const {
  const auto at = std::partition_point(all_.begin(), all_.end(), [&](const TrajectoryRow& row) {
    return std::tie(row.stage, row.step, row.group) < std::tie(stage, step, group) ||
           (std::tie(row.stage, row.step, row.group) == std::tie(stage, step, group) &&
            row.sample_index < sample);
  });
  const bool is_it = at != all_.end() && at->stage == stage && at->step == step &&
                     at->group == group && at->sample_index == sample;
  return is_it ? &*at : nullptr;
}

const configs::DomainConfig& JudgedSamples::domain_of(const TrajectoryRow& sample) const {
  const configs::DomainConfig* domain = config_.find_domain(sample.domain);
  CHECK(domain);
  return *domain;
}

bool JudgedSamples::is_compared(const TrajectoryRow& sample) const {
  return domain_of(sample).judge.form == configs::JudgeForm::kPairwise;
}

std::string JudgedSamples::id_of(const TrajectoryRow& sample) {
  return sample.stage + "/" + std::to_string(sample.step) + "/" + std::to_string(sample.group) +
         "/" + std::to_string(sample.sample_index);
}

std::optional<JudgeFormEntry> JudgedSamples::entry(const TrajectoryRow& sample) const {
  const configs::DomainConfig& domain = domain_of(sample);
  const auto [split, place] = row_place(sample.prompt_id, domain.name).value();
  const RowStore& rows = data_.of(domain.name).of(split).rows;
  const proto::Trajectory t =
      read_trajectory(trajectory_log_path(config_.run_dir, sample.stage), sample.offset);
  std::optional<PromptRow> prompt;
  if (place < rows.size()) prompt = encode_prompt(tokenizer_, tools_, domain, rows, split, place);
  const auto length = static_cast<size_t>(t.meta().prompt_length());
  if (!prompt || prompt->ids.size() != length ||
      !std::equal(prompt->ids.begin(), prompt->ids.end(), t.ids().begin()))
    throw Error(sample.prompt_id + " is no longer the prompt that " + id_of(sample) +
                " answers: files of domain " + domain.name +
                " were changed since the run; put them back");
  const std::string answer = final_text(tokenizer_, t, prompt->thinking);
  if (answer.find_first_not_of(" \t\r\n") == std::string::npos) return std::nullopt;
  const Row row = row_from_json(prompt->row(), RowUse::kPrompt, sample.prompt_id);
  return JudgeFormEntry{.id = id_of(sample),
                        .prompt = prompt_json(row),
                        .rubric = row.rubric,
                        .reference = rubric_prompt(row).reference,
                        .answers = {answer}};
}

}  // namespace amalgam::pipeline
