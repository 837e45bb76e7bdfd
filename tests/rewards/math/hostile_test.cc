#include <gtest/gtest.h>
#include <sys/resource.h>
#include <time.h>

#include <functional>

#include "rewards/math/math_answer.h"

namespace amalgam::rewards {
namespace {

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

std::string counted(int times, const std::function<std::string(int)>& text) {
  std::string all;
  for (int i = 1; i <= times; ++i) all += text(i);
  return all;
}

std::string in_json(const std::string& text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '\\') json += '\\';
    if (c >= ' ' && c < 127) json += c;
  }
  return json + "\"";
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::string boxed(const std::string& text) { return "\\boxed{" + text + "}"; }

const std::vector<std::string>& hostile_solutions() {
  static const std::vector<std::string> kSolutions = {
      // Numbers that nobody can write down.
      boxed("10^{10^9}"),
      boxed("9^{9^{9^{9^{9}}}}"),
      boxed(repeated("9^{", 40) + "9" + repeated("}", 40)),
      boxed("2^{100000000}"),
      boxed("1000000000!"),
      boxed("((100!)!)!"),
      boxed("\\binom{1000000000}{500000000}"),
      boxed("\\sin(10^{10^9})"),
      boxed("e^{e^{e^{e^{e^{e}}}}}"),
      boxed("\\lfloor 10^{10^9} \\rfloor"),
      boxed("(1/3)^{10^9}"),
      boxed(std::string(100000, '7')),
      boxed("1+" + std::string(50000, '7')),
      boxed("0." + std::string(50000, '7')),
      boxed("\\gcd(" + counted(1500, [](int i) { return std::to_string(i) + ","; }) + "1)"),
      boxed("lcm(" + counted(1500, [](int i) { return std::to_string(i) + ","; }) + "1)"),
      // Much work.
      boxed(repeated("99999!+", 500) + "1"),
      boxed(repeated("\\binom{7999}{3999}+", 400) + "1"),
      boxed(repeated("\\sin(1)+", 600) + "1"),
      boxed(repeated("x!+", 1300) + "1"),
      boxed(repeated("x^{y}+", 600) + "1"),
      boxed(repeated("(x+y+1)^{1000}", 200)),
      boxed(repeated("\\cos x", 800)),
      boxed("1" +
            counted(900,
                    [](int i) { return "+\\frac{1}{" + std::to_string(1000003 + 2 * i) + "}"; })),
      boxed("\\{1" + counted(1300, [](int i) { return ",\\sqrt{" + std::to_string(i) + "}"; }) +
            "\\}"),
      boxed("(0,1)" + counted(300,
                              [](int i) {
                                return "\\cup(" + std::to_string(i) + "," + std::to_string(i + 1) +
                                       ")";
                              })),
      boxed(repeated("\\pm 1, ", 900) + "1"),
      // Depth.
      boxed(repeated("{", 10000) + "5" + repeated("}", 10000)),
      boxed(repeated("(", 10000) + "5" + repeated(")", 10000)),
      boxed(repeated("\\text{", 10000)),
      boxed(repeated("\\sqrt{", 60) + "2" + repeated("}", 60)),
      boxed(repeated("\\frac{1}{1+", 60) + "2" + repeated("}", 60)),
      boxed(repeated("-", 10000) + "5"),
      boxed(repeated("\\pm", 3000) + "1"),
      boxed(repeated("2^", 2000) + "2"),
      boxed("5" + repeated("!", 3000)),
      boxed("5" + repeated("%", 3000)),
      boxed("5" + repeated("^\\circ", 1300)),
      boxed(repeated("|", 10000)),
      repeated("\\boxed{", 10000),
      repeated("\\boxed{", 5000) + repeated("}", 5000),
      // Length.
      repeated("\\boxed{1} and ", 10000),
      repeated("\\boxed{}", 12000),
      repeated("$", 100000),
      repeated("*", 100000),
      repeated("\\", 100000),
      repeated("#", 100000),
      repeated("answer is ", 10000),
      repeated("answer:", 14000),
      repeated("$1$ ", 25000),
      "The answer is " + repeated("$x$ or ", 14000),
      boxed(repeated("1,", 30000) + "1"),
      boxed(repeated("word ", 20000)),
      boxed("5" + repeated(" cm", 3000)),
      boxed("\\begin{pmatrix}" + repeated("1&", 1500) + "\\end{pmatrix}"),
      // No text at all.
      std::string(100000, '\0'),
      std::string(100000, '\xff'),
  };
  return kSolutions;
}

constexpr double kMostSeconds = 0.05;
// Sanitizers, and a machine that does other work, cost up to ten times as much.
constexpr double kTolerance = 10;

TEST(MathHostile, EndsSoonAndScoresNothing) {
  for (const char* text : {"7", "x+1", "\\sqrt{2}", "\\{1,2\\}", "(0,1)\\cup(2,3)", "x^2+y^2=1",
                           "\\pm 2", "\\text{even}", "y<\\sin x"}) {
    const std::string truth = in_json(text);
    for (const std::string& solution : hostile_solutions()) {
      const double begin = cpu_seconds();
      const Score score = score_math_answer(solution, truth);
      EXPECT_LT(cpu_seconds() - begin, kTolerance * kMostSeconds) << solution.substr(0, 60);
      EXPECT_EQ(score.status, Status::kScored);
      EXPECT_EQ(score.reward, 0) << truth << ": " << solution.substr(0, 60);
    }
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  EXPECT_LT(usage.ru_maxrss, kTolerance * 100 * 1024);  // KiB
}

TEST(MathHostile, AsAGroundTruthToo) {
  for (const std::string& solution : hostile_solutions()) {
    std::string truth = solution;
    if (truth.starts_with("\\boxed{") && truth.ends_with("}"))
      truth = truth.substr(7, truth.size() - 8);
    const std::string json = in_json(truth);
    const double begin = cpu_seconds();
    score_math_answer("\\boxed{5}", json);
    score_math_answer(solution, json);
    EXPECT_LT(cpu_seconds() - begin, 2 * kTolerance * kMostSeconds) << solution.substr(0, 60);
  }
}

TEST(MathHostile, LongListsInAnotherOrder) {
  const std::string roots =
      "\\{0" + counted(190, [](int i) { return ",\\sqrt{" + std::to_string(i) + "}"; }) + "\\}";
  const std::string powers =
      "\\{" + counted(190, [](int i) { return std::to_string(191 - i) + "^{1/2},"; }) + "0\\}";
  const std::string bounds =
      "x<0" + counted(150, [](int i) { return ",x<\\sqrt{" + std::to_string(i) + "}"; });
  const std::string bounds_reversed =
      counted(150, [](int i) { return std::to_string(151 - i) + "^{0.5}>x,"; }) + "0>x";
  const double begin = cpu_seconds();
  EXPECT_EQ(score_math_answer(boxed(powers), in_json(roots)).reward, 1);
  EXPECT_LT(cpu_seconds() - begin, kTolerance * kMostSeconds / 2);
  score_math_answer(boxed(bounds_reversed), in_json(bounds));
  EXPECT_LT(cpu_seconds() - begin, kTolerance * 2 * kMostSeconds);
}

TEST(MathHostile, LongTextsHideNoAnswer) {
  const std::string noise = repeated("We look at the next case, which adds nothing new. ", 2000);
  EXPECT_EQ(score_math_answer(noise + "Hence \\boxed{42}.", "42").reward, 1);
  EXPECT_EQ(score_math_answer("\\boxed{42} " + noise, "42").reward, 1);
  EXPECT_EQ(score_math_answer(noise + "Hence \\boxed{24}.", "42").reward, 0);
  EXPECT_EQ(score_math_answer(noise + "The answer is 42.", "42").reward, 1);
  EXPECT_EQ(score_math_answer(boxed(repeated("{", 30) + "5" + repeated("}", 30)), "5").reward, 1);
  EXPECT_EQ(score_math_answer(boxed("10^{10^9}"), in_json("10^{10^9}")).reward, 1);
  EXPECT_EQ(score_math_answer(boxed("10^{10^9}+1"), in_json("10^{10^9}")).reward, 0);
}

}  // namespace
}  // namespace amalgam::rewards
