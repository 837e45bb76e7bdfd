// Rows that carry token ids, checked against a model.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "model/network/model_config.h"

namespace amalgam::pipeline {

// The JSON object of a line, its keys in their order. Throws Error beginning with `where`.
nlohmann::ordered_json parse_object(const std::string& line, const std::string& where);

std::vector<std::string> key_names(
    const nlohmann::ordered_json& row);  // of values that are not null

// row[key]. Throws Error when there is no such string.
std::string text_member(const nlohmann::ordered_json& row, const char* key,
                        const std::string& where);
// row["ids"]: any number of ids that fit 31 bits.
std::vector<int32_t> id_list(const nlohmann::ordered_json& row, const std::string& where);
// {"ids": [1, 2]}, without a line break.
std::string ids_row(const std::vector<int32_t>& ids);

// row["ids"]: at least one id, each in the vocabulary, not longer than the model's positions.
std::vector<int32_t> token_ids(const nlohmann::ordered_json& row, const std::string& where,
                               const model::ModelConfig& config);
// The same checks on ids that came from elsewhere.
void check_token_ids(const std::vector<int32_t>& ids, const std::string& where,
                     const model::ModelConfig& config);

}  // namespace amalgam::pipeline
