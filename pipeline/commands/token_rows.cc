#include "pipeline/commands/token_rows.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace amalgam::pipeline {

nlohmann::ordered_json parse_object(const std::string& line, const std::string& where) {
  const auto row = nlohmann::ordered_json::parse(line, nullptr, false);
  if (row.is_discarded()) throw Error(where + ": is not JSON");
  if (!row.is_object()) throw Error(where + ": is not a JSON object");
  return row;
}

std::vector<std::string> key_names(const nlohmann::ordered_json& row) {
  std::vector<std::string> names;
  for (const auto& [name, value] : row.items())
    if (!value.is_null()) names.push_back(name);
  return names;
}

void check_token_ids(const std::vector<int32_t>& ids, const std::string& where,
                     const model::ModelConfig& config) {
  if (ids.empty()) throw Error(where + ": no tokens");
  if (static_cast<int64_t>(ids.size()) > config.max_position_embeddings)
    throw Error(where + ": " + std::to_string(ids.size()) + " tokens, but the model has " +
                std::to_string(config.max_position_embeddings) + " positions");
  for (const int32_t id : ids)
    if (id < 0 || id >= config.vocab_size)
      throw Error(where + ": token id " + std::to_string(id) + " is not in 0 … " +
                  std::to_string(config.vocab_size - 1));
}

std::string text_member(const nlohmann::ordered_json& row, const char* key,
                        const std::string& where) {
  const auto it = row.find(key);
  if (it == row.end() || !it->is_string()) throw Error(where + ": needs \"" + key + "\", a string");
  return it->get<std::string>();
}

std::vector<int32_t> id_list(const nlohmann::ordered_json& row, const std::string& where) {
  const auto it = row.find("ids");
  if (it == row.end() || !it->is_array())
    throw Error(where + ": needs \"ids\", a list of token ids");
  std::vector<int32_t> ids;
  for (const auto& v : *it) {
    if (!v.is_number_integer() || v.get<double>() < 0 || v.get<double>() > 2147483647.0)
      throw Error(where + ": \"ids\" holds something that is not a token id");
    ids.push_back(v.get<int32_t>());
  }
  return ids;
}

std::string ids_row(const std::vector<int32_t>& ids) {
  std::string row = "{\"ids\": [";
  row.reserve(row.size() + 8 * ids.size() + 2);
  char digits[16];
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) row += ", ";
    row.append(digits, std::to_chars(digits, digits + sizeof digits, ids[i]).ptr);
  }
  return row + "]}";
}

std::vector<int32_t> token_ids(const nlohmann::ordered_json& row, const std::string& where,
                               const model::ModelConfig& config) {
  std::vector<int32_t> ids = id_list(row, where);
  check_token_ids(ids, where, config);
  return ids;
}

}  // namespace amalgam::pipeline
