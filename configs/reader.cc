#include "configs/reader.h"

#include <algorithm>

#include "configs/error.h"
#include "configs/foreign_names.h"
#include "configs/format.h"
#include "configs/suggest.h"

namespace amalgam::configs {
namespace {

// The dotted key's last part: "rl.rollout.n" -> "n".
std::string leaf(const std::string& key) { return key.substr(key.rfind('.') + 1); }

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

struct Leaf {
  const Node* node;
  std::string key;  // dotted
};

// The values in a node, which may be one itself.
std::vector<Leaf> leaves(const Node& node, const std::string& key) {
  const Table* members = node.get<Table>();
  if (!members || members->empty()) return {{&node, key}};
  std::vector<Leaf> all;
  for (const auto& [name, child] : *members)
    for (Leaf& l : leaves(child, key + "." + name)) all.push_back(std::move(l));
  return all;
}

// The key whose end is nearest to this name, of RL's above all; "": there is none.
std::string key_ending_in(const std::string& name, const std::vector<std::string>& all_keys) {
  std::vector<std::string> ends;
  for (const std::string& key : all_keys) ends.push_back(leaf(key));
  const std::string end = nearest(name, ends);
  const auto is_it = [&](const std::string& key) { return !end.empty() && leaf(key) == end; };
  const auto any = std::find_if(all_keys.begin(), all_keys.end(), is_it);
  const auto of_rl = std::find_if(all_keys.begin(), all_keys.end(), [&](const std::string& key) {
    return is_it(key) && key.starts_with("rl.");
  });
  return of_rl != all_keys.end() ? *of_rl : any != all_keys.end() ? *any : "";
}

double number(const Node& node, const std::string& key, Range range) {
  double x = 0;
  if (const int64_t* integer = node.get<int64_t>()) {
    x = static_cast<double>(*integer);
  } else if (const double* real = node.get<double>()) {
    x = *real;
  } else {
    fail(node, key, "expected a number, got " + node.kind());
  }
  if (!range.contains(x)) {
    fail(node, key, format_number(x) + " is out of range; give a number " + describe(range));
  }
  return x;
}

}  // namespace

void fail(const Node& node, const std::string& key, const std::string& what) {
  throw Error(node.origin() + ": " + key + ": " + what);
}

Reader::Reader(const Node& table, std::string path, const std::vector<std::string>& all_keys)
    : table_(&table), path_(std::move(path)), all_keys_(&all_keys) {}

const Node* Reader::take(const char* key) {
  known_.emplace_back(key);
  return table_->find(key);
}

void Reader::reject_unknown_keys() const {
  for (const auto& [key, node] : *table_->get<Table>()) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    reject_foreign_name(node, key);
    std::string hint = nearest(key, known_);
    if (!hint.empty()) hint = dotted(hint);
    for (const std::string& other : *all_keys_) {
      if (!hint.empty()) break;
      if (leaf(other) == key) hint = other;
    }
    if (hint.empty() && node.get<Table>()) {
      const Leaf first = leaves(node, dotted(key)).front();
      hint = key_ending_in(leaf(first.key), *all_keys_);
      if (!hint.empty()) fail(*first.node, first.key, "unknown key; did you mean " + hint + "?");
    }
    fail(node, dotted(key),
         "unknown key; " +
             (hint.empty() ? "the keys here are: " + join(known_) : "did you mean " + hint + "?"));
  }
}

// TRL's names stand in no table; people write them at the top, or where ours stand.
void Reader::reject_foreign_name(const Node& node, const std::string& key) const {
  const std::string shared = path_.starts_with("domain.") ? path_.substr(7) : path_;
  for (const Leaf& l : leaves(node, dotted(key))) {
    auto found = find_foreign_name(l.key);
    if (!found) {
      found = find_foreign_name(key);
      const bool is_here =
          found && !found->entry->keys.empty() && found->entry->keys[0].starts_with(shared + ".");
      if (!is_here) continue;
    }
    fail(*l.node, l.key, hint_of(*found));
  }
}

void Reader::report(const Problem& problem) const {
  // Point at the deepest part of the key that the file has.
  const Node* node = table_;
  size_t begin = 0;
  while (begin <= problem.key.size()) {
    const size_t end = std::min(problem.key.find('.', begin), problem.key.size());
    const Node* child = node->find(problem.key.substr(begin, end - begin));
    if (!child) break;
    node = child;
    begin = end + 1;
  }
  fail(*node, dotted(problem.key), problem.what);
}

void Reader::read(const Node& node, const std::string& key, Range range, int64_t* out) {
  const int64_t* integer = node.get<int64_t>();
  if (!integer) fail(node, key, "expected a whole number, got " + node.kind());
  number(node, key, range);
  *out = *integer;
}

void Reader::read(const Node& node, const std::string& key, Range range, double* out) {
  *out = number(node, key, range);
}

