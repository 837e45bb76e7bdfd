#include "tests/pipeline/data/forms/forms_of.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "kernels/device/thread_pool.h"
#include "pipeline/data/forms/form_report.h"
#include "tests/temp_dir.h"

namespace amalgam::tests {

using nlohmann::json;
using pipeline::RowUse;

json forms_of_files(const std::vector<std::pair<std::string, std::string>>& files, RowUse use) {
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
  return json::parse(report.to_json(files.size() == 1));
}

json forms_of(const std::string& bytes, RowUse use) {
  return forms_of_files({{"rows", bytes}}, use);
}

std::string why_bad(const std::string& row, RowUse use) {
  const json found = forms_of(row, use);
  return found["why"].empty() ? "" : found["why"][0].get<std::string>();
}

std::string why_bad_example(const std::string& row) { return why_bad(row, RowUse::kExample); }
json first_of_rl(const std::string& row) { return forms_of(row)["first"]; }
json first_of_sft(const std::string& row) { return forms_of(row, RowUse::kExample)["first"]; }

}  // namespace amalgam::tests
