#include "configs/reference.h"

namespace amalgam::configs {

std::string Reference::choices(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "`" : ", `") + name + "`";
  return text;
}

void Reference::row(const std::string& key, const std::string& initial, const std::string& type,
                    const std::string& limits, const std::string& doc) {
  keys_.push_back(dotted(key));
  const bool is_value = type != "table";
  parts_[open_.back()].rows += "| `" + key + "` | " + (is_value ? "`" + initial + "`" : initial) +
                               " | " + type + (limits.empty() ? "" : " " + limits) + " | " + doc +
                               " |\n";
}

void Reference::open(const std::string& key, const std::string& heading, const std::string& doc) {
  keys_.push_back(dotted(key));
  path_ = dotted(key);
  open_.push_back(parts_.size());
  parts_.push_back({heading, doc, ""});
}

void Reference::close() {
  open_.pop_back();
  const size_t dot = path_.rfind('.');
  path_ = dot == std::string::npos ? "" : path_.substr(0, dot);
}

std::string Reference::markdown() const {
  std::string text;
  for (const Part& part : parts_) {
    if (!part.heading.empty()) text += "\n## `" + part.heading + "`\n\n" + part.doc + "\n";
    if (part.rows.empty()) continue;
    text += "\n| key | default | values | meaning |\n|---|---|---|---|\n" + part.rows;
  }
  return text;
}

}  // namespace amalgam::configs
