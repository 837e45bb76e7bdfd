#include "pipeline/stages/data_sets.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <functional>
#include <unordered_map>

#include "configs/check.h"
#include "configs/error.h"
#include "configs/log/log.h"
#include "pipeline/data/for_each_row.h"
#include "pipeline/data/reasoning_gym/gym_rows.h"
#include "pipeline/stages/domain_rows.h"
#include "pipeline/stages/row_files.h"

namespace amalgam::pipeline {
namespace {

// Share of a form's examples that are in the other form: which one a base writes has nothing to do
// with what its prompts ask for. It can do both, and what decides is left to RL.
constexpr double kOtherForm = 0.5;

Source source_of(const configs::Generator& g) {
  CHECK(g.is_built_in());
  return {parse_domain(configs::Generator(g.source).text()), g.form};
}

bool is_generated(const configs::DomainConfig& domain) {
  return domain.generator != configs::Generator::kNone;
}

// Its sets have no question in common, but other domains' may have.
bool is_of_gym(const configs::DomainConfig& domain) {
  return domain.generator.source == configs::Generator::kReasoningGym;
}

bool needs_validation(const configs::RunConfig& config, const configs::DomainConfig& domain) {
  return (domain.rl.steps > 0 && domain.rl.test_freq > 0) ||
         (config.distill.steps > 0 && config.distill.test_freq > 0);
}

struct Drawing {
  const configs::DomainConfig* domain;
  Split split;
  int64_t count;
  RowStore* rows;
};

RowStore stored(const std::vector<Row>& rows) {
  RowStore store;
  for (const Row& row : rows) store.add(row.to_json());
  return store;
}

// A row that cannot be used.
void add_bad(const std::string& problem, const configs::RunConfig& config, RowSet* set) {
  if (!config.skip_bad_rows) throw Error(problem);
  ++set->num_bad;
}

RowSet read_set(const configs::RunConfig& config, const rollout::ToolRegistry& tools,
                kernels::ThreadPool& pool, const configs::DomainConfig& domain,
                const configs::Paths& file, RowUse use) {
  RowSet set;
  CheckedRows all = checked_rows(config, pool, tools, domain, {file, use});
  for (const auto& [i, problem] : all.problems) add_bad(problem, config, &set);
  if (set.num_bad == 0)
    set.rows = std::move(all.rows);
  else
    for (size_t i = 0; i < all.rows.size(); ++i)
      if (!all.problems.contains(i)) set.rows.add(all.rows.json(i));
  if (set.rows.empty())
    throw Error(file.text() + ": holds no row that " +
                (domain.effort_mode().empty()
                     ? "can be used"
                     : "domain " + domain.name + " can use: of its effort, or without one"));
  return set;
}

RowStore draw_sft(const configs::RunConfig& config, const configs::DomainConfig& domain,
                  SftPhase phase) {
  if (is_of_gym(domain)) return draw_gym_rows(config, domain).sft;
  const Source source = source_of(domain.generator);
  const double careless = !source.form.empty()         ? kOtherForm
                          : phase == SftPhase::kAnneal ? domain.data.careless
                                                       : 0;
  return stored(generate_sft(source, Split::kTrain, static_cast<int>(domain.data.sft_rows),
                             static_cast<uint64_t>(config.seed), careless));
}

// Draws the sets of the domains that have a generator.
void draw_all(const configs::RunConfig& config, kernels::ThreadPool& pool,
              std::map<std::string, DomainSets>* sets) {
  std::vector<Drawing> drawings;
  for (const configs::DomainConfig& d : config.domains) {
    if (!is_generated(d)) continue;
    DomainSets& of = (*sets)[d.name];
    if (is_of_gym(d)) {
      GymRows rows = draw_gym_rows(config, d);
      of.train.rows = std::move(rows.train);
      of.validation.rows = std::move(rows.validation);
      of.test.rows = std::move(rows.test);
      continue;
    }
    drawings.push_back({&d, Split::kTrain, d.data.train_rows, &of.train.rows});
    drawings.push_back({&d, Split::kValidation, d.data.validation_rows, &of.validation.rows});
    drawings.push_back({&d, Split::kTest, d.data.heldout_rows, &of.test.rows});
  }
  for_each_row(pool, "drawing sets", static_cast<int64_t>(drawings.size()), [&](int64_t i) {
    const Drawing& d = drawings[static_cast<size_t>(i)];
    *d.rows = stored(generate(source_of(d.domain->generator), d.split, static_cast<int>(d.count),
                              static_cast<uint64_t>(config.seed)));
  });
}

// A held-out row, and the set it is meant for.
struct HeldOut {
  std::string json, problem;
  Split split;
};

// Those of a domain in their order. Drawn ones are moved out of `sets`.
std::vector<HeldOut> held_out_rows(const configs::RunConfig& config,
                                   const rollout::ToolRegistry& tools, kernels::ThreadPool& pool,
                                   const configs::DomainConfig& domain, DomainSets* sets) {
  std::vector<HeldOut> rows;
  const auto add = [&](const CheckedRows& all, const std::function<Split(size_t)>& split_of) {
    for (size_t i = 0; i < all.rows.size(); ++i) {
      const auto problem = all.problems.find(i);
      rows.push_back(
          {all.rows.json(i), problem == all.problems.end() ? "" : problem->second, split_of(i)});
    }
  };
  if (is_generated(domain)) {
    for (const Split split : {Split::kValidation, Split::kTest})
      add({std::exchange(sets->of(split).rows, {}), {}}, [&](size_t) { return split; });
    return rows;
  }
  const auto read = [&](const configs::Paths& file) {
    return file.empty() ? CheckedRows{}
                        : checked_rows(config, pool, tools, domain, {file, RowUse::kPrompt});
  };
  const CheckedRows held_out = read(domain.heldout_file);
  if (!domain.validation_file.empty()) {
    add(read(domain.validation_file), [](size_t) { return Split::kValidation; });
    add(held_out, [](size_t) { return Split::kTest; });
    return rows;
  }
  if (held_out.rows.size() < 2) {
    if (needs_validation(config, domain) && !domain.heldout_file.empty())
      throw Error(domain.heldout_file.text() +
                  ": one row cannot be both validation and test; give more, a "
                  "validation_file, or test_freq = 0 (no validation) for rl and distill");
    add(held_out, [](size_t) { return Split::kTest; });
    return rows;
  }
  add(held_out, [](size_t i) { return i % 2 == 0 ? Split::kValidation : Split::kTest; });
  return rows;
}

// 128 bits of a prompt's BLAKE2b: two prompts never have the same.
using PromptKey = std::array<uint64_t, 2>;
struct PromptKeyHash {
  size_t operator()(const PromptKey& key) const { return key[0]; }
};
using SeenPrompts = std::unordered_map<PromptKey, Split, PromptKeyHash>;

PromptKey prompt_key(const std::string& prompt) {
  PromptKey key;
  crypto_generichash(reinterpret_cast<unsigned char*>(key.data()), sizeof key,
                     reinterpret_cast<const unsigned char*>(prompt.data()), prompt.size(), nullptr,
                     0);
  return key;
}

// Keeps the held-out rows whose prompt no other set has. `seen`: every prompt so far, with its set.
void take_held_out(const configs::RunConfig& config, const configs::DomainConfig& domain,
                   const rollout::ToolRegistry& tools, const std::vector<HeldOut>& rows,
                   SeenPrompts* seen, DomainSets* sets) {
  for (const auto& [json, problem, split] : rows) {
    RowSet& set = sets->of(split);
    if (!problem.empty()) {
      add_bad(problem, config, &set);
      continue;
    }
    const Row row = row_from_json(json, RowUse::kPrompt, domain.name);
    std::vector<PromptKey> keys;
    for (const std::string& text : encoded_prompts(tools, domain, row, domain.name))
      keys.push_back(prompt_key(text));
    const auto is_of_another = [&](const PromptKey& key) {
      const auto it = seen->find(key);
      return it != seen->end() && it->second != split;
    };
    if (std::any_of(keys.begin(), keys.end(), is_of_another)) {
      ++set.num_repeated;
      continue;
    }
    for (const PromptKey& key : keys) seen->emplace(key, split);
    set.rows.add(json);
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
  // Of files that there are; what a command cannot do without it asks for by name.
  const bool has_test = is_generated(domain) || !domain.heldout_file.empty();
  if (needs_validation(config, domain) && (has_test || !domain.validation_file.empty()))
    require(sets->validation, "validation");
  if (has_test) require(sets->test, "test");
}

}  // namespace

DataSets::DataSets(const configs::RunConfig& config, const rollout::ToolRegistry& tools,
                   kernels::ThreadPool& pool) {
  // What generators draw is disjoint already.
  const bool compares = !std::all_of(config.domains.begin(), config.domains.end(),
                                     [](const auto& d) { return d.generator.is_built_in(); });
  SeenPrompts seen;
  draw_all(config, pool, &sets_);
  for (const configs::DomainConfig& d : config.domains) {
    DomainSets& sets = sets_[d.name];
    if (!is_generated(d) && !d.train_file.empty())
      sets.train = read_set(config, tools, pool, d, d.train_file, RowUse::kPrompt);
    if (!compares) continue;
    const RowStore& train = sets.train.rows;
    std::vector<std::vector<PromptKey>> keys(train.size());
    for_each_row(pool, "comparing " + d.name, static_cast<int64_t>(keys.size()), [&](int64_t i) {
      const auto at = static_cast<size_t>(i);
      const Row row = row_from_json(train.json(at), RowUse::kPrompt, d.name);
      for (const std::string& text : encoded_prompts(tools, d, row, d.name))
        keys[at].push_back(prompt_key(text));
    });
    for (const auto& of_row : keys)
      for (const PromptKey& key : of_row) seen.emplace(key, Split::kTrain);
    for (const SftPhase phase : {SftPhase::kSft, SftPhase::kAnneal}) {
      if (phase == SftPhase::kAnneal && is_generated(d))
        continue;  // other answers, the same prompts
      const RowStore examples = domain_sft_rows(config, tools, pool, d, phase).rows;
      for (size_t i = 0; i < examples.size(); ++i) {
        const Row row = row_from_json(examples.json(i), RowUse::kExample, d.name);
        for (const std::string& prompt : encoded_sft_prompts(tools, d, row))
          seen.emplace(prompt_key(prompt), Split::kTrain);
      }
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
