#include "rollout/tools/row_world.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace amalgam::rollout {
namespace {

using nlohmann::json;

constexpr size_t kMaxNameBytes = 64;

bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '-';
}

bool is_file_name(const std::string& text) {
  return !text.empty() && text.size() <= kMaxNameBytes && is_plain(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_plain(c) || c == '.'; });
}

}  // namespace

bool is_store_key(const std::string& text) {
  return !text.empty() && text.size() <= kMaxNameBytes &&
         std::all_of(text.begin(), text.end(), is_plain);
}

std::map<std::string, std::string> read_row_files(const std::string& extra_info) {
  std::map<std::string, std::string> files;
  if (extra_info.empty()) return files;
  const json info = json::parse(extra_info, nullptr, /*allow_exceptions=*/false);
  const std::string where = "extra_info: ";
  if (!info.is_object()) throw Error(where + "not a JSON object");
  const json world = info.value("sandbox", json::object());
  if (!world.is_object()) throw Error(where + "sandbox must be {\"kv\": {…}, \"files\": {…}}");
  const json kv = world.value("kv", json::object()), texts = world.value("files", json::object());
  if (!kv.is_object() || !texts.is_object())
    throw Error(where + "sandbox.kv and sandbox.files must be objects of strings");
  for (const auto& [key, value] : kv.items()) {
    if (!is_store_key(key) || !value.is_string() ||
        value.get<std::string>().find('\n') != std::string::npos)
      throw Error(where + "sandbox.kv: cannot store \"" + key +
                  "\" (keys of letters and digits, "
                  "values of one line)");
    files[kStoreFile] += key + " " + value.get<std::string>() + "\n";
  }
  for (const auto& [name, text] : texts.items()) {
    if (!is_file_name(name) || name == kStoreFile || !text.is_string())
      throw Error(where + "sandbox.files: cannot store \"" + name + "\"");
    files[name] = text.get<std::string>();
  }
  return files;
}

}  // namespace amalgam::rollout
