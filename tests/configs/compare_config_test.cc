#include "configs/compare_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "configs/load.h"
#include "tests/error_of.h"

namespace amalgam::configs {
namespace {

RunConfig parse_compare(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return parse_run_config("[[domain]]\nname = 'math'\ngenerator = 'math'\n" + text, "dir/a.toml",
                          overrides);
}

TEST(CompareConfig, IsNamedAfterItsMethod) {
  const RunConfig config = parse_compare(
      "[[compare]]\nmethod = 'ties'\n[[compare]]\nname = 'own'\nmethod = 'topk_tail'\ntopk = 8\n",
      {"compare.ties.scales=[0.5]", "compare.own.topk=9"});
  ASSERT_EQ(config.compare.size(), 2u);
  EXPECT_EQ(config.compare[0].name, "ties");
  EXPECT_EQ(config.compare[0].scales, std::vector<double>{0.5});
  EXPECT_EQ(config.compare[1].name, "own");
  EXPECT_EQ(config.compare[1].parameters.topk, 9);
  EXPECT_EQ(objective_of(config.compare[1].method), Objective::kTopkTail);
  // As it is written down, it is read again.
  EXPECT_EQ(to_toml(parse_run_config(to_toml(config), "b.toml")), to_toml(config));
}

TEST(CompareConfig, IsNotNamedAsFilesOfARun) {
  for (const std::string name :
       {"checkpoints", "lock", "target", "tb", "tokenizer", "trajectories", "wal"})
    EXPECT_THAT(tests::error_of([&] {
                  parse_compare("[[compare]]\nmethod = 'ties'\nname = '" + name + "'\n");
                }),
                testing::HasSubstr("'" + name + "' is a file of every run"));
}

TEST(CompareConfig, EveryMethodIsOfOneKind) {
  for (size_t i = 0; i < names_of(Method()).size(); ++i) {
    const auto m = static_cast<Method>(i);
    EXPECT_EQ(is_merge(m) + is_own_model(m) + is_trained(m), 1) << name_of(m);
    if (is_objective(m)) {
      EXPECT_EQ(name_of(objective_of(m)), name_of(m));
    }
  }
}

// Validated steps, counted one by one.
int64_t counted(const DistillConfig& d) {
  const auto validated = [&](int64_t end, std::vector<bool>* steps) {
    for (int64_t s = 1; s <= end; ++s)
      if (s == end || s % d.test_freq == 0) (*steps)[static_cast<size_t>(s)] = true;
  };
  const size_t rates = std::max<size_t>(1, d.lr_candidates.size());
  int64_t n = 0;
  for (size_t r = 0; r < rates; ++r) {
    std::vector<bool> steps(static_cast<size_t>(d.steps) + 1);
    if (rates > 1) validated(std::min(d.sweep_steps, d.steps), &steps);
    if (r == 0) validated(d.steps, &steps);
    n += std::count(steps.begin(), steps.end(), true);
  }
  return n;
}

TEST(DistillConfig, CandidatesAreTheValidatedStepsOfAllRates) {
  for (const int64_t steps : {1, 5, 7, 50})
    for (const int64_t test_freq : {1, 3, 10, 100})
      for (const int64_t sweep : {1, 4, 6, 10, 60})
        for (const size_t rates : {0, 1, 2, 3}) {
          DistillConfig d;
          d.steps = steps, d.test_freq = test_freq, d.sweep_steps = sweep;
          d.lr_candidates.assign(rates, 1e-3);
          EXPECT_EQ(d.num_candidates(), counted(d))
              << steps << " " << test_freq << " " << sweep << " " << rates;
        }
  DistillConfig d;
  d.test_freq = 0;
  EXPECT_EQ(d.num_candidates(), 1);
}

}  // namespace
}  // namespace amalgam::configs
