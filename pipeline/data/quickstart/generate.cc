#include "pipeline/data/quickstart/generate.h"

#include <nlohmann/json.hpp>
#include <set>

#include "configs/check.h"
#include "configs/error.h"
#include "configs/fnv1a.h"
#include "configs/generator.h"
#include "pipeline/data/quickstart/problem.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::ordered_json;

constexpr uint64_t kStreamProblems = 0x64617461'70726f62;    // "dataprob"
constexpr uint64_t kStreamValidation = 0x64617461'76616c69;  // "datavali"
constexpr uint64_t kStreamQuality = 0x64617461'7175616c;     // "dataqual"
constexpr uint64_t kShares = 20;  // 18 of training, one of validation, one of the test
constexpr int kMaxDraws = 20000;  // of one row, before the domain counts as exhausted

Split split_of(const std::string& asked) {
  // FNV's low bits are weak; fold the high half in.
  const uint64_t hash = fnv1a(asked), share = (hash ^ (hash >> 32)) % kShares;
  return share == 0 ? Split::kTest : share == kShares / 2 ? Split::kValidation : Split::kTrain;
}

kernels::RngKey row_key(uint64_t stream, Domain domain, Split split, uint64_t seed, int row) {
  const uint64_t set = static_cast<uint64_t>(domain) * 2 + (split == Split::kTrain ? 0 : 1);
  return {seed, stream + set, static_cast<uint64_t>(row)};
}
uint64_t problem_stream(Split split) {
  return split == Split::kValidation ? kStreamValidation : kStreamProblems;
}

configs::Generator::Source generator_of(Domain domain) {
  switch (domain) {
    case Domain::kMath:
      return configs::Generator::kMath;
    case Domain::kCode:
      return configs::Generator::kCode;
    case Domain::kAgent:
      return configs::Generator::kAgent;
    case Domain::kInstruct:
      return configs::Generator::kInstruct;
  }
  CHECK(false);
  return configs::Generator::kNone;
}

// Whether it is the second of the domain's forms.
bool is_second(const Source& source) {
  const auto forms = configs::forms_of(generator_of(source.domain));
  CHECK(source.form == forms[0] || source.form == forms[1]);
  return source.form == forms[1];
}

Problem draw_problem(const Source& source, Draw& draw) {
  const bool plain = source.form.empty(), second = !plain && is_second(source);
  switch (source.domain) {
    case Domain::kMath:
      return plain ? draw_math(draw) : draw_math_form(draw, second);
    case Domain::kCode:
      return plain ? draw_code(draw) : draw_code_form(draw, second);
    case Domain::kAgent:
      return plain ? draw_agent(draw) : draw_agent_form(draw, second);
    case Domain::kInstruct:
      return plain ? draw_instruct(draw) : draw_instruct_form(draw, second);
  }
  CHECK(false);
  return {};
}

std::vector<Problem> draw_problems(const Source& source, Split split, int count, uint64_t seed) {
  CHECK_GE(count, 0);
  std::vector<Problem> problems;
  std::set<std::string> seen;
  for (int row = 0; row < count; ++row) {
    Draw draw(row_key(problem_stream(split), source.domain, split, seed, row));
    int num_draws = 0;
    for (;;) {
      Problem problem = draw_problem(source, draw);
      if (split_of(problem.asked) == split && seen.insert(problem.canonical).second) {
        problems.push_back(std::move(problem));
        break;
      }
      if (++num_draws == kMaxDraws)
        throw Error(std::string("the ") + to_string(split) + " split of domain " +
                    to_string(source.domain) + " has only about " + std::to_string(row) +
                    " different problems; ask for fewer than " + std::to_string(count));
    }
  }
  return problems;
}

ordered_json prompt_messages(const Problem& problem, const std::string& form) {
  ordered_json messages = ordered_json::array();
  std::string system = problem.system;
  if (!form.empty()) system += (system.empty() ? "Form: " : "\nForm: ") + form + ".";
  if (!system.empty()) messages.push_back({{"role", "system"}, {"content", system}});
  messages.push_back({{"role", "user"}, {"content", problem.user}});
  return messages;
}

