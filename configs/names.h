// Names: one name, or a list of them.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace amalgam::configs {

struct Names {
  Names() = default;
  Names(std::string name) {
    if (!name.empty()) all.push_back(std::move(name));
  }
  Names(const char* name) : Names(std::string(name)) {}
  Names(std::vector<std::string> names) : all(std::move(names)) {}
  bool operator==(const Names&) const = default;

  bool empty() const { return all.empty(); }

  std::vector<std::string> all;
};

}  // namespace amalgam::configs
