// A domain's files of rows. Every row is checked as it is read, so that what cannot be used is
// known before anything is sampled from it or trained on it.
#pragma once
#include <string>
#include <vector>

#include "configs/run_config.h"
#include "kernels/device/thread_pool.h"
#include "pipeline/data/rows.h"
#include "pipeline/stages/domain_rows.h"
#include "rollout/tools/tool_registry.h"

namespace amalgam::pipeline {

struct CheckedRow {
  Row row;
  std::string problem;  // "rows.jsonl:417: …"; empty: the row can be used
};

// All rows of a JSONL file, in their order, read on the pool's threads. Throws Error when the file
// cannot be read or holds no row.
std::vector<CheckedRow> read_checked_rows(kernels::ThreadPool& pool,
                                          const rollout::ToolRegistry& tools,
                                          const configs::DomainConfig& domain,
                                          const std::string& file, RowUse use);

// The files that a domain's config names, each with its use.
struct RowFile {
  std::string path;
  RowUse use;
};
std::vector<RowFile> row_files(const configs::DomainConfig& domain);

}  // namespace amalgam::pipeline