// Appends the answer's turns. Tool results refer to the calls of the assistant turn before, in
// order.
void append_turns(const std::vector<DataTurn>& turns, bool thinking, ordered_json* messages) {
  int num_calls = 0, num_results = 0;
  for (const DataTurn& turn : turns) {
    ordered_json message = {{"role", turn.role}, {"content", turn.content}};
    if (turn.role == "tool") {
      message["tool_call_id"] = "call_" + std::to_string(num_results++);
    } else {
      CHECK_EQ(num_results, num_calls);
      if (thinking) message["reasoning_content"] = turn.reasoning;
      for (const DataToolCall& call : turn.calls) {
        const ordered_json arguments = {{call.parameter, call.value}};
        message["tool_calls"].push_back(
            {{"id", "call_" + std::to_string(num_calls++)},
             {"type", "function"},
             {"function", {{"name", call.name}, {"arguments", arguments.dump()}}}});
      }
    }
    messages->push_back(std::move(message));
  }
}

bool thinks(Domain domain) { return domain == Domain::kMath || domain == Domain::kAgent; }

Row to_row(const Problem& problem, const Source& source, Split split, int index,
           std::optional<bool> is_careless = std::nullopt) {
  Row row;
  row.data_source = row.ability = to_string(source.domain);
  row.style = problem.style.empty() ? row.data_source : problem.style;
  row.prompt = prompt_messages(problem, source.form).dump();
  row.ground_truth = problem.ground_truth;
  row.mode = thinks(source.domain) ? "thinking" : "chat";
  ordered_json info = {{"index", index},
                       {"split", to_string(split)},
                       {"problem", problem.canonical},
                       {"type", problem.type}};
  if (is_careless) info[source.form.empty() ? "careless" : "other_form"] = *is_careless;
  if (!problem.sandbox.empty()) {
    info["sandbox"] = ordered_json::parse(problem.sandbox);
    row.tools = ordered_json(kAgentTools).dump();
  }
  row.extra_info = info.dump();
  return row;
}

}  // namespace

const char* to_string(Domain domain) {
  switch (domain) {
    case Domain::kMath:
      return "math";
    case Domain::kCode:
      return "code";
    case Domain::kAgent:
      return "agent";
    case Domain::kInstruct:
      return "instruct";
  }
  CHECK(false);
  return "";
}

Domain parse_domain(const std::string& name) {
  for (const Domain domain : kDomains)
    if (name == to_string(domain)) return domain;
  throw Error("unknown domain \"" + name + "\"; use math, code, agent or instruct");
}

const char* to_string(Split split) {
  switch (split) {
    case Split::kTrain:
      return "train";
    case Split::kValidation:
      return "validation";
    case Split::kTest:
      return "test";
  }
  CHECK(false);
  return "";
}

std::vector<Row> generate(const Source& source, Split split, int count, uint64_t seed) {
  std::vector<Row> rows;
  for (const Problem& problem : draw_problems(source, split, count, seed))
    rows.push_back(to_row(problem, source, split, static_cast<int>(rows.size())));
  return rows;
}

std::vector<Row> generate_sft(const Source& source, Split split, int count, uint64_t seed,
                              double careless) {
  std::vector<Row> rows;
  for (const Problem& problem : draw_problems(source, split, count, seed)) {
    const int index = static_cast<int>(rows.size());
    const bool is_careless =
        kernels::uniform(row_key(kStreamQuality, source.domain, split, seed, index), 0) < careless;
    Row row = to_row(problem, source, split, index, is_careless);
    ordered_json messages = ordered_json::parse(row.prompt);
    append_turns(is_careless ? problem.careless : problem.good, thinks(source.domain), &messages);
    row.messages = messages.dump();
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace amalgam::pipeline
