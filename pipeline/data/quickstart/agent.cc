// Questions that need tools: a lookup, a calculation, two lookups and a sum, a search then a
// lookup. Keys and values have 3 to 5 digits and are random in every row, so nothing can be
// memorised. The careless answer calls no tool and guesses.
#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "pipeline/data/quickstart/problem.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::ordered_json;

const char* const kSystem = "Tools: calculator(expression), lookup(key), search(word).";
// A topic is two words: both are in prompts of training, the test's pairs in none.
constexpr std::array kColours = {"amber", "black", "brown", "coral", "cream", "green",
                                 "ivory", "khaki", "lilac", "olive", "white", "azure"};
constexpr std::array kObjects = {"bread", "cloud", "eagle", "flute", "grape", "kite",
                                 "lemon", "piano", "river", "stone", "tiger", "wheat"};

constexpr int kNumEntries = 6;  // of the key-value store
constexpr int kNumFiles = 2;    // of notes, the entries shared out between them

int draw_number(Draw& draw) {
  switch (draw.below(3)) {
    case 0:
      return draw.between(100, 999);
    case 1:
      return draw.between(1000, 9999);
    default:
      return draw.between(10000, 99999);
  }
}

// The store and the notes that the tools of one row see.
struct World {
  std::vector<std::string> keys, values, topics;  // one of each per entry

  explicit World(Draw& draw) {
    std::map<int, int> entries;
    while (entries.size() < kNumEntries) {
      const int key = draw_number(draw);
      if (!entries.count(key)) {
        entries[key] = draw_number(draw);
        keys.push_back(std::to_string(key));
        values.push_back(std::to_string(entries[key]));
      }
    }
    while (topics.size() < kNumEntries) {
      const std::string colour = draw.pick(kColours), object = draw.pick(kObjects);
      const std::string topic = colour + ' ' + object;
      if (std::find(topics.begin(), topics.end(), topic) == topics.end()) topics.push_back(topic);
    }
  }

  std::string json() const {
    ordered_json kv = ordered_json::object(), files = ordered_json::object();
    for (size_t i = 0; i < keys.size(); ++i) {
      kv[keys[i]] = values[i];
      const std::string name = "note" + std::to_string(i % kNumFiles + 1) + ".txt";
      files[name] = files.value(name, "") + topics[i] + " " + keys[i] + "\n";
    }
    return ordered_json{{"kv", kv}, {"files", files}}.dump();
  }
};

DataTurn call(const std::string& reasoning, std::vector<DataToolCall> calls) {
  return {"assistant", "", reasoning, std::move(calls)};
}
DataTurn result(const std::string& text) { return {"tool", text, "", {}}; }
DataTurn final_answer(const std::string& text) { return {"assistant", text, "", {}}; }

void set_lookup(Problem* problem, const World& world, Draw& draw) {
  const std::string &key = world.keys[0], &value = world.values[0];
  problem->type = "lookup";
  problem->canonical = "lookup " + key;
  problem->user = draw.below(2) == 0 ? "What is the value of key " + key + "?"
                                     : "Find the value for " + key + ".";
  problem->good = {call("I look it up.", {{"lookup", "key", key}}), result(value),
                   final_answer(value)};
  problem->ground_truth = value;
}

void set_calculation(Problem* problem, Draw& draw) {
  int a = draw_number(draw), b = draw_number(draw);
  const int kind = draw.below(3);
  if (kind == 1 && a < b) std::swap(a, b);
  if (kind == 2) b = draw.between(11, 99);
  const char* const signs[] = {" + ", " - ", " * "};
  const std::string expression = std::to_string(a) + signs[kind] + std::to_string(b);
  const std::string value = std::to_string(kind == 0 ? a + b : kind == 1 ? a - b : a * b);
  problem->type = "calculator";
  problem->canonical = "calculator " + expression;
  problem->user =
      draw.below(2) == 0 ? "What is " + expression + "?" : "Calculate " + expression + ".";
  problem->good = {call("I compute it.", {{"calculator", "expression", expression}}), result(value),
                   final_answer(value)};
  problem->ground_truth = value;
}

void set_sum(Problem* problem, const World& world, Draw& draw) {
  const std::string &a = world.keys[0], &b = world.keys[1];
  problem->type = "sum";
  problem->canonical = "sum " + std::min(a, b) + " " + std::max(a, b);
  problem->user = draw.below(2) == 0
                      ? "What is the sum of the values of keys " + a + " and " + b + "?"
                      : "Add the values for " + a + " and " + b + ".";
  const std::string expression = world.values[0] + " + " + world.values[1];
  const std::string value = std::to_string(std::stoi(world.values[0]) + std::stoi(world.values[1]));
  problem->good = {call("I look up both.", {{"lookup", "key", a}, {"lookup", "key", b}}),
                   result(world.values[0]),
                   result(world.values[1]),
                   call("I add them.", {{"calculator", "expression", expression}}),
                   result(value),
                   final_answer(value)};
  problem->ground_truth = value;
}

void set_search(Problem* problem, const World& world, Draw& draw) {
  const std::string &topic = world.topics[0], &key = world.keys[0], &value = world.values[0];
  problem->type = "search";
  problem->canonical = "search " + topic + " " + key;
  problem->asked = "search " + topic;
  problem->user = draw.below(2) == 0
                      ? "The notes give a key for " + topic + ". What is its value?"
                      : "Find the key of " + topic + " in the notes and give its value.";
  problem->good = {call("I search the notes.", {{"search", "word", topic}}),
                   result(topic + " " + key), call("I look it up.", {{"lookup", "key", key}}),
                   result(value), final_answer(value)};
  problem->ground_truth = value;
}

}  // namespace

Problem draw_agent(Draw& draw) {
  const World world(draw);
  Problem problem;
  problem.system = kSystem;
  problem.sandbox = world.json();
  switch (draw.below(5)) {
    case 0:
      set_lookup(&problem, world, draw);
      break;
    case 1:
      set_calculation(&problem, draw);
      break;
    case 2:
    case 3:  // twice as often: copying the second key is the hardest part
      set_sum(&problem, world, draw);
      break;
    default:
      set_search(&problem, world, draw);
  }
  if (problem.asked.empty()) problem.asked = problem.canonical;
  problem.canonical = "agent " + problem.canonical;
  int guess = draw_number(draw);
  while (std::to_string(guess) == problem.ground_truth) guess = draw_number(draw);
  problem.careless = {final_answer(std::to_string(guess))};
  problem.ground_truth = "\"" + problem.ground_truth + "\"";
  return problem;
}

}  // namespace amalgam::pipeline
