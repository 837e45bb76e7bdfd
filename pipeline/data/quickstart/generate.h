// The quickstart's own data: four domains of generated problems with verifiable answers. Row i of a
// (domain, split, seed) is a pure function of these and of the rows before it, so a longer data set
// begins with the shorter one. No problem occurs twice in a set, and none of what a set's prompts
// ask is asked in another set, under any seeds and wordings (the set is a hash of it).
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/data/rows.h"

namespace amalgam::pipeline {

enum class Domain { kMath, kCode, kAgent, kInstruct };
inline constexpr Domain kDomains[] = {Domain::kMath, Domain::kCode, Domain::kAgent,
                                      Domain::kInstruct};
const char* to_string(Domain domain);          // "math", "code", "agent", "instruct"
Domain parse_domain(const std::string& name);  // throws Error that lists the names
// A domain as it is, or with one of configs::forms_of its answers, which the prompts ask for in a
// system line, "Form: words.".
struct Source {
  Source(Domain d, std::string f = {}) : domain(d), form(std::move(f)) {}

  Domain domain;
  std::string form;  // empty: as it is
};
enum class Split { kTrain, kValidation, kTest };
const char* to_string(Split split);  // "train", "validation", "test"

// Prompts for RL and evaluation: data_source = ability = style = the domain's name; mode "thinking"
// for math and agent, "chat" for code and instruct; extra_info {index, split, problem, type} and,
// for agent, sandbox {kv, files}, which its tools read. Throws Error if the domain has fewer than
// `count` different problems. With a form problems are easier ones, the same for both forms, and
// but for code the style is exact_match.
std::vector<Row> generate(const Source& source, Split split, int count, uint64_t seed);

// The same problems with `messages` and extra_info.careless: this fraction of the rows, chosen at
// random, answers in a bad style that the verifier rejects, all others correctly. The conversations
// keep the reasoning of every assistant turn: encode them without dropping it. With a form such an
// answer is right but in the other form, and extra_info has `other_form` instead.
std::vector<Row> generate_sft(const Source& source, Split split, int count, uint64_t seed,
                              double careless);

}  // namespace amalgam::pipeline
