#include "pipeline/commands/judge_export.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <set>
#include <vector>

#include "configs/error.h"
#include "configs/log/log.h"
#include "configs/printable.h"
#include "pipeline/commands/judged_samples.h"
#include "pipeline/data/drawn.h"
#include "pipeline/data/jsonl.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/run_store/results.h"
#include "pipeline/stages/domain_groups.h"
#include "pipeline/stages/run_context.h"

namespace amalgam::pipeline {
namespace {

enum Use : uint64_t { kUnits, kPairs };  // of random numbers

using Samples = std::vector<const TrajectoryRow*>;

void require_valid(const JudgeExportOptions& o) {
  if (!(o.share > 0 && o.share <= 1))
    throw Error("--share is of the answers, above 0 and at most 1");
  if (o.limit < 0) throw Error("--limit is a number of answers; 0 = as --share says");
  if (o.seed < 0) throw Error("--seed must not be negative");
  if (o.out != kStandardStream && std::filesystem::exists(o.out))
    throw Error(o.out + " is there already, maybe with labels; name another file with --out");
}

template <class Names>
void require_one_of(const char* what, const std::string& asked, const Names& all) {
  if (asked.empty() || all.contains(asked)) return;
  throw Error(fmt::format("there are no judged answers of the {} '{}'; {}", what, printable(asked),
                          all.empty() ? "nothing was sampled yet"
                                      : fmt::format("there are of {}", fmt::join(all, ", "))));
}

// Those that the options name; without a stage those that a specialist was trained on. Throws Error
// where there are none, and where they are not of one stage.
Samples chosen(const JudgedSamples& samples, const JudgeExportOptions& o) {
  std::set<std::string> trained, stages, domains;
  for (const configs::DomainConfig& d : samples.config().domains)
    trained.insert(specialist_stage(specialist_name(d)));
  for (const TrajectoryRow& row : samples.all())
    stages.insert(row.stage), domains.insert(row.domain);
  require_one_of("stage", o.stage, stages);
  require_one_of("domain", o.domain, domains);
  Samples found;
  std::set<std::string> found_stages;
  std::set<int64_t> steps;
  for (const TrajectoryRow& row : samples.all()) {
    if (o.stage.empty() ? !trained.contains(row.stage) : row.stage != o.stage) continue;
    if (!o.domain.empty() && row.domain != o.domain) continue;
    steps.insert(row.step);
    found_stages.insert(row.stage);
    if (o.step < 0 || row.step == o.step) found.push_back(&row);
  }
  if (found_stages.size() > 1)
    throw Error(fmt::format("there are answers of {}; say which with --stage",
                            fmt::join(found_stages, ", ")));
  if (steps.empty())
    throw Error(fmt::format("there are no judged answers of training; {}",
                            stages.empty()
                                ? "nothing was sampled yet"
                                : fmt::format("--stage may be {}", fmt::join(stages, ", "))));
  if (found.empty())
    throw Error(fmt::format("there are no judged answers of step {}; the last one is {}", o.step,
                            *steps.rbegin()));
  return found;
}

// What is labelled at once: answers, or the answers of a group, of which two are compared.
std::vector<Samples> units_of(const JudgedSamples& samples, const Samples& all) {
  std::vector<Samples> units;
  for (const TrajectoryRow* row : all) {
    const bool goes_on = !units.empty() && samples.is_compared(*row) &&
                         units.back()[0]->step == row->step && units.back()[0]->group == row->group;
    if (!goes_on) units.emplace_back();
    units.back().push_back(row);
  }
  return units;
}

// Nothing: it has no text, or no two different ones.
std::optional<JudgeFormEntry> drawn_entry(const JudgedSamples& samples, const Samples& unit,
                                          const kernels::RngKey& key) {
  if (!samples.is_compared(*unit[0])) return samples.entry(*unit[0]);
  std::optional<JudgeFormEntry> first;
  for (const size_t i : drawn(unit.size(), unit.size(), key)) {
    const auto entry = samples.entry(*unit[i]);
    if (!entry) continue;
    if (first && first->answers != entry->answers) return paired(*first, *entry);
    if (!first) first = entry;
  }
  return std::nullopt;
}

}  // namespace

void JudgeExportOptions::describe(OptionSet& options) {
  options.option("run-dir", run_dir, "directory of the run", Need::kRequired);
  options.option("--stage", stage,
                 "answers of this stage, as `amalgam samples` names it; without it those that the "
                 "specialist was trained on");
  options.option("--domain", domain, "of this domain only");
  options.option("--step", step, "of this step only; -1 = of all");
  options.option("--share", share, "share of the answers that is drawn, pairwise of the prompts");
  options.option("--limit", limit, "so many, instead of a share; 0 = as --share says");
  options.option("--seed", seed, "another one draws others");
  options.option("--out", out, "form to write, JSONL; - is standard output", Need::kRequired);
}

int run_judge_export(const JudgeExportOptions& options) {
  require_valid(options);
  const JudgedSamples samples(options.run_dir);
  const Samples all = chosen(samples, options);
  const std::vector<Samples> units = units_of(samples, all);
  const double share = options.share * static_cast<double>(units.size());
  const int64_t wanted =
      options.limit > 0 ? options.limit : std::max<int64_t>(1, std::llround(share));
  const auto key = [&](Use use, size_t request) {
    return kernels::RngKey{.seed = static_cast<uint64_t>(options.seed),
                           .stream = stage_stream("judge-export", use),
                           .request = request};
  };
  RowWriter writer(options.out, kStandardStream);
  int64_t num_written = 0;
  for (const size_t u : drawn(units.size(), units.size(), key(kUnits, 0))) {
    if (interrupted()) throw Interrupted();
    if (num_written == wanted) break;
    const auto entry = drawn_entry(samples, units[u], key(kPairs, u));
    if (!entry) continue;
    writer.write(entry->line());
    ++num_written;
  }
  writer.finish();
  const bool pairs = samples.is_compared(*all[0]);
  log::say(log::Part::kReward,
           fmt::format("{} of {} {} of {}, drawn at random: fill in \"{}\" in {}, then `amalgam "
                       "judge import {} --run {} --out rows.jsonl`",
                       num_written, units.size(), pairs ? "prompts, two answers each," : "answers",
                       all[0]->stage, pairs ? "label" : "labels", options.out, options.out,
                       options.run_dir));
  return 0;
}

}  // namespace amalgam::pipeline
