#include "configs/foreign_overrides.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "configs/error.h"
#include "configs/foreign_names.h"
#include "configs/format.h"
#include "configs/key_values.h"
#include "configs/overrides.h"

namespace amalgam::configs {
namespace {

struct ForeignOverride {
  FoundName found;
  std::string name, value;
};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::optional<double> number_in(const std::string& text) {
  double x = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), x);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(x))
    return std::nullopt;
  return x;
}

std::string unquoted(const std::string& text) {
  const bool has_quotes = text.size() >= 2 && text.front() == text.back() &&
                          (text.front() == '\'' || text.front() == '"');
  return has_quotes ? text.substr(1, text.size() - 2) : text;
}

// Of Hydra or Python; TRL also has a "none" that says something.
bool is_null(const std::string& value) {
  return value.empty() || value == "~" || value == "null" || value == "None";
}

bool is_boolean(const std::string& value) {
  return lower(value) == "true" || lower(value) == "false";
}

bool is_same_value(const std::string& a, const std::string& b) {
  const auto x = number_in(a), y = number_in(b);
  if (x && y) return *x == *y;
  return a == b || (is_boolean(a) && lower(a) == lower(b));
}

std::optional<ForeignOverride> foreign_override(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) return std::nullopt;
  const std::string name = text.substr(std::min(text.find_first_not_of('+'), equals));
  const std::string key = name.substr(0, name.find('='));
  if (const auto found = find_foreign_name(key))
    return ForeignOverride{*found, key, unquoted(text.substr(equals + 1))};
  return std::nullopt;
}

[[noreturn]] void refuse(const ForeignOverride& o, const std::string& why) {
  throw Error("command line: " + o.name + "=" + o.value + ": " + why);
}

std::string with_note(const std::string& text, const char* between, const std::string& note) {
  return note.empty() ? text : text + between + note;
}

const Node* find_path(const Node& root, const std::string& key) {
  const Node* node = &root;
  for (size_t begin = 0, end = 0; node && end != std::string::npos; begin = end + 1) {
    end = key.find('.', begin);
    node = node->find(key.substr(begin, end == std::string::npos ? end : end - begin));
  }
  return node;
}

const Array* domains_of(const Node& root) {
  const Node* domains = root.find("domain");
  return domains ? domains->get<Array>() : nullptr;
}

// "domain.NAME.…" is that of the only domain.
std::string key_in(const std::string& key, const ForeignOverride& o, const Node& root) {
  constexpr char kPlace[] = "domain.NAME.";
  std::string full = key;
  if (full.back() == '*') full = full.substr(0, full.size() - 1) + o.found.rest;
  if (!full.starts_with(kPlace)) return full;
  const Array* all = domains_of(root);
  const Node* name = all && all->size() == 1 ? all->front().find("name") : nullptr;
  if (!name || !name->get<std::string>())
    refuse(o, "is a key of each domain here, " + full + "; give it for those that need it");
  return "domain." + *name->get<std::string>() + full.substr(sizeof kPlace - 2);
}

// Of the config, or the default.
int64_t whole_number(const std::string& key, const Node& root) {
  const Node* node = find_path(root, key);
  if (node && node->get<int64_t>()) return *node->get<int64_t>();
  for (const KeyValue& k : key_values(RunConfig()))
    if (k.key == key) return std::stoll(k.value);
  throw Error("no key " + key);
}

// kQuotient and kShare.
std::string divided(const ForeignOverride& o, const Node& root) {
  const ForeignName& entry = *o.found.entry;
  if (const Array* domains = domains_of(root))
    for (const Node& domain : *domains)
      if (find_path(domain, entry.other))
        refuse(o, "depends on " + entry.other + ", which a domain has of its own; give " +
                      entry.keys[0]);
  const double own = static_cast<double>(whole_number(entry.other, root));
  const double value = number_in(o.value).value_or(0);
  const bool is_quotient = entry.counterpart == Counterpart::kQuotient;
  const double result = is_quotient ? value / own : own / value;
  if (!(result >= 1) || !std::isfinite(result) || result != std::floor(result))
    refuse(o, "gives no whole number of " + entry.keys[0] + " with " + entry.other + "=" +
                  format_number(own) + ": " + entry.note);
  return format_number(result);
}

