// Writer: the visitor that turns a config struct into TOML. Keys of array elements that equal their
// prototype are left out, so the text reads like a file somebody would write and reads back equal.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "configs/format.h"
#include "configs/schema.h"

namespace amalgam::configs {

class Writer {
 public:
  // Tables are headed [path]; with `element`, the first one is [[path]].
  explicit Writer(std::string path = "", bool element = false) {
    tables_.push_back({std::move(path), element, {}});
  }

  template <class T>
  void value(const char* key, const T& field, Range, const char*) {
    tables_[0].values.emplace_back(key, format_value(field));
  }
  template <class T>
  void value(const char* key, const T& field, const char*) {
    tables_[0].values.emplace_back(key, format_value(field));
  }
  template <class S>
  void section(const char* key, S& field, const char*) {
    Writer child(dotted(key));
    field.visit(child);
    append(child);
  }
  template <class S>
  void section_like(const char* key, S& field, const char*, const char* doc) {
    section(key, field, doc);
  }
  template <class S>
  void tables(const char* key, std::vector<S>& field, S prototype, const char*) {
    Writer base(dotted(key), true);
    prototype.visit(base);
    for (S& element : field) {
      Writer child(dotted(key), true);
      element.visit(child);
      child.drop_values_of(base);
      append(child);
    }
  }

  std::string text() const;

 private:
  struct TableText {
    std::string path;
    bool element;
    std::vector<std::pair<std::string, std::string>> values;  // key, TOML value
  };

  std::string dotted(const std::string& key) const {
    return tables_[0].path.empty() ? key : tables_[0].path + "." + key;
  }
  void append(const Writer& child);
  void drop_values_of(const Writer& base);

  std::vector<TableText> tables_;  // [0] is the struct itself
};

}  // namespace amalgam::configs
