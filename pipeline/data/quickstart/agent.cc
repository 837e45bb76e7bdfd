// Questions that need tools: a lookup, a calculation, two lookups and a sum, a search then a
// lookup. Keys and values have 3 to 5 digits and are random in every row, so nothing can be
// memorised. The careless answer calls no tool and guesses. Where more than one number is needed,
// the reasoning of each turn says again what the next one needs: so far apart that a model of this
// size would only remember it as compressed entries, its digits come out wrong. As forms of
// answers, a lookup or a calculation that is answered by the number without a word, or reasoned and
// in JSON.
#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "pipeline/data/quickstart/problem.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::ordered_json;

const char* const kSystem = "Tools: calculator(expression), lookup(key), search(word).";
constexpr int kNumEntries = 6;  // of the key-value store
constexpr int kNumFiles = 2;    // of notes, the entries shared out between them

// How hard a question may be.
struct Difficulty {
  int lengths = 3;     // of numbers: 3 digits, or one or two more
  int operations = 3;  // of calculations: +, -, *
};
constexpr Difficulty kEasy = {.lengths = 2, .operations = 2};

int draw_number(Draw& draw, const Difficulty& difficulty) {
  switch (draw.below(difficulty.lengths)) {
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
  std::vector<std::string> keys, values, rooms;  // one of each per entry

  World(Draw& draw, const Difficulty& difficulty) {
    std::map<int, int> entries;
    while (entries.size() < kNumEntries) {
      const int key = draw_number(draw, difficulty);
      if (!entries.count(key)) {
        entries[key] = draw_number(draw, difficulty);
        keys.push_back(std::to_string(key));
        values.push_back(std::to_string(entries[key]));
      }
    }
    // Digits, as the keys: words of the test would be in no prompt of training, and a model of this
    // size copies only what it has seen.
    while (rooms.size() < kNumEntries) {
      const int room = draw.between(100, 999);
      const std::string name = std::to_string(room);
      if (!entries.count(room) && std::find(rooms.begin(), rooms.end(), name) == rooms.end())
        rooms.push_back(name);
    }
  }

  std::string json() const {
    ordered_json kv = ordered_json::object(), files = ordered_json::object();
    for (size_t i = 0; i < keys.size(); ++i) {
      kv[keys[i]] = values[i];
      const std::string name = "note" + std::to_string(i % kNumFiles + 1) + ".txt";
      files[name] = files.value(name, "") + rooms[i] + " " + keys[i] + "\n";
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

void set_calculation(Problem* problem, const Difficulty& difficulty, Draw& draw) {
  int a = draw_number(draw, difficulty), b = draw_number(draw, difficulty);
  const int kind = draw.below(difficulty.operations);
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
  problem->good = {call("First " + a + ", then " + b + ".", {{"lookup", "key", a}}),
                   result(world.values[0]),
                   call(world.values[0] + ", now " + b + ".", {{"lookup", "key", b}}),
                   result(world.values[1]),
                   call(expression + ".", {{"calculator", "expression", expression}}),
                   result(value),
                   final_answer(value)};
  problem->ground_truth = value;
}

void set_search(Problem* problem, const World& world, Draw& draw) {
  const std::string &room = world.rooms[0], &key = world.keys[0], &value = world.values[0];
  problem->type = "search";
  problem->canonical = "search " + room + " " + key;
  problem->asked = "search " + room;
  problem->user = draw.below(2) == 0
                      ? "The notes give a key for room " + room + ". What is its value?"
                      : "Find the key of room " + room + " in the notes and give its value.";
  problem->good = {call("I search the notes.", {{"search", "word", room}}),
                   result(room + " " + key), call("I look it up.", {{"lookup", "key", key}}),
                   result(value), final_answer(value)};
  problem->ground_truth = value;
}

// One call with its result, reasoned or not, and the answer.
std::vector<DataTurn> answer_in_form(const Problem& problem, bool as_json) {
  std::vector<DataTurn> turns = problem.good;
  if (as_json)
    turns.back().content = "{\"value\": " + problem.ground_truth + "}";
  else
    turns.front().reasoning.clear();
  return turns;
}

}  // namespace

Problem draw_agent_form(Draw& draw, bool second) {
  const World world(draw, kEasy);
  Problem problem;
  problem.system = kSystem;
  problem.sandbox = world.json();
  if (draw.below(2) == 0)
    set_lookup(&problem, world, draw);
  else
    set_calculation(&problem, kEasy, draw);
  problem.asked = problem.canonical;
  problem.canonical = "agent " + problem.canonical;
  problem.style = "exact_match";
  const std::vector<DataTurn> plain = answer_in_form(problem, false),
                              as_json = answer_in_form(problem, true);
  problem.good = second ? as_json : plain;
  problem.careless = second ? plain : as_json;
  problem.ground_truth = nlohmann::json(problem.good.back().content).dump();
  return problem;
}

Problem draw_agent(Draw& draw) {
  const Difficulty difficulty;
  const World world(draw, difficulty);
  Problem problem;
  problem.system = kSystem;
  problem.sandbox = world.json();
  switch (draw.below(4)) {
    case 0:
      set_lookup(&problem, world, draw);
      break;
    case 1:
      set_calculation(&problem, difficulty, draw);
      break;
    case 2:
      set_sum(&problem, world, draw);
      break;
    default:
      set_search(&problem, world, draw);
  }
  if (problem.asked.empty()) problem.asked = problem.canonical;
  problem.canonical = "agent " + problem.canonical;
  int guess = draw_number(draw, difficulty);
  while (std::to_string(guess) == problem.ground_truth) guess = draw_number(draw, difficulty);
  problem.careless = {final_answer(std::to_string(guess))};
  problem.ground_truth = "\"" + problem.ground_truth + "\"";
  return problem;
}

}  // namespace amalgam::pipeline
