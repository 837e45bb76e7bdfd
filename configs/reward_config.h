// How a domain's answers are scored: by which verifiers, and how its reward function is called
// (docs/REWARDS.md).
#pragma once
#include "configs/arguments.h"
#include "configs/schema.h"
#include "configs/verifier_config.h"

namespace amalgam::configs {

// Whose ranges of scores the data sets that both know have.
enum class RewardCompat { kNone, kVerl };
inline std::vector<std::string> names_of(RewardCompat) { return {"none", "verl"}; }

// What happens to an answer that is truncated, malformed or empty.
enum class Incomplete { kAuto, kScore, kVerify };
inline std::vector<std::string> names_of(Incomplete) { return {"auto", "score", "verify"}; }

struct RewardConfig {
  // An array [[domain.reward]] is this list.
  static constexpr const char* kListKey = "verifier";

  std::vector<VerifierConfig> verifiers = {};
  RewardCompat compat = RewardCompat::kNone;
  Incomplete incomplete = Incomplete::kAuto;
  double truncated_score = 0, malformed_score = 0, empty_score = 0;
  int64_t processes = 0;
  double deadline_s = 30;
  Path python = {};
  std::vector<std::string> env = {};
  Arguments kwargs = {};

  bool operator==(const RewardConfig&) const = default;

  template <class V>
  void visit(V& v) {
    v.tables("verifier", verifiers, VerifierConfig{},
             "One per verifier, where a domain's answers are scored by several or the rows do not "
             "say by which; [[domain.reward]] is short for [[domain.reward.verifier]].");
    v.value("compat", compat,
            "verl: scores of the data sets that verl knows have verl's range, as -1 and 1 of "
            "math_dapo");
    v.value("incomplete", incomplete,
            "what a truncated, malformed or empty answer gets: score: the three keys below; "
            "verify: what the verifier says of it; auto: score from the built-in verifiers, verify "
            "where the domain has a reward_file. It is counted either way");
    v.value("truncated_score", truncated_score, between(-1e6, 1e6),
            "of an answer that the token budget ended");
    v.value("malformed_score", malformed_score, between(-1e6, 1e6),
            "of one that does not parse: an unclosed thought, a broken tool call");
    v.value("empty_score", empty_score, between(-1e6, 1e6), "of one without text");
    v.value("processes", processes, between(0, 256),
            "child processes of a rollout worker that call the function, each one call at a time; "
            "0: as many as cores, 2 to 4; changes no result");
    v.value("deadline_s", deadline_s, between(0.1, 1e6),
            "of one call; one that is late is killed and fails as `timeout`");
    v.value("python", python,
            "interpreter of the function; empty: $VIRTUAL_ENV/bin/python3, without one "
            "/usr/bin/python3");
    v.value("env", env,
            "names of environment variables that the function gets beside HOME, LANG, PATH, TMPDIR "
            "and VIRTUAL_ENV");
    v.value("kwargs", kwargs, "keyword arguments that the function gets in every call");
  }

  std::optional<Problem> problem() const;

  // Whether answers get what the row's own verifier says, and incomplete ones 0.
  bool is_plain() const;
  // In how a function is called.
  bool calls_differ(const RewardConfig& other) const;
  std::string interpreter() const;
  int num_processes() const;
};

}  // namespace amalgam::configs
