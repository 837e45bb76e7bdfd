// What `amalgam compare` ends with: every method's scores on every domain, over the seeds that are
// there, and what each method cost. Gathered from the runs of the seeds, so it can be made again
// from them at any time.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "configs/run_config.h"
#include "pipeline/run_store/results.h"

namespace amalgam::pipeline {

// DIR/seed-S.
std::string seed_dir(const std::string& dir, int64_t seed);
// Whether DIR has runs of seeds, and is no run itself.
bool is_compare_dir(const std::string& dir);

// Of one seed. A method's training is the one whose model was kept; the search beside it trained
// the learning rates that were not.
struct MethodCost {
  int64_t updates = 0, samples = 0;  // optimiser steps, answers sampled for them
  int64_t sampled_tokens = 0;        // in those answers, by whoever wrote them
  int64_t trained_tokens = 0;        // of them learned from: student tokens
  int64_t search_updates = 0, search_sampled_tokens = 0;
  int64_t candidates = 0;  // compared on the validation prompts
};
struct TokenPoint {
  int64_t trained_tokens = 0;
  double score = 0;  // on the validation prompts of all domains
};

struct SeedResults {
  int64_t seed = 0;
  configs::RunConfig config;
  Results results;
  std::map<std::string, MethodCost> costs;                // by method
  std::map<std::string, std::vector<TokenPoint>> curves;  // of trained methods that validate
  std::map<std::string, std::string> left_out;            // methods whose scores do not count: why
};

struct CompareResults {
  std::vector<SeedResults> seeds;
  std::vector<std::string> methods;  // base, specialist, student, comparisons
  std::vector<std::string> domains;
  std::map<std::string, std::string> left_out;  // methods, and "seed S": why they are in no mean
};

enum class Decoding { kSampled, kGreedy };
// One seed: its standard error, over prompts. Several: their mean, and its standard error over
// seeds.
Score score_over_seeds(const CompareResults& results, const std::string& method,
                       const std::string& domain, Decoding decoding);
Score mean_over_domains(const CompareResults& results, const std::string& method,
                        Decoding decoding);
// The method's score less the domain's own specialist's; of one seed the error takes the two as
// independent.
Score gain_over_specialist(const CompareResults& results, const std::string& method,
                           const std::string& domain, Decoding decoding);
// Of several seeds the mean.
MethodCost mean_cost(const CompareResults& results, const std::string& method);

// Of the finished seeds in DIR that agree with the first in every key that changes a result. Throws
// Error where there is none.
CompareResults collect_compare(const std::string& dir);

// {"seeds": [S], "compare": {METHOD: {DOMAIN: {"sampled", "sampled_se", "greedy", "greedy_se"}}},
//  "mean": {METHOD: the same}, "less_than_specialist": {METHOD: {DOMAIN: the same}},
//  "cost": {METHOD: {MethodCost}}, "curve": {METHOD: {SEED: [[trained_tokens, score]]}},
//  "left_out": {NAME: why}, "per_seed": {SEED: {METHOD: {DOMAIN: as in "compare"}}}}
std::string compare_json(const CompareResults& results);
// The closing table.
std::string compare_text(const CompareResults& results);

}  // namespace amalgam::pipeline
