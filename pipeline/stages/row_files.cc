#include "pipeline/stages/row_files.h"

#include "configs/error.h"
#include "pipeline/data/for_each_row.h"
#include "pipeline/data/jsonl.h"

namespace amalgam::pipeline {

std::vector<CheckedRow> read_checked_rows(kernels::ThreadPool& pool,
                                          const rollout::ToolRegistry& tools,
                                          const configs::DomainConfig& domain,
                                          const std::string& file, RowUse use) {
  std::vector<std::pair<std::string, std::string>> lines;  // with file and number
  for_each_line(file, [&](const std::string& line, const std::string& where) {
    lines.emplace_back(line, where);
  });
  if (lines.empty()) throw Error(file + ": holds no rows");
  std::vector<CheckedRow> rows(lines.size());
  for_each_row(pool, "checking " + file, static_cast<int64_t>(rows.size()), [&](int64_t i) {
    auto& [line, where] = lines[static_cast<size_t>(i)];
    CheckedRow& checked = rows[static_cast<size_t>(i)];
    try {
      checked.row = parse_row(line, where);
      check_row(tools, domain, checked.row, use, where);
    } catch (const Error& e) {
      checked.problem = e.what();
    } catch (const std::exception& e) {
      checked.problem = where + ": " + e.what();
    }
    std::string().swap(line);
  });
  return rows;
}

std::vector<RowFile> row_files(const configs::DomainConfig& domain) {
  std::vector<RowFile> files;
  const auto add = [&](const configs::Path& path, RowUse use) {
    if (!path.empty()) files.push_back({path.string(), use});
  };
  add(domain.train_file, RowUse::kPrompt);
  add(domain.validation_file, RowUse::kPrompt);
  add(domain.heldout_file, RowUse::kPrompt);
  add(domain.sft_file, RowUse::kExample);
  add(domain.anneal_file, RowUse::kExample);
  return files;
}

}  // namespace amalgam::pipeline
