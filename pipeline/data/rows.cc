#include "pipeline/data/rows.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "pipeline/data/row_store.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::ordered_json;

void put_json(ordered_json* object, const char* name, const std::string& text) {
  if (!text.empty()) (*object)[name] = ordered_json::parse(text);
}

void put_text(ordered_json* object, const char* name, const std::string& text) {
  if (!text.empty()) (*object)[name] = text;
}

}  // namespace

std::string Row::to_json() const {
  if (!json.empty()) return json;
  ordered_json object = ordered_json::object();
  put_text(&object, "data_source", data_source);
  put_json(&object, "prompt", prompt);
  put_text(&object, "ability", ability);
  if (!style.empty()) {
    object["reward_model"] = {{"style", style}};
    put_json(&object["reward_model"], "ground_truth", ground_truth);
  }
  put_json(&object, "extra_info", extra_info);
  put_json(&object, "tools", tools);
  put_text(&object, "mode", mode);
  put_json(&object, "messages", messages);
  return object.dump();
}

void write_jsonl(const std::string& path, const RowStore& rows) {
  std::ofstream file(path, std::ios::trunc);
  for (size_t i = 0; i < rows.size(); ++i) file << rows.json(i) << '\n';
  file.close();
  if (!file) throw Error(path + ": cannot write: " + std::strerror(errno));
}

}  // namespace amalgam::pipeline
