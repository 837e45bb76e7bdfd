// Shell commands with each way in which a command can end, the same for every kind of sandbox. To
// be run one after the other in one sandbox with these limits.
#pragma once
#include "tests/sandbox/fixture.h"

namespace amalgam::sandbox {

struct OutcomeCase {
  const char* script;
  Outcome outcome;
  int exit_code;
};

inline constexpr OutcomeCase kOutcomeCases[] = {
    {":", Outcome::kOk, 0},
    {"exit 7", Outcome::kExit, 7},
    {"kill -SEGV $$", Outcome::kSignal, 128 + 11},
    {"kill -KILL $$", Outcome::kSignal, 128 + 9},
    {"while :; do :; done", Outcome::kTimeout, 128 + 9},
    {"exec cat /dev/zero", Outcome::kOutputLimit, 128 + 9},
    {"exec cat /dev/zero > fill", Outcome::kDiskLimit, 128 + 25},  // a file above the limit
    {"rm fill; cat /dev/zero > a; cat /dev/zero > b; exit 3", Outcome::kDiskLimit, 3},
    // The program got over it.
    {"cat /dev/zero > c; rm -f a b c; :", Outcome::kOk, 0},
    {"rm -f *; exit 4", Outcome::kExit, 4},
    {"kill -SYS $$", Outcome::kDenied, 128 + 31},
};

inline Limits outcome_case_limits(double cpu_seconds) {
  Limits limits;
  limits.cpu_seconds = cpu_seconds;
  limits.disk_bytes = 4 << 20;
  return limits;
}

inline void expect_outcome_cases(Sandbox& sandbox) {
  for (const OutcomeCase& c : kOutcomeCases) {
    const Result r = shell(sandbox, c.script);
    EXPECT_EQ(r.outcome, c.outcome)
        << c.script << ": " << to_string(r.outcome) << r.err << r.detail << r.cpu_seconds;
    EXPECT_EQ(r.exit_code, c.exit_code) << c.script;
  }
}

}  // namespace amalgam::sandbox
