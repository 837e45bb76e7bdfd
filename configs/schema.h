// How a config struct describes itself. Each struct has ONE member
//     template <class V> void visit(V& v)
// that names every key with its documentation (and range) and so serves reading from TOML and
// overrides (reader.h), writing the resolved config (writer.h) and docs/CONFIG.md (reference.h).
// A visitor has these members:
//     v.value(key, field, range, doc)     int64_t, double, and lists or maps of them
//     v.value(key, field, doc)            bool, string, path, Paths, Names, list of strings,
//                                         enum, Generator, Efforts, Arguments
//
//     v.section(key, struct, doc)         a table: [key]
//
//     v.section_like(key, struct, other, doc)
//                                         a table with the keys of `other`, whose values it
//                                         starts from
//
//     v.tables(key, vector, prototype, doc)
//                                         an array of tables: [[key]]; elements start as
//                                         `prototype`
//
// A struct with `static constexpr const char* kListKey` may be given as an array of tables: the
// value of that key of it. Enums declare
//
//     names_of(E) -> std::vector<std::string>   in the order of their values.
//
// A struct whose keys imply others may have `void resolve()`, which is called once all are read. A
// struct whose keys constrain each other also has
//
//     std::optional<Problem> problem() const
#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace amalgam::configs {

using Path = std::filesystem::path;  // relative to the file that names it; absolute once read
using Weights = std::map<std::string, double>;

// Closed interval.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool contains(double x) const { return x >= min && x <= max; }  // false for NaN
};
inline Range at_least(double min) { return {min, std::numeric_limits<double>::max()}; }
inline Range between(double min, double max) { return {min, max}; }

// Files of rows, given as one text or a list of them: files, globs or folders.
struct Paths {
  Paths() = default;
  Paths(Path path) {
    if (!path.empty()) all.push_back(std::move(path));
  }
  Paths(const char* path) : Paths(Path(path)) {}
  Paths(const std::string& path) : Paths(Path(path)) {}
  bool operator==(const Paths&) const = default;

  bool empty() const { return all.empty(); }
  std::vector<std::string> strings() const;
  std::string text() const;  // "a.jsonl", or "a.jsonl, b.jsonl"

  std::vector<Path> all;
};

// What is wrong between several keys. `key` is dotted and relative to the struct that reports it.
struct Problem {
  std::string key, what;
};

// What may be a folder's name, a metric's and a table's column.
inline bool is_identifier(const std::string& name) {
  return !name.empty() &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
}

template <class E>
requires std::is_enum_v<E> std::string name_of(E e) { return names_of(e)[static_cast<size_t>(e)]; }

}  // namespace amalgam::configs
