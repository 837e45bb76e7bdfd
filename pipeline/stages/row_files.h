// A domain's files of rows. Every row is checked as it is read, so that what cannot be used is
// known before anything is sampled from it or trained on it.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "configs/run_config.h"
#include "kernels/device/thread_pool.h"
#include "pipeline/data/forms/row_reader.h"
#include "pipeline/data/row_store.h"
#include "pipeline/stages/domain_rows.h"
#include "rollout/tools/tool_registry.h"

namespace amalgam::pipeline {

// The files of one key of a domain, and what they are read for.
struct RowFiles {
  configs::Paths paths;
  RowUse use;
};
std::vector<RowFiles> row_files(const configs::DomainConfig& domain);

// All rows in their order, as read_rows; those that the domain cannot use have a problem too.
ReadSummary read_checked_rows(const configs::RunConfig& config, kernels::ThreadPool& pool,
                              const rollout::ToolRegistry& tools,
                              const configs::DomainConfig& domain, const RowFiles& files,
                              const std::function<void(ReadRow&&)>& sink);

// The same at once, without those of other efforts than the domain's. Which of them cannot be used
// is told by `problems`: row → "rows.jsonl:417: …".
struct CheckedRows {
  RowStore rows;  // those with a problem are empty
  std::map<size_t, std::string> problems;
};
CheckedRows checked_rows(const configs::RunConfig& config, kernels::ThreadPool& pool,
                         const rollout::ToolRegistry& tools, const configs::DomainConfig& domain,
                         const RowFiles& files);

}  // namespace amalgam::pipeline
