#include "pipeline/data/unused_keys.h"

#include <algorithm>
#include <set>

#include "configs/log/log.h"
#include "configs/printable.h"
#include "configs/suggest.h"

namespace amalgam::pipeline {
namespace {

std::string quoted(const std::string& key) { return "\"" + printable(key) + "\""; }

std::string hint(const std::string& key, const std::vector<std::string>& known) {
  if (key.find('.') != std::string::npos) return "";  // inside a key that is read
  const std::string name = configs::nearest(key, known);
  return name.empty() || name == key ? "" : "; did you mean " + quoted(name) + "?";
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

void UnusedKeys::add_row(const std::vector<std::string>& keys,
                         const std::vector<std::string>& known,
                         const std::vector<std::string>& near) {
  for (const std::string& key : keys)
    if (!contains(known, key))
      add("column " + quoted(key) + " is not used" + hint(key, near.empty() ? known : near));
}

void UnusedKeys::add_messages(const std::vector<model::UnusedMessageKey>& unused) {
  // Once a row, however many of its messages have it.
  for (const auto& u : std::set(unused.begin(), unused.end())) {
    std::string text = "key " + quoted(u.key) + " of messages";
    if (!u.role.empty()) text += " with role " + u.role;
    add(text + " is not used" + (u.role.empty() ? hint(u.key, model::message_keys()) : ""));
  }
}

void UnusedKeys::add_all(const UnusedKeys& others) {
  for (const auto& [text, rows] : others.rows_) rows_[text] += rows;
}

std::vector<std::string> UnusedKeys::lines() const {
  std::vector<std::string> all;
  for (const auto& [text, rows] : rows_)
    all.push_back(file_ + ": " + text + " (" + std::to_string(rows) +
                  (rows == 1 ? " row)" : " rows)"));
  return all;
}

void UnusedKeys::say() const {
  for (const std::string& line : lines()) log::warn(log::Part::kData, line);
}

}  // namespace amalgam::pipeline