// A file, or Hydra's list of them: ['a.parquet',b.parquet].
std::string files_of(const std::string& value) {
  if (value.size() < 2 || value.front() != '[' || value.back() != ']') return value;
  std::vector<std::string> files;
  std::string rest = value.substr(1, value.size() - 2);
  for (size_t begin = 0; begin <= rest.size();) {
    const size_t end = std::min(rest.find(',', begin), rest.size());
    std::string file = rest.substr(begin, end - begin);
    file.erase(0, file.find_first_not_of(' '));
    file.erase(file.find_last_not_of(' ') + 1);
    if (!file.empty()) files.push_back(unquoted(file));
    begin = end + 1;
  }
  return files.size() == 1 ? files[0] : format_value(files);
}

// "only grpo is taken, as rl.algorithm.adv_estimator: there is no other"
std::string choice_of(const ForeignName& entry) {
  std::string values, keys;
  for (const ForeignValue& v : entry.values) values += (values.empty() ? "" : " or ") + v.theirs;
  for (const std::string& key : entry.keys) keys += (keys.empty() ? ", as " : " and ") + key;
  return with_note("only " + values + " is taken" + keys, ": ", entry.note);
}

// The value as one of ours; nothing: it is so here, nothing is set.
std::optional<std::string> own_value(const ForeignOverride& o, const Node& root) {
  const ForeignName& entry = *o.found.entry;
  for (const ForeignValue& v : entry.values)
    if (is_same_value(v.theirs, o.value))
      return v.ours.empty() ? std::nullopt : std::optional(v.ours);
  switch (entry.counterpart) {
    case Counterpart::kQuotient:
    case Counterpart::kShare:
      return divided(o, root);
    case Counterpart::kSame:
      if (is_boolean(o.value)) return lower(o.value);
      return entry.keys[0].ends_with("_file") ? files_of(o.value) : o.value;
    case Counterpart::kSome:
      refuse(o, choice_of(entry));
    default:
      refuse(o, hint_of(o.found));
  }
}

bool is_given(const std::string& name_and_value, const std::vector<ForeignOverride>& all) {
  const size_t equals = name_and_value.find('=');
  bool given = false;  // the last one counts
  for (const ForeignOverride& o : all)
    if (o.name == name_and_value.substr(0, equals))
      given = is_same_value(o.value, name_and_value.substr(equals + 1));
  return given;
}

void require_set_once(const ForeignOverride& o, const std::string& key,
                      const std::vector<std::string>& own) {
  for (const std::string& text : own)
    if (text.starts_with(key + "="))
      refuse(o, "is " + key + " here, and that is given too; drop one");
}

// Returns what is to be told.
std::string apply(const ForeignOverride& o, const std::vector<std::string>& own,
                  const std::vector<ForeignOverride>& all, Node* root) {
  const ForeignName& entry = *o.found.entry;
  if (entry.counterpart == Counterpart::kNone)
    return with_note(o.name + " is ignored", ": ", entry.note);
  if (is_null(o.value)) return o.name + "=" + o.value + " sets nothing";
  if (!entry.only_with.empty() && !is_given(entry.only_with, all))
    return o.name + " is ignored: it acts with " + entry.only_with + " only";
  const std::optional<std::string> value = own_value(o, *root);
  if (!value) return with_note(o.name + "=" + o.value + " sets nothing", ": ", entry.note);
  const bool is_kept = entry.counterpart == Counterpart::kSame && *value == o.value;
  std::string keys;
  for (const std::string& general : entry.keys) {
    const std::string key = key_in(general, o, *root);
    require_set_once(o, key, own);
    apply_override(key + "=" + *value, root);
    keys += (keys.empty() ? "" : " and ") + key + (is_kept ? "" : "=" + *value);
  }
  return with_note(o.name + (is_kept ? "" : "=" + o.value) + " is " + keys + " here", "; ",
                   entry.note);
}

}  // namespace

void apply_overrides(const std::vector<std::string>& overrides, Node* root,
                     std::vector<std::string>* lines) {
  std::vector<ForeignOverride> foreign;
  std::vector<std::string> own;
  for (const std::string& text : overrides) {
    if (auto o = foreign_override(text))
      foreign.push_back(std::move(*o));
    else
      own.push_back(text);
  }
  for (const std::string& text : own) apply_override(text, root);
  std::stable_sort(foreign.begin(), foreign.end(), [](const auto& a, const auto& b) {
    return std::pair(a.found.peer, a.found.entry) < std::pair(b.found.peer, b.found.entry);
  });
  for (const ForeignOverride& o : foreign) lines->push_back(apply(o, own, foreign, root));
}

}  // namespace amalgam::configs
