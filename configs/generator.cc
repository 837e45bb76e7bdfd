#include "configs/generator.h"

#include "configs/check.h"
#include "configs/schema.h"

namespace amalgam::configs {
namespace {

const std::string kReasoningGymPrefix = "reasoning_gym:";

std::string name_of_source(Generator::Source source) {
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

const char* const kGenerators =
    "none, math, code, agent, instruct, reasoning_gym:NAME, or with a form of answers math:digits, "
    "math:words, code:function, code:program, agent:plain, agent:json, instruct:line, "
    "instruct:list";

std::string Generator::text() const {
  if (source == kReasoningGym) return kReasoningGymPrefix + data_set;
  return name_of_source(source) + (form.empty() ? "" : ":" + form);
}

std::array<std::string, 2> forms_of(Generator::Source built_in) {
  switch (built_in) {
    case Generator::kMath:
      return {"digits", "words"};
    case Generator::kCode:
      return {"function", "program"};
    case Generator::kAgent:
      return {"plain", "json"};
    case Generator::kInstruct:
      return {"line", "list"};
    case Generator::kNone:
    case Generator::kReasoningGym:
      break;
  }
  CHECK(false);
  return {};
}

std::optional<Generator> parse_generator(const std::string& text) {
  if (text.starts_with(kReasoningGymPrefix)) {
    Generator generator(Generator::kReasoningGym);
    generator.data_set = text.substr(kReasoningGymPrefix.size());
    if (!is_identifier(generator.data_set)) return std::nullopt;
    return generator;
  }
  if (text == name_of_source(Generator::kNone)) return Generator::kNone;
  for (const auto source :
       {Generator::kMath, Generator::kCode, Generator::kAgent, Generator::kInstruct}) {
    Generator generator(source);
    if (text == generator.text()) return generator;
    for (const std::string& form : forms_of(source)) {
      generator.form = form;
      if (text == generator.text()) return generator;
    }
  }
  return std::nullopt;
}

}  // namespace amalgam::configs
