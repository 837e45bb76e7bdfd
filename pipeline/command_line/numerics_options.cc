#include "pipeline/command_line/numerics_options.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "configs/log/log.h"

namespace amalgam::pipeline {
namespace {

struct Flags {
  OptionSet& options;
  void value(std::string key, bool& field, const std::string& doc) {
    std::replace(key.begin(), key.end(), '_', '-');
    options.flag("--" + key, field, doc);
  }
};

}  // namespace

void describe_numerics(OptionSet& options, configs::NumericsConfig& numerics) {
  Flags flags{options};
  numerics.visit(flags);
}

void print_index_recall(const model::IndexerCounters& counters) {
  if (counters.compared == 0) return;
  log::say(log::Part::kRun,
           fmt::format(
               "indexer: bf16 scores chose {:.2f} % of what f32 scores choose ({} entries)",
               100 * static_cast<double>(counters.agreed) / static_cast<double>(counters.compared),
               counters.compared));
}

}  // namespace amalgam::pipeline
