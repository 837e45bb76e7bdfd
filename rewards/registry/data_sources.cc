#include "rewards/registry/data_sources.h"

#include <algorithm>
#include <string_view>

namespace amalgam::rewards {

// Of verl 0.9.1's default_compute_score, and others of the same kinds.
const std::vector<DataSource>& data_sources() {
  static constexpr char kMath[] =
      "compared as mathematics, not as normalised texts: 0.5 is \\frac{1}{2}; the last box counts, "
      "also one that is not at the end";
  static constexpr char kDapo[] =
      "the whole answer is read, not its last 300 characters; a box will do, \"Answer:\" is not "
      "needed; compared as mathematics";
  static constexpr char kPrime[] =
      "exact: no numeric tolerance, so 1.414 is not \\sqrt{2}; nothing evaluates an answer as code";
  static constexpr char kCode[] =
      "the answer and what knows the tests' results are two processes; without `partial` the score "
      "is 1 or 0; limits are of CPU time";
  static constexpr char kSearch[] = "an answer without <answer> tags is compared whole";
  static const std::vector<DataSource> all = {
      {"openai/gsm8k", "gsm8k", "{\"strict\": true}", 0, 1,
       "numbers are compared as numbers (18.00 is 18), and a box or \"the answer is\" will do "
       "beside `####`"},
      {"lighteval/MATH", "math", "{}", 0, 1, kMath},
      {"DigitalLearningGmbH/MATH-lighteval", "math", "{}", 0, 1, kMath},
      {"HuggingFaceH4/MATH-500", "math", "{}", 0, 1, kMath},
      {"math_dapo", "math", "{}", -1, 1, kDapo},
      {"math", "math", "{}", -1, 1, kDapo},
      {"math_dapo_reasoning", "math", "{}", -1, 1, kDapo},
      {"aime*", "math", "{}", -1, 1, kDapo},
      {"numina_aops_forum", "math", "{}", 0, 1, kPrime},
      {"numina_synthetic_math", "math", "{}", 0, 1, kPrime},
      {"numina_amc_aime", "math", "{}", 0, 1, kPrime},
      {"numina_synthetic_amc", "math", "{}", 0, 1, kPrime},
      {"numina_cn_k12", "math", "{}", 0, 1, kPrime},
      {"numina_olympiads", "math", "{}", 0, 1, kPrime},
      {"codecontests", "code", "{\"partial\": true}", 0, 1, kCode},
      {"apps", "code", "{\"partial\": true}", 0, 1, kCode},
      {"codeforces", "code", "{\"partial\": true}", 0, 1, kCode},
      {"taco", "code", "{\"partial\": true}", 0, 1, kCode},
      {"hiyouga/geometry3k", "math", "{}", 0, 0.9,
       "verl adds 0.1 for <think>…</think> and a box: give a second verifier with style regex"},
      {"searchR1_nq", "exact_match", "{}", 0, 1, kSearch},
      {"searchR1_triviaqa", "exact_match", "{}", 0, 1, kSearch},
      {"searchR1_popqa", "exact_match", "{}", 0, 1, kSearch},
      {"searchR1_hotpotqa", "exact_match", "{}", 0, 1, kSearch},
      {"searchR1_2wikimultihopqa", "exact_match", "{}", 0, 1, kSearch},
      {"searchR1_musique", "exact_match", "{}", 0, 1, kSearch},
      {"searchR1_bamboogle", "exact_match", "{}", 0, 1, kSearch},
      {"gsm8k", "gsm8k", "{}", 0, 1, ""},
      {"deepcoder", "code", "{}", 0, 1, ""},
      {"livecodebench*", "code", "{}", 0, 1, ""},
      {"openai_humaneval", "code", "{}", 0, 1, ""},
      {"openai/openai_humaneval", "code", "{}", 0, 1, ""},
      {"mbpp", "code", "{}", 0, 1, ""},
      {"google-research-datasets/mbpp", "code", "{}", 0, 1, ""},
      {"kodcode*", "code", "{}", 0, 1, ""},
      {"KodCode/*", "code", "{}", 0, 1, ""},
      {"ifeval", "instruct", "{}", 0, 1, ""},
      {"google/IFEval", "instruct", "{}", 0, 1, ""},
      {"allenai/IFBench*", "instruct", "{}", 0, 1, ""},
      {"rajpurkar/squad*", "f1", "{}", 0, 1, ""},
      {"squad", "f1", "{}", 0, 1, ""},
      {"cais/mmlu", "choice", "{}", 0, 1, ""},
      {"mmlu*", "choice", "{}", 0, 1, ""},
      {"TIGER-Lab/MMLU-Pro", "choice", "{}", 0, 1, ""},
      {"gpqa*", "choice", "{}", 0, 1, ""},
      {"Idavidrein/gpqa", "choice", "{}", 0, 1, ""}};
  return all;
}

const DataSource* find_data_source(const std::string& name) {
  const auto& all = data_sources();
  const auto found = std::find_if(all.begin(), all.end(), [&](const DataSource& s) {
    const std::string_view known = s.name;
    return known.ends_with('*') ? name.starts_with(known.substr(0, known.size() - 1))
                                : name == known;
  });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace amalgam::rewards
