#include "pipeline/data/forms/row_columns.h"

#include <algorithm>
#include <array>

#include "pipeline/data/forms/bad_row.h"
#include "pipeline/data/forms/chat_messages.h"
#include "pipeline/data/forms/json_scanner.h"

namespace amalgam::pipeline {
namespace {

constexpr std::array<std::string_view, 9> kJsonTexts = {"messages",     "conversations", "tools",
                                                        "tool_defs",    "rubric",        "rubrics",
                                                        "reward_model", "extra_info",    "info"};

bool may_be_json_text(std::string_view name) {
  return std::find(kJsonTexts.begin(), kJsonTexts.end(), name) != kJsonTexts.end();
}

bool may_be_empty_object(std::string_view name) {
  return name != "reward_model" && name != "extra_info";
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_json_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_json_space(text.back())) text.remove_suffix(1);
  return text;
}

bool is_absent(std::string_view name, const Value& value) {
  if (value.is_null()) return true;
  if (value.is_string() && may_be_json_text(name)) {
    const std::string_view text = trimmed(value.text());
    return text.empty() || text == "null" || (text == "{}" && !may_be_empty_object(name));
  }
  return value.is_object() && value.object().empty() && !may_be_empty_object(name);
}

}  // namespace

bool RowColumns::has(std::string_view name) const {
  const Value* value = row_.find(name);
  return value && !is_absent(name, *value);
}

const Value* RowColumns::get(const std::string& name) {
  const Value* value = row_.find(name);
  if (!value || is_absent(name, *value)) return nullptr;
  if (!value->is_string() || !may_be_json_text(name)) return value;
  auto it = parsed_.find(name);
  if (it == parsed_.end()) {
    try {
      it = parsed_.emplace(name, value_of_text(*value, name)).first;
    } catch (const BadRow& bad) {
      throw BadRow{"column " + bad.why};
    }
  }
  return is_absent(name, it->second) ? nullptr : &it->second;
}

const Value* RowColumns::get_path(const std::string& path) {
  const size_t dot = path.find('.');
  if (dot == path.npos) return get(path);
  const Value* column = get(path.substr(0, dot));
  return column ? column->find(path.substr(dot + 1)) : nullptr;
}

void RowColumns::understand(const char* field, const std::string& path) {
  understood_.emplace_back(field, path);
}

std::vector<std::string> RowColumns::names() const {
  std::vector<std::string> all;
  for (const Member& member : row_.object())
    if (!is_absent(member.key, member.value)) all.push_back(member.key);
  return all;
}

std::vector<std::string> RowColumns::others() const {
  std::vector<std::string> all = names();
  std::erase_if(all, [&](const std::string& name) {
    return std::any_of(understood_.begin(), understood_.end(),
                       [&](const auto& field) { return is_of_column(field.second, name); });
  });
  return all;
}

bool is_of_column(std::string_view path, std::string_view column) {
  return path.starts_with(column) && (path.size() == column.size() || path[column.size()] == '.');
}

Found first_of(RowColumns* columns, const std::vector<const char*>& paths) {
  for (const char* path : paths)
    if (const Value* value = columns->get_path(path)) return {value, path};
  return {};
}

}  // namespace amalgam::pipeline
