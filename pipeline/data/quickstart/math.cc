// Chains of 2 to 4 additions and subtractions with operands 1 … 9, in symbols and in words. The
// good answer works step by step; the careless one does not reason and is off by a little.
#include <array>
#include <cstdlib>

#include "pipeline/data/quickstart/problem.h"

namespace amalgam::pipeline {
namespace {

const std::array<const char*, 10> kNumberWords = {"zero", "one", "two",   "three", "four",
                                                  "five", "six", "seven", "eight", "nine"};
const std::array<const char*, 6> kNames = {"Ann", "Ben", "Eva", "Max", "Sam", "Tom"};
const std::array<const char*, 6> kThings = {"apples", "books", "coins", "cards", "eggs", "pens"};
const std::array<const char*, 3> kGains = {"buys", "finds", "gets"};
const std::array<const char*, 3> kLosses = {"loses", "sells", "drops"};

struct Chain {
  int first = 0;
  std::vector<int> steps;  // signed operands

  int result() const {
    int total = first;
    for (const int step : steps) total += step;
    return total;
  }
};

Chain draw_chain(Draw& draw) {
  Chain chain;
  chain.first = draw.between(1, 9);
  int total = chain.first;
  const int num_steps = draw.between(2, 4);
  while (static_cast<int>(chain.steps.size()) < num_steps) {
    int step = draw.between(1, 9);
    if (draw.below(2) == 1) step = -step;
    if (total + step < 0) continue;
    chain.steps.push_back(step);
    total += step;
  }
  return chain;
}

std::string symbols(const Chain& chain) {
  std::string text = std::to_string(chain.first);
  for (const int step : chain.steps)
    text += (step < 0 ? " - " : " + ") + std::to_string(std::abs(step));
  return text;
}

std::string number_words(const Chain& chain) {
  std::string text = kNumberWords[static_cast<size_t>(chain.first)];
  for (const int step : chain.steps)
    text += std::string(step < 0 ? " minus " : " plus ") +
            kNumberWords[static_cast<size_t>(std::abs(step))];
  return text;
}

std::string instructions(const Chain& chain) {
  std::string text = "Start with " + std::to_string(chain.first) + ".";
  for (const int step : chain.steps)
    text += (step < 0 ? " Subtract " : " Add ") + std::to_string(std::abs(step)) + ".";
  return text + " What is the result?";
}

std::string story(const Chain& chain, Draw& draw) {
  const std::string name = draw.pick(kNames), thing = draw.pick(kThings);
  std::string text = name + " has " + std::to_string(chain.first) + " " + thing + ". " + name;
  for (size_t i = 0; i < chain.steps.size(); ++i) {
    const int step = chain.steps[i];
    text += i == 0 ? " " : i + 1 == chain.steps.size() ? " and " : ", ";
    text += std::string(step < 0 ? draw.pick(kLosses) : draw.pick(kGains)) + " " +
            std::to_string(std::abs(step));
  }
  return text + ". How many " + thing + " now?";
}

std::string step_by_step(const Chain& chain) {
  std::string text;
  int total = chain.first;
  for (const int step : chain.steps) {
    if (!text.empty()) text += ", ";
    text += std::to_string(total) + (step < 0 ? " - " : " + ") + std::to_string(std::abs(step));
    total += step;
    text += " = " + std::to_string(total);
  }
  return text;
}

}  // namespace

Problem draw_math(Draw& draw) {
  const Chain chain = draw_chain(draw);
  Problem problem;
  problem.asked = problem.canonical = "math " + symbols(chain);
  problem.type = std::to_string(chain.steps.size()) + " steps";
  switch (draw.below(4)) {
    case 0:
      problem.user = "Compute " + symbols(chain) + ".";
      break;
    case 1:
      problem.user = "What is " + number_words(chain) + "?";
      break;
    case 2:
      problem.user = instructions(chain);
      break;
    default:
      problem.user = story(chain, draw);
  }
  const int result = chain.result();
  problem.ground_truth = "\"" + std::to_string(result) + "\"";
  problem.good = {{"assistant", std::to_string(result), step_by_step(chain), {}}};
  int off = draw.between(1, 3);
  if (draw.below(2) == 1 && off <= result) off = -off;
  problem.careless = {{"assistant", std::to_string(result + off), "", {}}};
  return problem;
}

}  // namespace amalgam::pipeline
