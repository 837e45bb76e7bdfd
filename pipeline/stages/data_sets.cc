#include "pipeline/stages/data_sets.h"

#include <algorithm>
#include <cstdio>

#include "configs/check.h"
#include "configs/error.h"
#include "pipeline/data/for_each_row.h"
#include "pipeline/stages/domain_rows.h"

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

// Draws the sets of the domains that have a generator.
void draw_all(const configs::RunConfig& config, kernels::ThreadPool& pool,
              std::map<std::string, DomainSets>* sets) {
  std::vector<Drawing> drawings;
  for (const configs::DomainConfig& d : config.domains) {
    if (!is_generated(d)) continue;
    DomainSets& of = (*sets)[d.name];
    drawings.push_back({&d, Split::kTrain, d.data.train_rows, &of.train});
    drawings.push_back({&d, Split::kValidation, d.data.validation_rows, &of.validation});
    drawings.push_back({&d, Split::kTest, d.data.heldout_rows, &of.test});
  }
  for_each_row(pool, "drawing sets", static_cast<int64_t>(drawings.size()), [&](int64_t i) {
    const Drawing& d = drawings[static_cast<size_t>(i)];
    *d.rows = generate(generator_domain(d.domain->generator), d.split, static_cast<int>(d.count),
                       static_cast<uint64_t>(config.seed));
  });
}

// The held-out rows of a domain in their order, each with the set it is meant for. Drawn ones are
// moved out of `sets`.
std::vector<std::pair<Row, Split>> held_out_rows(const configs::RunConfig& config,
                                                 const configs::DomainConfig& domain,
                                                 DomainSets* sets) {
  std::vector<std::pair<Row, Split>> rows;
  if (is_generated(domain)) {
    for (Row& row : std::exchange(sets->validation, {}))
      rows.emplace_back(std::move(row), Split::kValidation);
    for (Row& row : std::exchange(sets->test, {})) rows.emplace_back(std::move(row), Split::kTest);
    return rows;
  }
  const std::string heldout = domain.heldout_file.string();
  if (!domain.validation_file.empty()) {
    for (Row& row : read_rows(domain.validation_file.string()))
      rows.emplace_back(std::move(row), Split::kValidation);
    for (Row& row : read_rows(heldout)) rows.emplace_back(std::move(row), Split::kTest);
    return rows;
  }
  std::vector<Row> all = read_rows(heldout);
  if (all.size() < 2) {
    if (needs_validation(config, domain))
      throw Error(heldout +
                  ": one row cannot be both validation and test; give more, a "
                  "validation_file, or test_freq = 0 (no validation) for rl and distill");
    rows.emplace_back(std::move(all[0]), Split::kTest);
    return rows;
  }
  for (size_t i = 0; i < all.size(); ++i)
    rows.emplace_back(std::move(all[i]), i % 2 == 0 ? Split::kValidation : Split::kTest);
  return rows;
}

// Keeps the held-out rows whose prompt no other set has. `seen`: every prompt so far, with its set.
void take_held_out(const configs::RunConfig& config, const configs::DomainConfig& domain,
                   const rollout::ToolRegistry& tools, std::vector<std::pair<Row, Split>> rows,
                   std::map<std::string, Split>* seen, DomainSets* sets) {
  for (auto& [row, split] : rows) {
    const auto at = seen->emplace(encoded_prompt(tools, domain, row, domain.name), split).first;
    const bool validates = split == Split::kValidation;
    if (at->second != split)
      ++(validates ? sets->validation_left_out : sets->test_left_out);
    else
      (validates ? sets->validation : sets->test).push_back(std::move(row));
  }
  const auto require = [&](const std::vector<Row>& set, const char* name, int64_t left_out) {
    if (left_out > 0)
      std::fprintf(stderr,
                   "domain %s: %lld of %lld %s rows are left out, their prompts are in an earlier "
                   "set\n",
                   domain.name.c_str(), static_cast<long long>(left_out),
                   static_cast<long long>(left_out) + static_cast<long long>(set.size()), name);
    if (set.empty())
      throw Error("domain " + domain.name + ": no " + name +
                  " row is left whose prompt is in no earlier set (training, validation, test); "
                  "give more rows");
  };
  if (needs_validation(config, domain))
    require(sets->validation, "validation", sets->validation_left_out);
  require(sets->test, "test", sets->test_left_out);
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
    if (!is_generated(d)) sets.train = read_rows(d.train_file.string());
    if (!compares) continue;
    std::vector<std::string> prompts(sets.train.size());
    for_each_row(pool, "comparing " + d.name, static_cast<int64_t>(prompts.size()), [&](int64_t i) {
      const auto at = static_cast<size_t>(i);
      prompts[at] = encoded_prompt(tools, d, sets.train[at], d.name);
    });
    for (std::string& prompt : prompts) seen.emplace(std::move(prompt), Split::kTrain);
    for (const SftPhase phase : {SftPhase::kSft, SftPhase::kAnneal}) {
      if (phase == SftPhase::kAnneal && is_generated(d))
        continue;  // other answers, the same prompts
      for (const Row& row : domain_sft_rows(config, d, phase))
        for (std::string& prompt : encoded_sft_prompts(tools, d, row))
          seen.emplace(std::move(prompt), Split::kTrain);
    }
  }
  for (const configs::DomainConfig& d : config.domains)
    take_held_out(config, d, tools, held_out_rows(config, d, &sets_[d.name]), &seen,
                  &sets_[d.name]);
}

std::vector<Row> domain_sft_rows(const configs::RunConfig& config,
                                 const configs::DomainConfig& domain, SftPhase phase) {
  const bool anneals = phase == SftPhase::kAnneal;
  if (!is_generated(domain)) {
    const configs::Path& file =
        anneals && !domain.anneal_file.empty() ? domain.anneal_file : domain.sft_file;
    return file.empty() ? std::vector<Row>() : read_rows(file.string());
  }
  return generate_sft(generator_domain(domain.generator), Split::kTrain,
                      static_cast<int>(domain.data.sft_rows), static_cast<uint64_t>(config.seed),
                      anneals ? domain.data.careless : 0);
}

std::vector<std::vector<Row>> all_sft_rows(const configs::RunConfig& config,
                                           kernels::ThreadPool& pool, SftPhase phase) {
  std::vector<std::vector<Row>> rows(config.domains.size());
  for_each_row(pool, "drawing answers", static_cast<int64_t>(rows.size()), [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    rows[at] = domain_sft_rows(config, config.domains[at], phase);
  });
  return rows;
}

}  // namespace amalgam::pipeline
