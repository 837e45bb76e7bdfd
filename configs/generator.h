// What makes the rows of a domain without files: a generator that is built in, or a data set of the
// Python package reasoning-gym, "reasoning_gym:NAME".
#pragma once
#include <optional>
#include <string>

namespace amalgam::configs {

struct Generator {
  enum Source { kNone, kMath, kCode, kAgent, kInstruct, kReasoningGym };

  Generator(Source s = kNone) : source(s) {}
  bool operator==(const Generator&) const = default;

  bool is_built_in() const { return source != kNone && source != kReasoningGym; }
  std::string text() const;  // "math", "reasoning_gym:chain_sum"

  Source source = kNone;
  std::string data_set = {};  // of reasoning-gym
};

// What it may be, in words.
extern const char* const kGenerators;
std::optional<Generator> parse_generator(const std::string& text);

}  // namespace amalgam::configs
