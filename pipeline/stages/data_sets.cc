#include "pipeline/stages/data_sets.h"

#include <algorithm>

#include "configs/check.h"
#include "configs/error.h"
#include "configs/log/log.h"
#include "pipeline/data/for_each_row.h"
#include "pipeline/stages/domain_rows.h"
#include "pipeline/stages/row_files.h"

namespace amalgam::pipeline {
namespace {

Domain generator_domain(configs::Generator g) {
  CHECK(g != configs::Generator::kNone);
  return parse_domain(configs::name_of(g));
}

bool is_generated(const configs::DomainConfig& domain) {
  return domain.generator != configs::Generator::kNone;
}

bool needs_validation(const configs::RunConfig& config, const configs::DomainConfig& domain) {
  return (domain.rl.steps > 0 && domain.rl.test_freq > 0) ||
         (config.distill.steps > 0 && config.distill.test_freq > 0);
}

struct Drawing {
  const configs::DomainConfig* domain;
  Split split;
  int64_t count;
  std::vector<Row>* rows;
};

// Adds a row of a file, or counts it.
void add(CheckedRow row, const configs::RunConfig& config, RowSet* set) {
  if (row.problem.empty())
    set->rows.push_back(std::move(row.row));
  else if (config.skip_bad_rows)
    ++set->num_bad;
  else
    throw Error(row.problem);
}

RowSet read_set(const configs::RunConfig& config, const rollout::ToolRegistry& tools,
                kernels::ThreadPool& pool, const configs::DomainConfig& domain,
                const configs::Paths& file, RowUse use) {
  RowSet set;
  for (CheckedRow& row : checked_rows(pool, tools, domain, {file, use}))
    add(std::move(row), config, &set);
  if (set.rows.empty()) throw Error(file.text() + ": holds no row that can be used");
  return set;
}

std::vector<Row> draw_sft(const configs::RunConfig& config, const configs::DomainConfig& domain,
                          SftPhase phase) {
  return generate_sft(generator_domain(domain.generator), Split::kTrain,
                      static_cast<int>(domain.data.sft_rows), static_cast<uint64_t>(config.seed),
                      phase == SftPhase::kAnneal ? domain.data.careless : 0);
}

// Draws the sets of the domains that have a generator.
void draw_all(const configs::RunConfig& config, kernels::ThreadPool& pool,
              std::map<std::string, DomainSets>* sets) {
  std::vector<Drawing> drawings;
  for (const configs::DomainConfig& d : config.domains) {
    if (!is_generated(d)) continue;
    DomainSets& of = (*sets)[d.name];
    drawings.push_back({&d, Split::kTrain, d.data.train_rows, &of.train.rows});
    drawings.push_back({&d, Split::kValidation, d.data.validation_rows, &of.validation.rows});
    drawings.push_back({&d, Split::kTest, d.data.heldout_rows, &of.test.rows});
  }
  for_each_row(pool, "drawing sets", static_cast<int64_t>(drawings.size()), [&](int64_t i) {
    const Drawing& d = drawings[static_cast<size_t>(i)];
    *d.rows = generate(generator_domain(d.domain->generator), d.split, static_cast<int>(d.count),
                       static_cast<uint64_t>(config.seed));
  });
}

// The held-out rows of a domain in their order, each with the set it is meant for. Drawn ones are
// moved out of `sets`.
std::vector<std::pair<CheckedRow, Split>> held_out_rows(const configs::RunConfig& config,
                                                        const rollout::ToolRegistry& tools,
                                                        kernels::ThreadPool& pool,
                                                        const configs::DomainConfig& domain,
                                                        DomainSets* sets) {
  std::vector<std::pair<CheckedRow, Split>> rows;
  if (is_generated(domain)) {
    for (const Split split : {Split::kValidation, Split::kTest})
      for (Row& row : std::exchange(sets->of(split).rows, {}))
        rows.emplace_back(CheckedRow{std::move(row), ""}, split);
    return rows;
  }
  const auto read = [&](const configs::Paths& file) {
    return checked_rows(pool, tools, domain, {file, RowUse::kPrompt});
  };
  std::vector<CheckedRow> held_out = read(domain.heldout_file);
  if (!domain.validation_file.empty()) {
    for (CheckedRow& row : read(domain.validation_file))
      rows.emplace_back(std::move(row), Split::kValidation);
    for (CheckedRow& row : held_out) rows.emplace_back(std::move(row), Split::kTest);
    return rows;
  }
  if (held_out.size() < 2) {
    if (needs_validation(config, domain))
      throw Error(domain.heldout_file.text() +
                  ": one row cannot be both validation and test; give more, a "
                  "validation_file, or test_freq = 0 (no validation) for rl and distill");
    rows.emplace_back(std::move(held_out[0]), Split::kTest);
    return rows;
  }
  for (size_t i = 0; i < held_out.size(); ++i)
    rows.emplace_back(std::move(held_out[i]), i % 2 == 0 ? Split::kValidation : Split::kTest);
  return rows;
}

// Keeps the held-out rows whose prompt no other set has. `seen`: every prompt so far, with its set.
void take_held_out(const configs::RunConfig& config, const configs::DomainConfig& domain,
                   const rollout::ToolRegistry& tools,
                   std::vector<std::pair<CheckedRow, Split>> rows,
                   std::map<std::string, Split>* seen, DomainSets* sets) {
  for (auto& [checked, split] : rows) {
    RowSet& set = sets->of(split);
    if (checked.problem.empty() &&
        seen->emplace(encoded_prompt(tools, domain, checked.row, domain.name), split)
                .first->second != split)
      ++set.num_repeated;
    else
      add(std::move(checked), config, &set);
  }
  const auto require = [&](const RowSet& set, const char* name) {
    if (set.num_repeated > 0)
      log::warn(log::Part::kData,
                "domain " + domain.name + ": " + std::to_string(set.num_repeated) + " of " +
                    std::to_string(set.num_repeated + set.num_bad +
                                   static_cast<int64_t>(set.rows.size())) +
                    " " + name + " rows are left out, their prompts are in an earlier set");
    if (set.rows.empty())
      throw Error("domain " + domain.name + ": no " + name +
                  " row is left that can be used and whose prompt is in no earlier set (training, "
                  "validation, test); give more rows");
  };
  if (needs_validation(config, domain)) require(sets->validation, "validation");
  require(sets->test, "test");
}

}  // namespace

DataSets::DataSets(const configs::RunConfig& config, const rollout::ToolRegistry& tools,
                   kernels::ThreadPool& pool) {
  // What generators draw is disjoint already.
  const bool compares = !std::all_of(config.domains.begin(), config.domains.end(), is_generated);
  std::map<std::string, Split> seen;
  draw_all(config, pool, &sets_);
  for (const configs::DomainConfig& d : config.domains) {
    DomainSets& sets = sets_[d.name];
    if (!is_generated(d))
      sets.train = read_set(config, tools, pool, d, d.train_file, RowUse::kPrompt);
    if (!compares) continue;
    const std::vector<Row>& train = sets.train.rows;
    std::vector<std::string> prompts(train.size());
    for_each_row(pool, "comparing " + d.name, static_cast<int64_t>(prompts.size()), [&](int64_t i) {
      const auto at = static_cast<size_t>(i);
      prompts[at] = encoded_prompt(tools, d, train[at], d.name);
    });
    for (std::string& prompt : prompts) seen.emplace(std::move(prompt), Split::kTrain);
    for (const SftPhase phase : {SftPhase::kSft, SftPhase::kAnneal}) {
      if (phase == SftPhase::kAnneal && is_generated(d))
        continue;  // other answers, the same prompts
      for (const Row& row : domain_sft_rows(config, tools, pool, d, phase).rows)
        for (std::string& prompt : encoded_sft_prompts(tools, d, row))
          seen.emplace(std::move(prompt), Split::kTrain);
    }
  }
  for (const configs::DomainConfig& d : config.domains)
    take_held_out(config, d, tools, held_out_rows(config, tools, pool, d, &sets_[d.name]), &seen,
                  &sets_[d.name]);
}

const char* to_string(SftPhase phase) { return phase == SftPhase::kSft ? "sft" : "anneal"; }

RowSet domain_sft_rows(const configs::RunConfig& config, const rollout::ToolRegistry& tools,
                       kernels::ThreadPool& pool, const configs::DomainConfig& domain,
                       SftPhase phase) {
  if (is_generated(domain)) return {.rows = draw_sft(config, domain, phase)};
  const configs::Paths& file = phase == SftPhase::kAnneal && !domain.anneal_file.empty()
                                   ? domain.anneal_file
                                   : domain.sft_file;
  if (file.empty()) return {};
  return read_set(config, tools, pool, domain, file, RowUse::kExample);
}

std::vector<RowSet> all_sft_rows(const configs::RunConfig& config,
                                 const rollout::ToolRegistry& tools, kernels::ThreadPool& pool,
                                 SftPhase phase) {
  std::vector<RowSet> sets(config.domains.size());
  for_each_row(pool, "drawing answers", static_cast<int64_t>(sets.size()), [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    if (is_generated(config.domains[at]))
      sets[at].rows = draw_sft(config, config.domains[at], phase);
  });
  for (size_t i = 0; i < sets.size(); ++i)
    if (!is_generated(config.domains[i]))
      sets[i] = domain_sft_rows(config, tools, pool, config.domains[i], phase);
  return sets;
}

}  // namespace amalgam::pipeline
