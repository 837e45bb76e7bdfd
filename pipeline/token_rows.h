// Rows that carry token ids, checked against a model.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "model/model_config.h"

namespace amalgam::pipeline {

// The JSON object of a line. Throws Error beginning with `where`.
nlohmann::json parse_object(const std::string& line, const std::string& where);

// row["ids"]: at least one id, each in the vocabulary, not longer than the model's positions.
std::vector<int32_t> token_ids(const nlohmann::json& row, const std::string& where,
                               const model::ModelConfig& config);
// The same checks on ids that came from elsewhere.
void check_token_ids(const std::vector<int32_t>& ids, const std::string& where,
                     const model::ModelConfig& config);

}  // namespace amalgam::pipeline
