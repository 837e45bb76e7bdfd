// What RUN/log.txt holds.
#pragma once
#include "configs/error.h"
#include "configs/log_levels.h"
#include "configs/schema.h"

namespace amalgam::configs {

struct LogConfig {
  std::string level = "info";
  int64_t max_mb = 32;
  int64_t files = 4;
  bool json = false;

  template <class V>
  void visit(V& v) {
    v.value("level", level,
            "debug, info, warning, error or critical, and PART=LEVEL for one part, as in "
            "info,sandbox=debug; parts are run, data, rollout, sandbox, reward, tool and learn; "
            "changes no result");
    v.value("max_mb", max_mb, between(1, 1 << 20),
            "MiB of log.txt; then it becomes log.1.txt, and log.1.txt becomes log.2.txt; changes "
            "no result");
    v.value("files", files, between(1, 1000),
            "older files that are kept, log.1.txt and so on; changes no result");
    v.value("json", json,
            "the same lines as JSON objects in log.jsonl, for programs; changes no result");
  }

  std::optional<Problem> problem() const {
    try {
      log::Levels levels(level);
    } catch (const Error& e) {
      return Problem{"level", e.what()};
    }
    return std::nullopt;
  }
};

}  // namespace amalgam::configs
