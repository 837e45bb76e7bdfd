// Reader: the visitor that fills a config struct from a Node tree. Absent keys keep their value.
// Throws Error "file:line: key: what is wrong; what to do" for a wrong type, a value out of range,
// an unknown key (with the nearest known one, or the one that another program's name is) and for
// what the struct's problem() finds.
#pragma once
#include <string>
#include <vector>

#include "configs/arguments.h"
#include "configs/effort.h"
#include "configs/generator.h"
#include "configs/names.h"
#include "configs/node.h"
#include "configs/schema.h"

namespace amalgam::configs {

[[noreturn]] void fail(const Node& node, const std::string& key, const std::string& what);

class Reader {
 public:
  // `table` must outlive the Reader. `path` is its dotted key, empty for the root. `all_keys`:
  // every key of the program in dotted form, to suggest the right table for a misplaced key.
  Reader(const Node& table, std::string path, const std::vector<std::string>& all_keys);

  template <class T>
  void value(const char* key, T& field, Range range, const char*) {
    if (const Node* node = take(key)) read(*node, dotted(key), range, &field);
  }
  template <class T>
  void value(const char* key, T& field, const char*) {
    const Node* node = take(key);
    if (!node) return;
    if constexpr (std::is_enum_v<T>) {
      field = static_cast<T>(read_choice(*node, dotted(key), names_of(field)));
    } else {
      read(*node, dotted(key), &field);
    }
  }
  template <class S>
  void section(const char* key, S& field, const char*) {
    const Node* node = take(key);
    if (!node) return;
    if constexpr (requires { S::kListKey; }) {  // [[key]] is short for [[key.LIST]]
      if (node->get<Array>()) {
        const Node table{Table{{S::kListKey, *node}}, node->source, node->line};
        Reader(table, dotted(key), *all_keys_).read_struct(field);
        return;
      }
    }
    require_table(*node, dotted(key));
    Reader(*node, dotted(key), *all_keys_).read_struct(field);
  }
  template <class S>
  void section_like(const char* key, S& field, const char*, const char* doc) {
    section(key, field, doc);
  }
  template <class S>
  void tables(const char* key, std::vector<S>& field, const S& prototype, const char*) {
    const Node* node = take(key);
    if (!node) return;
    field.clear();
    for (const Node& item : require_tables(*node, dotted(key))) {
      Reader(item, dotted(key), *all_keys_).read_struct(field.emplace_back(prototype));
    }
  }

  template <class S>
  void read_struct(S& config) {
    config.visit(*this);
    reject_unknown_keys();
    if constexpr (requires { config.resolve(); }) config.resolve();
    if constexpr (requires { config.problem(); }) {
      if (const std::optional<Problem> problem = config.problem()) report(*problem);
    }
  }

 private:
  const Node* take(const char* key);
  std::string dotted(const std::string& key) const {
    return path_.empty() ? key : path_ + "." + key;
  }
  void reject_unknown_keys() const;
  void reject_foreign_name(const Node& node, const std::string& key) const;
  [[noreturn]] void report(const Problem& problem) const;

  static void read(const Node&, const std::string& key, Range, int64_t*);
  static void read(const Node&, const std::string& key, Range, double*);
  static void read(const Node&, const std::string& key, Range, std::vector<double>*);
  static void read(const Node&, const std::string& key, Range, Weights*);
  static void read(const Node&, const std::string& key, bool*);
  static void read(const Node&, const std::string& key, std::string*);
  static void read(const Node&, const std::string& key, Path*);
  static void read(const Node&, const std::string& key, Paths*);
  static void read(const Node&, const std::string& key, std::vector<std::string>*);
  static void read(const Node&, const std::string& key, Names*);
  static void read(const Node&, const std::string& key, Generator*);
  static void read(const Node&, const std::string& key, Efforts*);
  static void read(const Node&, const std::string& key, Arguments*);
  static size_t read_choice(const Node&, const std::string& key,
                            const std::vector<std::string>& names);
  static void require_table(const Node&, const std::string& key);
  static const Array& require_tables(const Node&, const std::string& key);

  const Node* table_;
  std::string path_;
  const std::vector<std::string>* all_keys_;
  std::vector<std::string> known_;  // keys of this table, in the order of the visit
};

}  // namespace amalgam::configs
