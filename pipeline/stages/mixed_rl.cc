#include "pipeline/stages/mixed_rl.h"

#include <cmath>
#include <filesystem>

#include "pipeline/stages/distill.h"
#include "pipeline/stages/rate_choice.h"
#include "pipeline/stages/rl.h"

namespace amalgam::pipeline {
namespace {

configs::RlConfig rl_config(const configs::RunConfig& config, const configs::CompareConfig& compare,
                            double lr) {
  const configs::DistillConfig& distill = config.distill;
  configs::RlConfig rl = config.rl;
  const int64_t n = compare.n == 0 ? rl.rollout.n : compare.n;
  rl.data = distill.data;
  rl.data.train_batch_size = distill.data.train_batch_size * distill.rollout.n / n;
  rl.rollout = distill.rollout;
  rl.rollout.n = n;
  rl.steps = distill.steps;
  rl.ppo_mini_batches = 1;
  rl.mtp_loss_weight = distill.mtp_loss_weight;
  rl.index_loss_coef = distill.index_loss_coef;
  rl.optim.lr = lr;
  rl.test_freq = distill.test_freq;
  rl.val_n = 1;
  rl.select_by = configs::SelectBy::kAccuracy;
  return rl;
}

}  // namespace

std::vector<double> mixed_rl_rates(const configs::RunConfig& config,
                                   const configs::CompareConfig& compare) {
  if (!compare.learning_rates.empty()) return compare.learning_rates;
  std::vector<double> rates;
  // 1, 2, 1/2, 4, 1/4, …
  for (size_t i = 0; i < distillation_rates(config.distill).size(); ++i)
    rates.push_back(config.rl.optim.lr *
                    std::exp2((i % 2 == 1 ? 1 : -1) * static_cast<double>((i + 1) / 2)));
  return rates;
}

void run_mixed_rl(RunContext& run, const configs::CompareConfig& compare,
                  const std::string& group) {
  const std::string name = merged_name(compare.name, group), out = run.path(name);
  if (std::filesystem::exists(out)) return;
  const std::string start = student_start_dir(run);
  check_start(run, start);
  const Domains domains = domains_of(run.config, group);
  train_with_best_rate(run,
                       {.model = name,
                        .out_dir = out,
                        .rates = mixed_rl_rates(run.config, compare),
                        .steps = run.config.distill.steps,
                        .sweep_steps = run.config.distill.sweep_steps},
                       [&](double lr) {
                         return make_rl_stage(run, domains, rl_config(run.config, compare, lr),
                                              {.stage = rate_stage(name, lr),
                                               .start_dir = start,
                                               .out_dir = out,
                                               .stream = kMergingStream});
                       });
}

}  // namespace amalgam::pipeline
