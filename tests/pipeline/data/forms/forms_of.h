// What is made of rows, as `amalgam data check --json` prints it.
#pragma once
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "configs/error.h"
#include "kernels/device/thread_pool.h"
#include "pipeline/data/forms/form_report.h"
#include "tests/temp_dir.h"

namespace amalgam::tests {

inline const std::string kRow = R"({"prompt": "p", "answer": 1})";

// Files by name and bytes; all of them are read, in the order that is given.
inline nlohmann::json forms_of_files(const std::vector<std::pair<std::string, std::string>>& files,
                                     pipeline::RowUse use = pipeline::RowUse::kPrompt) {
  const TempDir dir;
  std::vector<std::string> paths;
  for (const auto& [name, bytes] : files) {
    paths.push_back(dir / name);
    std::ofstream(paths.back(), std::ios::binary) << bytes;
  }
  pipeline::FormReport report(1);
  kernels::ThreadPool pool(2);
  try {
    report.finish(pipeline::read_rows(
        pipeline::find_input_files(paths), {.use = use, .python = "/usr/bin/python3"}, pool,
        [&](pipeline::ReadRow&& row) { report.add(std::move(row)); }));
  } catch (const Error& e) {
    report.refuse(e.what());
  }
  return nlohmann::json::parse(report.to_json(files.size() == 1));
}

inline nlohmann::json forms_of(const std::string& bytes,
                               pipeline::RowUse use = pipeline::RowUse::kPrompt) {
  return forms_of_files({{"rows", bytes}}, use);
}

// One row; what is said of it, if it is bad.
inline std::string why_bad(const std::string& row,
                           pipeline::RowUse use = pipeline::RowUse::kPrompt) {
  const nlohmann::json found = forms_of(row, use);
  return found["why"].empty() ? "" : found["why"][0].get<std::string>();
}
inline nlohmann::json first_of_rl(const std::string& row) { return forms_of(row)["first"]; }
inline nlohmann::json first_of_sft(const std::string& row) {
  return forms_of(row, pipeline::RowUse::kExample)["first"];
}
inline std::string why_bad_example(const std::string& row) {
  return why_bad(row, pipeline::RowUse::kExample);
}

}  // namespace amalgam::tests
