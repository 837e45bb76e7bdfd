// What is made of rows, as `amalgam data check --json` prints it.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/data/rows.h"

namespace amalgam::tests {

inline const std::string kRow = R"({"prompt": "p", "answer": 1})";

// Files by name and bytes; all of them are read, in the order that is given.
nlohmann::json forms_of_files(const std::vector<std::pair<std::string, std::string>>& files,
                              pipeline::RowUse use = pipeline::RowUse::kPrompt);
nlohmann::json forms_of(const std::string& bytes, pipeline::RowUse use = pipeline::RowUse::kPrompt);

// What is said of the first row that is bad, or of the file; empty: all is well.
std::string why_bad(const std::string& row, pipeline::RowUse use = pipeline::RowUse::kPrompt);
std::string why_bad_example(const std::string& row);
nlohmann::json first_of_rl(const std::string& row);
nlohmann::json first_of_sft(const std::string& row);

}  // namespace amalgam::tests
