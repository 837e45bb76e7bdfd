#include "pipeline/stages/data_sets.h"

#include <algorithm>
#include <cstdio>

#include "configs/check.h"
#include "configs/error.h"
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

std::vector<Row> drawn(const configs::RunConfig& config, const configs::DomainConfig& domain,
                       Split split, int64_t count) {
  return generate(generator_domain(domain.generator), split, static_cast<int>(count),
                  static_cast<uint64_t>(config.seed));
}

// The held-out rows of a domain in their order, each with the set it is meant for.
std::vector<std::pair<Row, Split>> held_out_rows(const configs::RunConfig& config,
                                                 const configs::DomainConfig& domain) {
  std::vector<std::pair<Row, Split>> rows;
  if (is_generated(domain)) {
    for (Row& row : drawn(config, domain, Split::kValidation, domain.data.validation_rows))
      rows.emplace_back(std::move(row), Split::kValidation);
    for (Row& row : drawn(config, domain, Split::kTest, domain.data.heldout_rows))
      rows.emplace_back(std::move(row), Split::kTest);
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

DataSets::DataSets(const configs::RunConfig& config, const rollout::ToolRegistry& tools) {
  // What generators draw is disjoint already.
  const bool compares = !std::all_of(config.domains.begin(), config.domains.end(), is_generated);
  std::map<std::string, Split> seen;
  for (const configs::DomainConfig& d : config.domains) {
    DomainSets& sets = sets_[d.name];
    sets.train = is_generated(d) ? drawn(config, d, Split::kTrain, d.data.train_rows)
                                 : read_rows(d.train_file.string());
    if (!compares) continue;
    for (const Row& row : sets.train)
      seen.emplace(encoded_prompt(tools, d, row, d.name), Split::kTrain);
    for (const SftPhase phase : {SftPhase::kSft, SftPhase::kAnneal}) {
      if (phase == SftPhase::kAnneal && is_generated(d))
        continue;  // other answers, the same prompts
      for (const Row& row : domain_sft_rows(config, d, phase))
        for (std::string& prompt : encoded_sft_prompts(tools, d, row))
          seen.emplace(std::move(prompt), Split::kTrain);
    }
  }
  for (const configs::DomainConfig& d : config.domains)
    take_held_out(config, d, tools, held_out_rows(config, d), &seen, &sets_[d.name]);
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

}  // namespace amalgam::pipeline
