#include "pipeline/stages/row_files.h"

#include "configs/error.h"
#include "pipeline/data/forms/row_reader.h"
#include "pipeline/stages/row_teachers.h"

namespace amalgam::pipeline {

ReadSummary read_checked_rows(const configs::RunConfig& config, kernels::ThreadPool& pool,
                              const rollout::ToolRegistry& tools,
                              const configs::DomainConfig& domain, const RowFiles& files,
                              const std::function<void(ReadRow&&)>& sink) {
  const rewards::Scorer scorer = row_checker(domain);
  const ReadOptions options = {
      .use = files.use, .python = domain.reward.interpreter(), .check = [&](ReadRow* row) {
        const Row& r = row->understood.row;
        check_row(tools, domain, scorer, r, files.use);
        if (files.use == RowUse::kPrompt && is_of_efforts(domain, r))
          (void)row_teachers(config, domain, r);
      }};
  return read_rows(find_input_files(files.paths.strings()), options, pool, sink);
}

CheckedRows checked_rows(const configs::RunConfig& config, kernels::ThreadPool& pool,
                         const rollout::ToolRegistry& tools, const configs::DomainConfig& domain,
                         const RowFiles& files) {
  CheckedRows all;
  std::vector<std::pair<size_t, std::string>> lack_truth;  // with their places
  const ReadSummary summary =
      read_checked_rows(config, pool, tools, domain, files, [&](ReadRow&& row) {
        if (row.problem.empty() && !is_of_efforts(domain, row.understood.row)) return;
        const size_t i = all.rows.size();
        if (!row.problem.empty()) {
          all.problems[i] = row.where() + ": " + row.problem;
          all.rows.add("");
          return;
        }
        if (row.understood.lacks_truth) lack_truth.emplace_back(i, row.where());
        all.rows.add(row.understood.row.json);
      });
  if (summary.needs_truth)
    for (const auto& [i, where] : lack_truth) all.problems[i] = where + ": " + kNoTruth;
  return all;
}

std::vector<RowFiles> row_files(const configs::DomainConfig& domain) {
  std::vector<RowFiles> files;
  const auto add = [&](const configs::Paths& paths, RowUse use) {
    if (!paths.empty()) files.push_back({paths, use});
  };
  add(domain.train_file, RowUse::kPrompt);
  add(domain.validation_file, RowUse::kPrompt);
  add(domain.heldout_file, RowUse::kPrompt);
  add(domain.sft_file, RowUse::kExample);
  add(domain.anneal_file, RowUse::kExample);
  return files;
}

}  // namespace amalgam::pipeline
