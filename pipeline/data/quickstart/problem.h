// One generated problem of a quickstart domain, with one good and one careless conversation that
// solves it. Problems are pure functions of the random numbers drawn; their texts are short on
// purpose (the token budget decides how long the quickstart takes).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/device/rng.h"

namespace amalgam::pipeline {

// Random numbers of one row, in the order they are asked for.
class Draw {
 public:
  explicit Draw(const kernels::RngKey& key) : key_(key) {}

  // Uniform in [0, n).
  int below(int n) {
    return static_cast<int>(kernels::uniform_int(key_, position_++, static_cast<uint64_t>(n)));
  }
  // Uniform in [low, high], both included.
  int between(int low, int high) { return low + below(high - low + 1); }
  template <class Container>
  const auto& pick(const Container& from) {
    return from[static_cast<size_t>(below(static_cast<int>(from.size())))];
  }
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i)
      std::swap(values[i - 1], values[static_cast<size_t>(below(static_cast<int>(i)))]);
  }

 private:
  kernels::RngKey key_;
  uint64_t position_ = 0;
};

// A call of a tool with its one string argument.
struct DataToolCall {
  std::string name, parameter, value;
};

// What agent's rows call; their system message describes them.
inline constexpr const char* kAgentTools[] = {"calculator", "lookup", "search"};

struct DataTurn {
  std::string role;  // "assistant" or "tool"
  std::string content;
  std::string reasoning;  // assistant only
  std::vector<DataToolCall> calls;
};

struct Problem {
  // What is asked, whatever its wording, with what the tools will answer. No two rows share it.
  std::string canonical;
  // The part of it that the prompt's text tells; its hash decides in which set the problem is.
  std::string asked;
  std::string type;
  std::string system;  // empty: none
  std::string user;
  std::string ground_truth;  // JSON text
  std::string style;         // its verifier; empty: that of the domain's name
  std::string sandbox;       // JSON text of what the tools read; empty: none
  std::vector<DataTurn> good, careless;
};

// Each may draw again by itself until a problem is well-posed. They never fail.
Problem draw_math(Draw& draw);
Problem draw_code(Draw& draw);
Problem draw_agent(Draw& draw);
Problem draw_instruct(Draw& draw);

// Easier problems of the same domains that can be answered in two forms, the first or the `second`
// of configs::forms_of. `good` has the one that is asked for, `careless` the other one: as right,
// but the verifier rejects it. What is asked, but for the form, is the same for both.
Problem draw_math_form(Draw& draw, bool second);
Problem draw_code_form(Draw& draw, bool second);
Problem draw_agent_form(Draw& draw, bool second);
Problem draw_instruct_form(Draw& draw, bool second);

}  // namespace amalgam::pipeline
