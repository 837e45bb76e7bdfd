#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/utf8.h"
#include "rewards/answers/choice.h"
#include "rewards/answers/gsm8k.h"
#include "rewards/answers/json_answer.h"
#include "rewards/answers/json_schema.h"
#include "rewards/answers/match.h"
#include "rewards/answers/pattern.h"
#include "rewards/answers/shape.h"
#include "rewards/instruct/instruct.h"
#include "rewards/language/detect.h"
#include "rewards/math/math_answer.h"
#include "rewards/registry/verifier.h"
#include "rewards/text/chars.h"

namespace amalgam::rewards {
namespace {

using nlohmann::json;
using Request = ScoreRequest;
using Settings = VerifierSettings;
using Why = std::optional<std::string>;

std::string shown(const std::string& ground_truth) {
  return "ground truth " + shortened_utf8(ground_truth, 80);
}
std::string shown(const json& value) {
  return shortened_utf8(value.is_discarded() ? "null" : value.dump(), 80);
}

// An argument; without one what the ground truth is.
json given(const Request& r, const Settings& s, const char* name) {
  if (const auto it = s.arguments->find(name); it != s.arguments->end() && !it->is_null())
    return *it;
  return json::parse(r.ground_truth, nullptr, /*allow_exceptions=*/false);
}

// Of an argument that stands for the ground truth of all rows.
using ProblemOf = Why (*)(const Request&, const Settings&);
constexpr char kPattern[] = "pattern", kSchema[] = "schema", kLanguage[] = "language";
template <ProblemOf problem, const char* argument>
Why of_all_rows(const Settings& s) {
  return s.arguments->at(argument).is_null() ? std::nullopt : problem({}, s);
}

InstructOptions instruct_options(const Settings& s) {
  return {.loose = s.arguments->at("loose"), .fraction = s.arguments->at("fraction")};
}

CodeTestOptions code_options(const Request& r, const Settings& s) {
  CodeTestOptions options = s.code;
  options.image = r.image;
  options.partial = s.arguments->at("partial");
  options.stop_at_first_failure = s.arguments->at("stop_at_first_failure");
  if (s.arguments->at("test_seconds").is_number())
    options.test_time_limit_s = s.arguments->at("test_seconds");
  return options;
}

Why pattern_problem(const Request& r, const Settings& s) {
  const json pattern = given(r, s, "pattern");
  if (!pattern.is_string()) return shown(pattern) + " is no regular expression";
  try {
    (void)Pattern(pattern.get<std::string>());
  } catch (const Error& e) {
    return e.what();
  }
  return std::nullopt;
}

Score score_pattern(const Request& r, const Settings& s) {
  if (const Why why = pattern_problem(r, s)) return failed(Status::kBadRow, *why);
  const Pattern pattern(given(r, s, "pattern").get<std::string>());
  switch (pattern.search(r.content, s.arguments->at("whole"))) {
    case Pattern::Found::kYes:
      return scored(1, "matches");
    case Pattern::Found::kNo:
      return scored(0, "does not match");
    case Pattern::Found::kTooCostly:
      break;
  }
  return scored(0, "the expression takes too long on this answer");
}

// A schema may also be a text that holds one.
json schema_of(const Request& r, const Settings& s) {
  json schema = given(r, s, "schema");
  if (schema.is_string())
    schema = json::parse(schema.get<std::string>(), nullptr, /*allow_exceptions=*/false);
  return schema;
}

Why schema_problem(const Request& r, const Settings& s) {
  const json schema = schema_of(r, s);
  if (!schema.is_object()) return shown(schema) + " is no JSON schema";
  try {
    (void)JsonSchema(schema);
  } catch (const Error& e) {
    return e.what();
  }
  return std::nullopt;
}

Score score_schema(const Request& r, const Settings& s) {
  if (const Why why = schema_problem(r, s)) return failed(Status::kBadRow, *why);
  const auto value = json_answer(r.content);
  if (!value) return scored(0, "not JSON");
  const auto broken = JsonSchema(schema_of(r, s)).violation(*value);
  return broken ? scored(0, *broken) : scored(1, "valid");
}

Why texts_problem(const Request& r, const Settings&) {
  if (accepted_texts(r.ground_truth).empty())
    return shown(r.ground_truth) + " has no text to compare with";
  return std::nullopt;
}

Why choice_problem(const Request& r, const Settings&) {
  if (!true_letter(r.ground_truth)) return shown(r.ground_truth) + " is no choice from A to J";
  return std::nullopt;
}

Score score_choice_request(const Request& r, const Settings& s) {
  if (const Why why = choice_problem(r, s)) return failed(Status::kBadRow, *why);
  return score_choice(r.content, *true_letter(r.ground_truth));
}

std::string language_asked(const Request& r, const Settings& s) {
  const json language = given(r, s, "language");
  return language.is_string() ? language.get<std::string>() : "";
}

Why language_problem(const Request& r, const Settings& s) {
  if (!is_known_language(language_asked(r, s)))
    return shown(given(r, s, "language")) +
           " is no language as ISO 639-1 names it: en, de, zh-cn, …";
  return std::nullopt;
}

Score score_language(const Request& r, const Settings& s) {
  if (const Why why = language_problem(r, s)) return failed(Status::kBadRow, *why);
  const auto found = language_of(decoded(r.content));
  if (!found) return scored(1, "no letters");
  Score score = scored(*found == language_asked(r, s) ? 1 : 0, std::string(*found));
  return score;
}

Why length_settings_problem(const Settings& s) {
  const double most = s.arguments->at("max_length"), buffer = s.arguments->at("buffer");
  if (most < 1) return "length: give max_length, in tokens";
  if (buffer < 1 || buffer > most) return "length: buffer must be from 1 to max_length";
  return std::nullopt;
}

Why length_problem(const Request&, const Settings& s) { return length_settings_problem(s); }

Score score_length_request(const Request& r, const Settings& s) {
  if (const Why why = length_problem(r, s)) return failed(Status::kBadRow, *why);
  return score_length(r.response_tokens, s.arguments->at("max_length"), s.arguments->at("buffer"));
}

Why repetition_settings_problem(const Settings& s) {
  const json& ngram = s.arguments->at("ngram");
  if (!ngram.is_number_integer() || ngram < 1 || ngram > 100)
    return "repetition: ngram must be a whole number from 1 to 100";
  if (s.arguments->at("max_penalty") > 0) return "repetition: max_penalty must be 0 or less";
  return std::nullopt;
}

Score score_repetition_request(const Request& r, const Settings& s) {
  if (const Why why = repetition_settings_problem(s)) return failed(Status::kBadRow, *why);
  return score_repetition(r.content, s.arguments->at("ngram"), s.arguments->at("max_penalty"));
}

Score score_math(const Request& r, const Settings&) {
  return score_math_answer(r.content, r.ground_truth);
}
Why math_problem(const Request& r, const Settings&) { return problem_of_math(r.ground_truth); }

Score score_code(const Request& r, const Settings& s) {
  return score_code_tests(r.content, r.ground_truth, r.row, code_options(r, s));
}
Why code_settings_problem(const Settings& s) {
  const json& seconds = s.arguments->at("test_seconds");
  if (!seconds.is_null() && !(seconds.is_number() && seconds > 0))
    return "code: test_seconds must be more than 0";
  return std::nullopt;
}
Why code_problem(const Request& r, const Settings&) {
  return problem_of_tests(r.ground_truth, r.row);
}

Score score_instructions(const Request& r, const Settings& s) {
  return score_instruct(r.content, r.ground_truth, r.row, instruct_options(s));
}
Why instruct_problem(const Request& r, const Settings&) {
  return problem_of_constraints(r.ground_truth, r.row);
}

}  // namespace

const std::vector<Verifier>& verifiers() {
  static const std::vector<Verifier> all = {
      {"math",
       "its final answer equals the truth as mathematics",
       "a text, or a list of them",
       "0, 1",
       {},
       score_math,
       math_problem},
      {"agent", "the same", "the same", "0, 1", {}, score_math, math_problem},
      {"gsm8k",
       "its final number equals the truth",
       "a number, or a worked solution that ends in `#### 72`",
       "0, 1",
       {{"strict", "false", "the answer has to be behind `####`"}},
       [](const Request& r, const Settings& s) {
         return score_gsm8k(r.content, r.ground_truth, s.arguments->at("strict"));
       },
       [](const Request& r, const Settings&) {
         return problem_of_math(gsm8k_number(r.ground_truth));
       }},
      {"code",
       "it passes the tests",
       "[tests](#tests-of-code), in the row's columns too",
       "0, 1; `partial`: 0 … 1",
       {{"partial", "false", "the score is the share of tests that pass"},
        {"stop_at_first_failure", "false", "later tests do not run, and count as failed"},
        {"test_seconds", "null", "CPU time of one test; null: sandbox.cpu_seconds"}},
       score_code,
       code_problem,
       code_settings_problem},
      {"instruct",
       "it keeps all instructions",
       "`instruction_id_list` and `kwargs` of IFEval and IFBench, or constraints",
       "0, 1; `fraction`: 0 … 1",
       {{"loose", "false", "the loose verdicts count"},
        {"fraction", "false", "the score is the share of instructions that hold"}},
       score_instructions,
       instruct_problem},
      {"ifeval",
       "the same",
       "the same",
       "0, 1; `fraction`: 0 … 1",
       {{"loose", "false", "the loose verdicts count"},
        {"fraction", "false", "the score is the share of instructions that hold"}},
       score_instructions,
       instruct_problem},
      {"choice",
       "it chooses the true letter",
       "`B`, or a number from 0",
       "0, 1",
       {},
       score_choice_request,
       choice_problem},
      {"multiple_choice", "the same", "the same", "0, 1", {}, score_choice_request, choice_problem},
      {"exact_match",
       "it is an accepted text, in SQuAD's normal form",
       "a text, a list of them, or `{target: …}`",
       "0, 1",
       {},
       [](const Request& r, const Settings&) {
         return score_exact_match(r.content, accepted_texts(r.ground_truth));
       },
       texts_problem},
      {"f1",
       "the F1 of its words and an accepted text's",
       "the same",
       "0 … 1",
       {},
       [](const Request& r, const Settings&) {
         return score_f1(r.content, accepted_texts(r.ground_truth));
       },
       texts_problem},
      {"regex",
       "the expression (PCRE2) matches a part of it",
       "the expression",
       "0, 1",
       {{"pattern", "", "the expression, for all rows"},
        {"whole", "false", "it has to match the whole answer"}},
       score_pattern,
       pattern_problem,
       of_all_rows<pattern_problem, kPattern>},
      {"json_schema",
       "it is JSON, alone or in a fence, and valid",
       "the schema",
       "0, 1",
       {{"schema", "", "the schema, for all rows"}},
       score_schema,
       schema_problem,
       of_all_rows<schema_problem, kSchema>},
      {"think_format",
       "it is one thought in `<think>` and `</think>`, then the answer",
       "",
       "0, 1",
       {},
       [](const Request& r, const Settings&) {
         return score_think_format(r.solution, r.prompt_opens_thought);
       },
       nullptr},
      {"language",
       "it is written in the language, as langdetect finds it",
       "`en`, `de`, `zh-cn`, …",
       "0, 1",
       {{"language", "", "the language, for all rows"}},
       score_language,
       language_problem,
       of_all_rows<language_problem, kLanguage>},
      {"repetition",
       "max_penalty × the share of n-grams of words that repeat an earlier one",
       "",
       "max_penalty … 0",
       {{"ngram", "3", "words of an n-gram"}, {"max_penalty", "-1.0", "when all of them repeat"}},
       score_repetition_request,
       nullptr,
       repetition_settings_problem},
      {"length",
       "min(0, (max_length − buffer − tokens) / buffer), not below −1",
       "",
       "−1 … 0",
       {{"max_length", "0", "tokens that the policy may write"},
        {"buffer", "0", "of them the last ones, which cost"}},
       score_length_request,
       length_problem,
       length_settings_problem}};
  return all;
}

const Verifier* find_verifier(const std::string& name) {
  const auto& all = verifiers();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Verifier& v) { return v.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string verifier_names() {
  std::string names;
  for (const Verifier& v : verifiers()) names += (names.empty() ? "" : ", ") + std::string(v.name);
  return names;
}

VerifierSettings settings_of(const Verifier& verifier, const std::string& arguments_json,
                             const CodeTestOptions& code) {
  json arguments = json::object();
  std::string known;
  for (const VerifierArgument& a : verifier.arguments) {
    arguments[a.name] = *a.json ? json::parse(a.json) : json();
    known += (known.empty() ? "" : ", ") + std::string(a.name);
  }
  const json given = json::parse(arguments_json);
  for (const auto& [name, value] : given.items()) {
    const auto slot = arguments.find(name);
    if (slot == arguments.end())
      throw Error("verifier " + std::string(verifier.name) + " has no argument " + name +
                  (known.empty() ? "" : "; it has " + known));
    const bool is_same =
        slot->is_null() || slot->type() == value.type() || (slot->is_number() && value.is_number());
    if (!is_same)
      throw Error("verifier " + std::string(verifier.name) + ": argument " + name + " must be " +
                  (slot->is_boolean() ? "true or false" : "a number"));
    *slot = value;
  }
  return {.arguments = std::make_shared<const json>(std::move(arguments)), .code = code};
}

}  // namespace amalgam::rewards
