#include "configs/generator.h"

#include "configs/check.h"
#include "configs/schema.h"

namespace amalgam::configs {
namespace {

const std::string kReasoningGymPrefix = "reasoning_gym:";

const char* name_of_source(Generator::Source source) {
  switch (source) {
    case Generator::kNone:
      return "none";
    case Generator::kMath:
      return "math";
    case Generator::kCode:
      return "code";
    case Generator::kAgent:
      return "agent";
    case Generator::kInstruct:
      return "instruct";
    case Generator::kReasoningGym:
      break;
  }
  CHECK(false);
  return "";
}

}  // namespace

const char* const kGenerators = "none, math, code, agent, instruct, reasoning_gym:NAME";

std::string Generator::text() const {
  return source == kReasoningGym ? kReasoningGymPrefix + data_set : name_of_source(source);
}

std::optional<Generator> parse_generator(const std::string& text) {
  if (text.starts_with(kReasoningGymPrefix)) {
    Generator generator(Generator::kReasoningGym);
    generator.data_set = text.substr(kReasoningGymPrefix.size());
    if (!is_identifier(generator.data_set)) return std::nullopt;
    return generator;
  }
  for (const auto source : {Generator::kNone, Generator::kMath, Generator::kCode, Generator::kAgent,
                            Generator::kInstruct})
    if (text == name_of_source(source)) return source;
  return std::nullopt;
}

}  // namespace amalgam::configs
