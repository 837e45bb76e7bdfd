// Arguments: a table of any values, as keyword arguments of a user's function.
#pragma once
#include <string>
#include <vector>

namespace amalgam::configs {

struct Node;

struct Arguments {
  std::string toml = "{}";  // an inline table
  std::string json = "{}";  // the same
  std::vector<std::string> names = {};

  bool has(const std::string& name) const;
  bool operator==(const Arguments&) const = default;
};

// `table` is one; `key` is its name. Throws Error for a number that JSON does not have.
Arguments arguments_of(const Node& table, const std::string& key);

}  // namespace amalgam::configs
