// Supervised fine-tuning: the base (two phases) and a specialist's cold start.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "learner/step/trainer.h"
#include "pipeline/stages/domain_rows.h"
#include "pipeline/stages/run_context.h"

namespace amalgam::pipeline {

// Rows of one phase with the weight each domain has in it.
struct SftMixture {
  std::vector<std::vector<SftRow>> domains;
  std::vector<double> weights;  // one a domain; domains without rows are left out
};
// Batches of whole rows, at most batch_tokens each (a longer row is a batch of its own), as a pure
// function of the arguments: for each place a domain is drawn by weight, then that domain's next
// row in a shuffled order, epoch after epoch.
std::vector<std::vector<const SftRow*>> plan_batches(const SftMixture& mixture, int64_t num_batches,
                                                     int64_t batch_tokens, uint64_t seed,
                                                     uint64_t stream);

struct SftJob {
  std::string stage;
  std::string start_dir, out_dir;  // model directories
  configs::OptimConfig optim;
  learner::TrainOptions options = {};
  configs::AnticipatoryConfig anticipatory_routing = {};
  std::vector<std::vector<const SftRow*>> batches;  // one a step
  std::function<double(int64_t step)> lr, mtp_loss_weight;
  double index_loss_coef = 1;
};
// Trains and saves out_dir; does nothing if it is there. Continues an interrupted job.
void run_sft_job(RunContext& run, const SftJob& job);

// Clean conversations of a specialist's domains: its cold start.
void run_domain_sft(RunContext& run, const configs::DomainConfig& domain,
                    const std::string& start_dir, const std::string& out_dir);

// RUN/tokenizer and RUN/base.
void run_base_stage(RunContext& run);
// RUN/base, or model.path: what specialists and student start from.
std::string base_dir(const RunContext& run);
std::string tokenizer_dir(const RunContext& run);

}  // namespace amalgam::pipeline
