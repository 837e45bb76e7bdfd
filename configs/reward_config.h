// How a domain's reward function is called (docs/REWARDS.md).
#pragma once
#include "configs/arguments.h"
#include "configs/schema.h"

namespace amalgam::configs {

struct RewardConfig {
  int64_t processes = 0;
  double deadline_s = 30;
  Path python = {};
  std::vector<std::string> env = {};
  Arguments kwargs = {};

  bool operator==(const RewardConfig&) const = default;

  template <class V>
  void visit(V& v) {
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

  std::string interpreter() const;
  int num_processes() const;
};

}  // namespace amalgam::configs
