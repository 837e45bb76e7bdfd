// The columns of one row, while it is found out which of them is what.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/data/forms/value.h"

namespace amalgam::pipeline {

class RowColumns {
 public:
  explicit RowColumns(Value row) : row_(std::move(row)) {}

  // A column's value; nullptr when it is absent: null, and of the columns that may be JSON texts a
  // blank one, {} for `reward_model` and `extra_info`. Throws BadRow for such a text that is no
  // JSON.
  const Value* get(const std::string& name);
  // The same without reading JSON texts: whether there is anything.
  bool has(std::string_view name) const;

  // "a.b": the member b of the column a.
  const Value* get_path(const std::string& path);

  // That `field` was found at the path. A column may make several fields.
  void understand(const char* field, const std::string& path);
  const std::vector<std::pair<const char*, std::string>>& understood() const { return understood_; }

  std::vector<std::string> names() const;  // of those with a value
  // Those that make no field.
  std::vector<std::string> others() const;

 private:
  const Value row_;
  std::map<std::string, Value, std::less<>> parsed_;  // of JSON texts
  std::vector<std::pair<const char*, std::string>> understood_;
};

// Whether a path is that of the column, or of a member of it.
bool is_of_column(std::string_view path, std::string_view column);

// The first of the paths that is not absent; its value is nullptr if there is none.
struct Found {
  const Value* value = nullptr;
  std::string path;
};
Found first_of(RowColumns* columns, const std::vector<const char*>& paths);

}  // namespace amalgam::pipeline