void Reader::read(const Node& node, const std::string& key, Range range, std::vector<double>* out) {
  const Array* items = node.get<Array>();
  if (!items) fail(node, key, "expected a list of numbers, got " + node.kind());
  out->clear();
  for (const Node& item : *items) out->push_back(number(item, key, range));
}

void Reader::read(const Node& node, const std::string& key, Range range, Weights* out) {
  const Table* members = node.get<Table>();
  if (!members) fail(node, key, "expected a table of numbers, got " + node.kind());
  out->clear();
  for (const auto& [name, child] : *members) (*out)[name] = number(child, key + "." + name, range);
}

void Reader::read(const Node& node, const std::string& key, bool* out) {
  const bool* boolean = node.get<bool>();
  if (!boolean) fail(node, key, "expected true or false, got " + node.kind());
  *out = *boolean;
}

void Reader::read(const Node& node, const std::string& key, std::string* out) {
  const std::string* text = node.get<std::string>();
  if (!text) fail(node, key, "expected a string, got " + node.kind());
  *out = *text;
}

void Reader::read(const Node& node, const std::string& key, Path* out) {
  std::string text;
  read(node, key, &text);
  *out = text.empty() ? Path()
                      : std::filesystem::absolute(node.source->directory / text).lexically_normal();
}

void Reader::read(const Node& node, const std::string& key, Paths* out) {
  out->all.clear();
  const auto add = [&](const Node& one) {
    Path path;
    read(one, key, &path);
    if (!path.empty()) out->all.push_back(std::move(path));
  };
  const Array* items = node.get<Array>();
  if (!items && !node.get<std::string>())
    fail(node, key, "expected a path or a list of paths, got " + node.kind());
  if (!items) return add(node);
  for (const Node& item : *items) add(item);
}

void Reader::read(const Node& node, const std::string& key, std::vector<std::string>* out) {
  const Array* items = node.get<Array>();
  if (!items) fail(node, key, "expected a list of strings, got " + node.kind());
  out->clear();
  for (const Node& item : *items) read(item, key, &out->emplace_back());
}

void Reader::read(const Node& node, const std::string& key, Names* out) {
  if (const std::string* name = node.get<std::string>()) {
    *out = *name;
    return;
  }
  if (!node.get<Array>()) fail(node, key, "expected a name or a list of names, got " + node.kind());
  read(node, key, &out->all);
}

void Reader::read(const Node& node, const std::string& key, Generator* out) {
  std::string text;
  read(node, key, &text);
  const auto generator = parse_generator(text);
  if (!generator) fail(node, key, "'" + text + "' is not one of " + kGenerators);
  *out = *generator;
}

void Reader::read(const Node& node, const std::string& key, Efforts* out) {
  constexpr char kForms[] =
      "expected a list of efforts (none, low, high, max, a number from 1 to 100, a band as "
      "\"b21-40\") or { bands = N }, got ";
  out->modes.clear();
  if (const Table* table = node.get<Table>()) {
    const Node* bands = table->size() == 1 ? node.find("bands") : nullptr;
    if (!bands) fail(node, key, kForms + std::string("another table"));
    int64_t count = 0;
    read(*bands, key + ".bands", between(1, kMaxEffortNumber), &count);
    out->modes = effort_bands(static_cast<int>(count));
    return;
  }
  const Array* items = node.get<Array>();
  if (!items) fail(node, key, kForms + node.kind());
  for (const Node& item : *items) {
    const int64_t* number = item.get<int64_t>();
    const std::string* text = item.get<std::string>();
    const std::string mode = number ? std::to_string(*number) : text ? *text : "";
    if (!is_effort_mode(mode))
      fail(item, key, kForms + (number || text ? "'" + mode + "'" : item.kind()));
    out->modes.push_back(mode);
  }
}

void Reader::read(const Node& node, const std::string& key, Arguments* out) {
  require_table(node, key);
  *out = arguments_of(node, key);
}

size_t Reader::read_choice(const Node& node, const std::string& key,
                           const std::vector<std::string>& names) {
  std::string text;
  read(node, key, &text);
  const auto found = std::find(names.begin(), names.end(), text);
  if (found == names.end()) fail(node, key, "'" + text + "' is not one of " + join(names));
  return static_cast<size_t>(found - names.begin());
}

void Reader::require_table(const Node& node, const std::string& key) {
  if (!node.get<Table>()) {
    fail(node, key,
         node.get<Array>() ? "is one table; write [" + key + "] with single brackets"
                           : "is a table of keys, got " + node.kind());
  }
}

const Array& Reader::require_tables(const Node& node, const std::string& key) {
  const Array* items = node.get<Array>();
  const std::string hint = "; write [[" + key + "]] with double brackets for each";
  if (!items) fail(node, key, "is a list of tables, got " + node.kind() + hint);
  for (const Node& item : *items) {
    if (!item.get<Table>()) fail(item, key, "is a list of tables, got " + item.kind() + hint);
  }
  return *items;
}

}  // namespace amalgam::configs
