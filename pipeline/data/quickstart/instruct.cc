// Verifiable instructions with one main constraint at a time: case, first word, last word,
// alphabetical order, or a JSON object. Ground truths are in the form that
// rewards/instruct/instruct.h checks. The careless answer breaks exactly the main constraint.
#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "pipeline/data/quickstart/problem.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::ordered_json;
using Words = std::vector<std::string>;

// Different first letters: alphabetical order is decided by them.
const std::array<const char*, 18> kWords = {"ant", "box", "cup", "dog", "egg", "fox",
                                            "hat", "ink", "jar", "key", "map", "nut",
                                            "owl", "pen", "red", "sun", "tea", "van"};

// `count` different words, in random order.
Words draw_words(Draw& draw, int count) {
  Words all(kWords.begin(), kWords.end());
  draw.shuffle(all);
  all.resize(static_cast<size_t>(count));
  return all;
}

std::string join(const Words& words, const char* separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

Words sorted(Words words) {
  std::sort(words.begin(), words.end());
  return words;
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

// `count` words, going round the list from position `first`.
Words cycle(const Words& list, size_t first, int count) {
  Words words;
  for (int i = 0; i < count; ++i)
    words.push_back(list[(first + static_cast<size_t>(i)) % list.size()]);
  return words;
}

void answer(Problem* problem, const std::string& good, const std::string& careless) {
  problem->good = {{"assistant", good, "", {}}};
  problem->careless = {{"assistant", careless, "", {}}};
}

// What the three kinds that write words have in common: how many, and from which.
struct Choice {
  int count = 0;
  Words words;

  explicit Choice(Draw& draw)
      : count(draw.between(3, 6)), words(draw_words(draw, draw.between(2, 4))) {}
  std::string canonical() const {
    return std::to_string(count) + " of " + join(sorted(words), " ");
  }
  ordered_json truth() const { return {{"num_words", count}, {"allowed_words", sorted(words)}}; }
  std::string request(Draw& draw, const std::string& main) const {
    const std::string n = std::to_string(count), list = join(words, ", ");
    if (draw.below(2) == 0) return "Write " + n + " words. Use only: " + list + ". " + main + ".";
    return "Use the words " + list + ". Write exactly " + n + " words. " + main + ".";
  }
};

Problem draw_case(Draw& draw) {
  const Choice choice(draw);
  const bool is_upper = draw.below(2) == 1;
  const std::string name = is_upper ? "upper" : "lower";
  Problem problem;
  problem.type = "case";
  problem.canonical = name + " " + choice.canonical();
  problem.user =
      choice.request(draw, (draw.below(2) == 0 ? "All in " : "Write in ") + name + " case");
  ordered_json truth = choice.truth();
  truth["case"] = name;
  problem.ground_truth = truth.dump();
  const std::string text = join(cycle(choice.words, 0, choice.count), " ");
  answer(&problem, is_upper ? upper(text) : text, is_upper ? text : upper(text));
  return problem;
}

Problem draw_start(Draw& draw) {
  const Choice choice(draw);
  const size_t size = choice.words.size();
  const size_t first = static_cast<size_t>(draw.below(static_cast<int>(size)));
  Problem problem;
  problem.type = "start";
  problem.canonical = "start " + choice.words[first] + " " + choice.canonical();
  problem.user = choice.request(
      draw, (draw.below(2) == 0 ? "Start with " : "The first word is ") + choice.words[first]);
  ordered_json truth = choice.truth();
  truth["start"] = choice.words[first];
  problem.ground_truth = truth.dump();
  const size_t wrong =
      (first + 1 + static_cast<size_t>(draw.below(static_cast<int>(size) - 1))) % size;
  answer(&problem, join(cycle(choice.words, first, choice.count), " "),
         join(cycle(choice.words, wrong, choice.count), " "));
  return problem;
}

Problem draw_end(Draw& draw) {
  const Choice choice(draw);
  const size_t last = static_cast<size_t>(draw.below(static_cast<int>(choice.words.size())));
  const std::string end = choice.words[last];
  Words others = choice.words;
  others.erase(others.begin() + static_cast<long>(last));
  Problem problem;
  problem.type = "end";
  problem.canonical = "end " + end + " " + choice.canonical();
  problem.user =
      choice.request(draw, (draw.below(2) == 0 ? "End with " : "The last word is ") + end);
  ordered_json truth = choice.truth();
  truth["end"] = end;
  problem.ground_truth = truth.dump();
  const std::string rest = join(cycle(others, 0, choice.count - 1), " ");
  answer(&problem, rest + " " + end, end + " " + rest);
  return problem;
}

Problem draw_order(Draw& draw) {
  Words words = draw_words(draw, draw.between(3, 6));
  while (std::is_sorted(words.begin(), words.end())) draw.shuffle(words);
  Problem problem;
  problem.type = "order";
  problem.canonical = "order " + join(sorted(words), " ");
  problem.user = (draw.below(2) == 0 ? "Sort in alphabetical order: "
                                     : "Write these words in alphabetical order: ") +
                 join(words, ", ") + ".";
  problem.ground_truth =
      ordered_json{{"exact_words", sorted(words)}, {"order", "alphabetical"}}.dump();
  answer(&problem, join(sorted(words), " "), join(words, " "));
  return problem;
}

Problem draw_json(Draw& draw) {
  Words keys;
  for (char c = 'a'; c <= 'z'; ++c) keys.emplace_back(1, c);
  draw.shuffle(keys);
  keys.resize(static_cast<size_t>(draw.between(2, 3)));
  Problem problem;
  problem.type = "json";
  problem.canonical = "json " + join(sorted(keys), " ");
  // Quoted as in the answer, so that a key is the same token in both places.
  const std::string quoted = "\"" + join(keys, "\", \"") + "\"";
  problem.user = draw.below(2) == 0
                     ? "Give a JSON object with keys " + quoted + ". The values are integers."
                     : "Write JSON: an object with integer values and the keys " + quoted + ".";
  problem.ground_truth =
      ordered_json{{"json_keys", sorted(keys)}, {"json_values", "integer"}}.dump();
  std::string object, list;
  for (const std::string& key : keys) {
    const std::string value = std::to_string(draw.between(1, 9));
    object += (object.empty() ? "{\"" : ", \"") + key + "\": " + value;
    list += (list.empty() ? "[\"" : ", \"") + key + "\"";
  }
  answer(&problem, object + "}", list + "]");
  return problem;
}

}  // namespace

Problem draw_instruct(Draw& draw) {
  Problem problem;
  switch (draw.below(5)) {
    case 0:
      problem = draw_case(draw);
      break;
    case 1:
      problem = draw_start(draw);
      break;
    case 2:
      problem = draw_end(draw);
      break;
    case 3:
      problem = draw_order(draw);
      break;
    default:
      problem = draw_json(draw);
  }
  problem.asked = problem.canonical = "instruct " + problem.canonical;
  return problem;
}

}  // namespace amalgam::pipeline
