// Verifiers on one core, over the rows of tests/golden/rewards. Answers of mathematics; counter:
// answers a second. Checks of instructions, strict and loose verdict together one, with the reading
// of the row; counter: checks a second.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "configs/check.h"
#include "rewards/instruct/instruct.h"
#include "rewards/math/math_answer.h"

namespace amalgam::rewards {
namespace {

enum class Detects { kNoLanguage, kLanguage };

struct InstructionCase {
  std::string row, response;
};

bool detects_language(const std::string& id) {
  return id == "language:response_language" || id == "change_case:english_capital" ||
         id == "change_case:english_lowercase";
}

std::vector<InstructionCase> instruction_cases(Detects wanted) {
  std::vector<InstructionCase> cases;
  const auto folder = std::filesystem::path(AMALGAM_GOLDEN) / "rewards";
  for (const char* name : {"if_dev.jsonl", "if_own.jsonl"}) {
    std::ifstream in(folder / name);
    for (std::string line; std::getline(in, line);) {
      auto row = nlohmann::json::parse(line);
      bool detects = false;
      for (const auto& id : row["instruction_id_list"])
        detects |= detects_language(id.get<std::string>());
      if (detects != (wanted == Detects::kLanguage)) continue;
      const std::string response = row["response"];
      for (const char* key : {"response", "strict", "loose"}) row.erase(key);
      cases.push_back({row.dump(), response});
    }
  }
  CHECK(!cases.empty());
  return cases;
}

void instructions(benchmark::State& state, Detects wanted) {
  const std::vector<InstructionCase> cases = instruction_cases(wanted);
  int64_t checks = 0;
  for (auto _ : state)
    for (const InstructionCase& c : cases)
      checks +=
          static_cast<int64_t>(score_instruct(c.response, "", c.row).verdicts[0].second.size());
  state.SetItemsProcessed(checks);
}
BENCHMARK_CAPTURE(instructions, without_language, Detects::kNoLanguage)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(instructions, with_language, Detects::kLanguage)->Unit(benchmark::kMillisecond);

enum class Golds { kAll, kNumbers };

// Every row of tests/golden/rewards/math_dev.jsonl once; or those whose ground truth is a number.
void math_answers(benchmark::State& state, Golds golds) {
  struct Row {
    std::string solution, truth;
  };
  std::vector<Row> rows;
  std::ifstream file(std::filesystem::path(AMALGAM_GOLDEN) / "rewards/math_dev.jsonl");
  for (std::string line; std::getline(file, line);) {
    const auto row = nlohmann::json::parse(line);
    const std::string gold = row.at("gold");
    const bool number = gold.find_first_not_of("0123456789.-") == std::string::npos;
    if (golds == Golds::kAll || number) rows.push_back({row.at("solution"), row.at("gold").dump()});
  }
  for (auto _ : state)
    for (const Row& row : rows)
      benchmark::DoNotOptimize(score_math_answer(row.solution, row.truth));
  state.counters["answers"] = static_cast<double>(rows.size());
  state.counters["answers/s"] = benchmark::Counter(static_cast<double>(rows.size()),
                                                   benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK_CAPTURE(math_answers, all, Golds::kAll)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(math_answers, numbers, Golds::kNumbers)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace amalgam::rewards

BENCHMARK_MAIN();
