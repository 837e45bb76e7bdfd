// Reference: the visitor that documents every key (docs/CONFIG.md) and lists their names.
#pragma once
#include <string>
#include <type_traits>
#include <vector>

#include "configs/format.h"
#include "configs/schema.h"

namespace amalgam::configs {

class Reference {
 public:
  template <class T>
  void value(const char* key, const T& field, Range range, const char* doc) {
    row(key, format_value(field), type_of(field), describe(range), doc);
  }
  template <class T>
  void value(const char* key, const T& field, const char* doc) {
    if constexpr (std::is_enum_v<T>) {
      row(key, format_value(field), choices(names_of(field)), "", doc);
    } else {
      row(key, format_value(field), type_of(field), "", doc);
    }
  }
  template <class S>
  void section(const char* key, S& field, const char* doc) {
    open(key, "[" + dotted(key) + "]", doc);
    field.visit(*this);
    close();
  }
  template <class S>
  void section_like(const char* key, S&, const char* other, const char* doc) {
    row(key, "those of [" + std::string(other) + "]", "table", "", doc);
  }
  template <class S>
  void tables(const char* key, const std::vector<S>&, S prototype, const char* doc) {
    open(key, "[[" + dotted(key) + "]]", doc);
    prototype.visit(*this);
    close();
  }

  std::string markdown() const;  // one part per table of keys
  const std::vector<std::string>& keys() const {
    return keys_;
  }  // dotted, in the order of the visit

 private:
  struct Part {
    std::string heading, doc, rows;
  };

  static std::string type_of(bool) { return "boolean"; }
  static std::string type_of(int64_t) { return "whole number"; }
  static std::string type_of(double) { return "number"; }
  static std::string type_of(const std::string&) { return "string"; }
  static std::string type_of(const Path&) { return "path"; }
  static std::string type_of(const Paths&) { return "path or list of paths"; }
  static std::string type_of(const std::vector<double>&) { return "list of numbers"; }
  static std::string type_of(const std::vector<std::string>&) { return "list of strings"; }
  static std::string type_of(const Generator&) {
    return "`none`, `math`, `code`, `agent`, `instruct`, `reasoning_gym:NAME`";
  }
  static std::string type_of(const Names&) { return "string or list of strings"; }
  static std::string type_of(const Weights&) { return "table of numbers"; }
  static std::string type_of(const Efforts&) { return "list of efforts, or `{ bands = N }`"; }
  static std::string type_of(const Arguments&) { return "table of any values"; }
  static std::string choices(const std::vector<std::string>& names);

  std::string dotted(const std::string& key) const {
    return path_.empty() ? key : path_ + "." + key;
  }
  void row(const std::string& key, const std::string& initial, const std::string& type,
           const std::string& limits, const std::string& doc);
  void open(const std::string& key, const std::string& heading, const std::string& doc);
  void close();

  std::vector<Part> parts_{{"", "", ""}};
  std::vector<size_t> open_{0};  // parts that are being visited, outermost first
  std::vector<std::string> keys_;
  std::string path_;
};

}  // namespace amalgam::configs
