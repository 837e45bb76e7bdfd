// What makes the rows of a domain without files: a generator that is built in, as it is or with one
// of two forms of answers that its prompts ask for, "math:words"; or a data set of the Python
// package reasoning-gym, "reasoning_gym:NAME".
#pragma once
#include <array>
#include <optional>
#include <string>

namespace amalgam::configs {

struct Generator {
  enum Source { kNone, kMath, kCode, kAgent, kInstruct, kReasoningGym };

  Generator(Source s = kNone) : source(s) {}
  bool operator==(const Generator&) const = default;

  bool is_built_in() const { return source != kNone && source != kReasoningGym; }
  std::string text() const;  // "math", "math:words", "reasoning_gym:chain_sum"

  Source source = kNone;
  std::string data_set = {};  // of reasoning-gym
  std::string form = {};      // of a built-in one, from forms_of(source); empty: prompts name none
};

// The two forms of answers of a built-in generator; a right answer in one is wrong in the other.
std::array<std::string, 2> forms_of(Generator::Source built_in);

// What it may be, in words.
extern const char* const kGenerators;
std::optional<Generator> parse_generator(const std::string& text);

}  // namespace amalgam::configs
