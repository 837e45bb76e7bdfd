// A few words to be given again in some order, on a line or as a numbered list.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "pipeline/data/quickstart/problem.h"

namespace amalgam::pipeline {
namespace {

constexpr std::array<const char*, 18> kListWords = {"ant", "box", "cup", "dog", "egg", "fox",
                                                    "hat", "ink", "jar", "key", "map", "nut",
                                                    "owl", "pen", "red", "sun", "tea", "van"};

std::string on_a_line(const std::vector<std::string>& words, const char* separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

std::string numbered(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : "\n") + std::to_string(i + 1) + ". " + words[i];
  return text;
}

}  // namespace

Problem draw_instruct_form(Draw& draw, bool second) {
  std::vector<std::string> words(kListWords.begin(), kListWords.end());
  draw.shuffle(words);
  words.resize(static_cast<size_t>(draw.between(3, 4)));
  std::vector<std::string> answer = words;
  Problem problem;
  switch (draw.below(3)) {
    case 0:
      problem.type = "repeat";
      problem.user = "Repeat: ";
      break;
    case 1:
      problem.type = "reverse";
      problem.user = "Reverse: ";
      std::reverse(answer.begin(), answer.end());
      break;
    default:
      problem.type = "rotate";
      problem.user = "Move the first to the end: ";
      std::rotate(answer.begin(), answer.begin() + 1, answer.end());
  }
  problem.user += on_a_line(words, ", ") + ".";
  problem.asked = problem.canonical = "instruct " + problem.type + " " + on_a_line(words, " ");
  problem.style = "exact_match";
  const std::string line = on_a_line(answer, " "), list = numbered(answer);
  problem.ground_truth = nlohmann::json(second ? list : line).dump();
  problem.good = {{"assistant", second ? list : line, "", {}}};
  problem.careless = {{"assistant", second ? line : list, "", {}}};
  return problem;
}

}  // namespace amalgam::pipeline
