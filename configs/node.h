// Node: one value of a parsed config with the place it came from. The only view of TOML that the
// rest of the program sees; configs/toml.cc makes it, configs/reader.h reads structs out of it.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace amalgam::configs {

struct Node;
using Array = std::vector<Node>;
using Table = std::vector<std::pair<std::string, Node>>;  // in the order of the file

// A file, or the command line.
struct Source {
  std::string name;                 // "configs/ci.toml", "command line"
  std::filesystem::path directory;  // relative paths in it start here
};

struct Node {
  std::variant<bool, int64_t, double, std::string, Array, Table> value;
  std::shared_ptr<const Source> source;
  int64_t line = 0;  // 0: no line (command line)

  template <class T>
  const T* get() const {
    return std::get_if<T>(&value);
  }
  template <class T>
  T* get() {
    return std::get_if<T>(&value);
  }

  std::string origin() const;                      // "configs/ci.toml:12" or "command line"
  std::string kind() const;                        // "a string", "a table", … for messages
  const Node* find(const std::string& key) const;  // a table's member; null: absent, or no table
  Node* find(const std::string& key);
};

}  // namespace amalgam::configs
