#include "rewards/answers/match.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "configs/format.h"
#include "rewards/answers/words.h"

namespace amalgam::rewards {
namespace {

using nlohmann::json;

constexpr std::string_view kOpening = "<answer>", kClosing = "</answer>";
constexpr size_t kMostAnswers = 10;

void add_texts(const json& value, std::vector<std::string>* to) {
  if (value.is_string()) to->push_back(value.get<std::string>());
  if (value.is_number() || value.is_boolean()) to->push_back(value.dump());
  if (value.is_array())
    for (const json& item : value) add_texts(item, to);
}

size_t count_of(std::string_view part, std::string_view text) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size()))
    ++count;
  return count;
}

// The last complete pair: from each opening to the next closing, as a regular expression finds
// them.
std::string_view tagged_answer(std::string_view text, bool* found) {
  std::string_view last;
  *found = false;
  for (size_t at = text.find(kOpening); at != std::string_view::npos;) {
    const size_t begin = at + kOpening.size(), end = text.find(kClosing, begin);
    if (end == std::string_view::npos) break;
    last = text.substr(begin, end - begin);
    *found = true;
    at = text.find(kOpening, end + kClosing.size());
  }
  return last;
}

double f1_of(const std::string& said, const std::string& accepted) {
  const auto a = words_of(said), b = words_of(accepted);
  if (a.empty() || b.empty()) return a.empty() && b.empty() ? 1 : 0;
  std::map<std::string_view, size_t> counts;
  for (const std::string_view word : b) ++counts[word];
  size_t common = 0;
  for (const std::string_view word : a)
    if (const auto it = counts.find(word); it != counts.end() && it->second > 0)
      --it->second, ++common;
  return 2.0 * static_cast<double>(common) / static_cast<double>(a.size() + b.size());
}

}  // namespace

std::vector<std::string> accepted_texts(const std::string& ground_truth) {
  const json truth = json::parse(ground_truth, nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> texts;
  if (truth.is_object()) {
    for (const char* key : {"target", "answers", "answer", "value", "aliases", "text"})
      if (const auto it = truth.find(key); it != truth.end()) {
        add_texts(it->is_object() ? it->value("text", json()) : *it, &texts);
      }
  } else {
    add_texts(truth, &texts);
  }
  std::erase_if(texts, [](const std::string& text) { return stripped(text).empty(); });
  return texts;
}

std::string_view said_answer(std::string_view content) {
  bool found = false;
  const std::string_view tagged = tagged_answer(content, &found);
  if (found) return stripped(tagged);
  const std::string lower = ascii_lower(content);
  size_t best = 0;
  for (const std::string_view marker : {"answer is", "answer:", "answer is:", "####"}) {
    const size_t at = lower.rfind(marker);
    if (at != std::string::npos) best = std::max(best, at + marker.size());
  }
  if (best == 0) return stripped(content);
  std::string_view rest = stripped(content.substr(best));
  return stripped(rest.substr(0, rest.find('\n')));
}

Score score_exact_match(std::string_view content, const std::vector<std::string>& accepted) {
  const std::string said = squad_normal(said_answer(content));
  Score score = scored(0, "another text");
  if (said.empty()) score = scored(0, "no answer");
  for (const std::string& text : accepted)
    if (!said.empty() && squad_normal(text) == said) {
      const bool sprays =
          std::max(count_of(kOpening, content), count_of(kClosing, content)) > kMostAnswers;
      score = sprays ? scored(0.25, "equal, among many answer tags") : scored(1, "equal");
      break;
    }
  score.answer = said;
  return score;
}

Score score_f1(std::string_view content, const std::vector<std::string>& accepted) {
  const std::string said = squad_normal(said_answer(content));
  double best = 0;
  bool exact = false;
  if (!said.empty())
    for (const std::string& text : accepted) {
      const std::string normal = squad_normal(text);
      best = std::max(best, f1_of(said, normal));
      exact = exact || normal == said;
    }
  Score score = scored(best, said.empty() ? "no answer" : "F1 " + configs::format_number(best));
  score.answer = said;
  score.parts = {{"exact_match", exact ? 1.0 : 0.0}};
  return score;
}

}  // namespace amalgam::rewards
