#include "rewards/instruct/constraints.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <vector>

#include "configs/error.h"
#include "rewards/score/fence.h"

namespace amalgam::rewards {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

std::string ascii_lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Words split_words(const std::string& text) {
  Words words;
  std::istringstream stream(text);
  for (std::string word; stream >> word;) {
    word.erase(word.find_last_not_of(".,;!?") + 1);
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

Words lowered(Words words) {
  for (std::string& word : words) word = ascii_lower(word);
  return words;
}

bool has_case(const Words& words, bool upper) {
  for (const std::string& word : words)
    for (const char c : word) {
      const auto u = static_cast<unsigned char>(c);
      if (upper ? std::islower(u) : std::isupper(u)) return false;
    }
  return true;
}

// The text of a JSON answer without the fence around it. The parser ignores a byte order mark at
// the very beginning; in a fence it is no JSON.
std::string without_fence(const std::string& text) {
  const auto fence = first_fence(text);
  return fence ? "\n" + std::string(*fence) : text;
}

// Rejects an object that names a key twice, which a parse alone would hide.
json parse_answer(const std::string& text) {
  std::vector<std::set<std::string>> open;
  bool repeated = false;
  const auto watch = [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key)
      repeated |= !open.back().insert(value.get<std::string>()).second;
    return true;
  };
  json value = json::parse(without_fence(text), watch, /*allow_exceptions=*/false);
  return repeated ? json(json::value_t::discarded) : value;
}

// The object of constraints; null for another ground truth.
json read_constraints(const std::string& ground_truth) {
  json constraints = json::parse(ground_truth, nullptr, /*allow_exceptions=*/false);
  if (constraints.is_string())
    constraints = json::parse(constraints.get<std::string>(), nullptr, /*allow_exceptions=*/false);
  return constraints.is_object() && !constraints.empty() ? constraints : json();
}

// Throws on a constraint that no answer can be checked for.
void check_constraint(const std::string& name, const json& value) {
  if (name == "json_keys") {
    (void)value.get<std::set<std::string>>();
  } else if (name == "json_values") {
    if (value != "integer") throw Error("json_values can only be \"integer\"");
  } else if (name == "num_words") {
    (void)value.get<size_t>();
  } else if (name == "allowed_words" || name == "exact_words") {
    (void)value.get<Words>();
  } else if (name == "case") {
    if (value != "upper" && value != "lower")
      throw Error("case can only be \"upper\" or \"lower\"");
  } else if (name == "start" || name == "end") {
    (void)value.get<std::string>();
  } else if (name == "order") {
    if (value != "alphabetical") throw Error("order can only be \"alphabetical\"");
  } else {
    throw Error("no such constraint");
  }
}

// One checked constraint: nothing if it holds, else why not.
std::optional<std::string> violation(const std::string& name, const json& value,
                                     const std::string& solution) {
  if (name == "json_keys" || name == "json_values") {
    const json answer = parse_answer(solution);
    if (!answer.is_object()) return "not a JSON object";
    if (name == "json_keys") {
      const auto keys = value.get<std::set<std::string>>();
      std::set<std::string> found;
      for (const auto& item : answer.items()) found.insert(item.key());
      if (found != keys) return "other keys";
      return std::nullopt;
    }
    for (const auto& item : answer.items())
      if (!item.value().is_number_integer()) return "a value is not an integer";
    return std::nullopt;
  }
  const Words words = split_words(solution), small = lowered(words);
  if (words.empty()) return "no words";
  if (name == "num_words") {
    if (words.size() != value.get<size_t>()) return std::to_string(words.size()) + " words";
  } else if (name == "allowed_words") {
    const Words list = lowered(value.get<Words>());
    const std::set<std::string> allowed(list.begin(), list.end());
    for (const std::string& word : small)
      if (!allowed.count(word)) return "a word that is not allowed";
  } else if (name == "exact_words") {
    Words expected = lowered(value.get<Words>()), found = small;
    std::sort(expected.begin(), expected.end());
    std::sort(found.begin(), found.end());
    if (found != expected) return "other words";
  } else if (name == "case") {
    const std::string which = value.get<std::string>();
    if (!has_case(words, which == "upper")) return "not in " + which + " case";
  } else if (name == "start") {
    if (small.front() != ascii_lower(value.get<std::string>())) return "starts with another word";
  } else if (name == "end") {
    if (small.back() != ascii_lower(value.get<std::string>())) return "ends with another word";
  } else if (name == "order") {
    if (!std::is_sorted(small.begin(), small.end())) return "not in alphabetical order";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> problem_of_word_constraints(const std::string& ground_truth) {
  const json constraints = read_constraints(ground_truth);
  if (constraints.is_null()) return "ground truth is not an object of constraints";
  for (const auto& item : constraints.items()) {
    try {
      check_constraint(item.key(), item.value());
    } catch (const std::exception& e) {
      return "ground truth's constraint " + item.key() + ": " + e.what();
    }
  }
  return std::nullopt;
}

Score score_word_constraints(const std::string& solution, const std::string& ground_truth) {
  if (const auto problem = problem_of_word_constraints(ground_truth))
    return failed(Status::kBadRow, *problem);
  const json constraints = read_constraints(ground_truth);
  for (const auto& item : constraints.items())
    if (const auto why = violation(item.key(), item.value(), solution)) return scored(0, *why);
  return scored(1, "all constraints hold");
}

}  // namespace amalgam::rewards
