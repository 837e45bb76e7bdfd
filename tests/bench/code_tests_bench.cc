// Tests of code: answers of 10 tests scored by 2 threads. Counters: tests a second.
#include <benchmark/benchmark.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "configs/clock.h"
#include "rewards/code/code_tests.h"
#include "sandbox/function/function.h"

namespace amalgam::rewards {
namespace {

constexpr int kTests = 10;
constexpr int kThreads = 2;
constexpr int kAnswers = 40;

enum class Form { kPrograms, kCalls, kNative, kAsserts };

// Tests of a sum of two numbers, below a millisecond each.
std::string row_of_sums(Form form) {
  std::string inputs, outputs, asserts;
  for (int i = 0; i < kTests; ++i) {
    const std::string comma = i == 0 ? "" : ", ", a = std::to_string(i), b = std::to_string(i * i);
    const std::string sum = std::to_string(i + i * i);
    const bool is_program = form == Form::kPrograms;
    inputs += comma + (form == Form::kNative ? "[" + a + ", " + b + "]"
                       : is_program          ? "\"" + a + " " + b + "\\n\""
                                             : "\"" + a + "\\n" + b + "\"");
    outputs += comma + (form == Form::kNative ? sum : "\"" + sum + "\"");
    asserts += comma + "\"assert f(" + a + ", " + b + ") == " + sum + "\"";
  }
  if (form == Form::kAsserts) return "{\"assert_case\": [" + asserts + "]}";
  return std::string("{") + (form == Form::kPrograms ? "" : "\"fn_name\": \"f\", ") +
         "\"inputs\": [" + inputs + "], \"outputs\": [" + outputs + "]}";
}

void tests_of_code(benchmark::State& state, Form form, bool by_function) {
  CodeTestOptions options;
  if (by_function)
    options.make_sandbox = [](const sandbox::Limits& limits, const sandbox::Image&,
                              std::string* error) {
      return sandbox::create_function(limits, error);
    };
  const std::string truth = row_of_sums(form);
  const std::string answer = form == Form::kPrograms
                                 ? "```python\na, b = map(int, input().split())\nprint(a + b)\n```"
                                 : "```python\ndef f(a, b):\n    return a + b\n```";
  for (auto _ : state) {
    std::atomic<int> num_left = kAnswers, num_wrong = 0;
    const auto begin = Clock::now();
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&] {
        while (num_left-- > 0)
          num_wrong += score_code_tests(answer, truth, "", options).reward != 1;
      });
    for (std::thread& thread : threads) thread.join();
    const double seconds = seconds_since(begin);
    state.SetIterationTime(seconds);
    state.counters["tests_per_s"] = kAnswers * kTests / seconds;
    if (num_wrong > 0) state.SkipWithError("a right answer is not scored 1");
  }
}
#define TESTS_OF_CODE(form, substrate, is_function)                                   \
  BENCHMARK_CAPTURE(tests_of_code, form##_by_##substrate, Form::k##form, is_function) \
      ->Iterations(1)                                                                 \
      ->Repetitions(3)                                                                \
      ->UseManualTime()                                                               \
      ->Unit(benchmark::kSecond)
TESTS_OF_CODE(Programs, container, false);
TESTS_OF_CODE(Programs, function, true);
TESTS_OF_CODE(Calls, container, false);
TESTS_OF_CODE(Calls, function, true);
TESTS_OF_CODE(Native, container, false);
TESTS_OF_CODE(Native, function, true);
TESTS_OF_CODE(Asserts, container, false);
TESTS_OF_CODE(Asserts, function, true);
#undef TESTS_OF_CODE

}  // namespace
}  // namespace amalgam::rewards

BENCHMARK_MAIN();
