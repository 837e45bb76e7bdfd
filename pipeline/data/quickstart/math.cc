// Chains of 2 to 4 additions and subtractions with operands 1 … 9, in symbols and in words. The
// good answer works step by step; the careless one does not reason and is off by a little. As forms
// of answers, shorter chains of smaller numbers, worked out and answered in digits or in words.
#include <array>
#include <cstdlib>

#include "pipeline/data/quickstart/problem.h"

namespace amalgam::pipeline {
namespace {

const std::array<const char*, 13> kNumberWords = {"zero", "one",    "two",   "three", "four",
                                                  "five", "six",    "seven", "eight", "nine",
                                                  "ten",  "eleven", "twelve"};
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

struct ChainLimits {
  int steps = 4, operand = 9, total = 9 + 4 * 9;  // the most of each
};

Chain draw_chain(Draw& draw, const ChainLimits& limits) {
  Chain chain;
  chain.first = draw.between(1, 9);
  int total = chain.first;
  const int num_steps = draw.between(2, limits.steps);
  while (static_cast<int>(chain.steps.size()) < num_steps) {
    int step = draw.between(1, limits.operand);
    if (draw.below(2) == 1) step = -step;
    if (total + step < 0 || total + step > limits.total) continue;
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

std::string digits(int number) { return std::to_string(number); }
std::string words(int number) { return kNumberWords[static_cast<size_t>(number)]; }

// How a working is written.
struct Notation {
  std::string (*number)(int);
  const char *plus, *minus, *equals;
};
constexpr Notation kInDigits = {digits, " + ", " - ", " = "};
constexpr Notation kInWords = {words, " plus ", " minus ", " is "};

std::string step_by_step(const Chain& chain, const Notation& in) {
  std::string text;
  int total = chain.first;
  for (const int step : chain.steps) {
    if (!text.empty()) text += ", ";
    text += in.number(total) + (step < 0 ? in.minus : in.plus) + in.number(std::abs(step));
    total += step;
    text += in.equals + in.number(total);
  }
  return text;
}

std::vector<DataTurn> worked_answer(const Chain& chain, const Notation& in) {
  return {{"assistant", in.number(chain.result()), step_by_step(chain, in), {}}};
}

}  // namespace

Problem draw_math(Draw& draw) {
  const Chain chain = draw_chain(draw, ChainLimits());
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
  problem.good = worked_answer(chain, kInDigits);
  int off = draw.between(1, 3);
  if (draw.below(2) == 1 && off <= result) off = -off;
  problem.careless = {{"assistant", std::to_string(result + off), "", {}}};
  return problem;
}

Problem draw_math_form(Draw& draw, bool second) {
  const Chain chain = draw_chain(draw, {.steps = 3, .operand = 6, .total = 12});
  Problem problem;
  problem.asked = problem.canonical = "math " + symbols(chain);
  problem.type = std::to_string(chain.steps.size()) + " steps";
  problem.user = draw.below(2) == 0 ? "Compute " + symbols(chain) + "." : instructions(chain);
  const Notation &asked = second ? kInWords : kInDigits, &other = second ? kInDigits : kInWords;
  problem.style = "exact_match";
  problem.ground_truth = "\"" + asked.number(chain.result()) + "\"";
  problem.good = worked_answer(chain, asked);
  problem.careless = worked_answer(chain, other);
  return problem;
}

}  // namespace amalgam::pipeline
