// Means over seeds and domains of compare_results.h.
#include <algorithm>
#include <cmath>

#include "pipeline/report/compare_results.h"

namespace amalgam::pipeline {
namespace {

Score score_of(const SeedResults& seed, const std::string& method, const std::string& domain,
               Decoding decoding) {
  for (const DomainScores& d : seed.results.domains)
    if (d.domain == domain)
      return DomainScores::of(decoding == Decoding::kSampled ? d.sampled : d.greedy, method);
  return {};
}

Score over_seeds(const std::vector<Score>& of_seeds) {
  if (of_seeds.size() == 1) return of_seeds[0];
  const auto n = static_cast<double>(of_seeds.size());
  Score mean{.mean = 0, .is_share = true};
  for (const Score& s : of_seeds) mean.mean += s.mean / n, mean.is_share &= s.is_share;
  double squares = 0;
  for (const Score& s : of_seeds) squares += (s.mean - mean.mean) * (s.mean - mean.mean);
  mean.standard_error = std::sqrt(squares / (n - 1) / n);
  return mean;
}

template <class F>
Score for_each_seed(const CompareResults& results, const F& score) {
  std::vector<Score> of_seeds;
  for (const SeedResults& s : results.seeds) of_seeds.push_back(score(s));
  return over_seeds(of_seeds);
}

}  // namespace

Score score_over_seeds(const CompareResults& results, const std::string& method,
                       const std::string& domain, Decoding decoding) {
  return for_each_seed(results,
                       [&](const SeedResults& s) { return score_of(s, method, domain, decoding); });
}

Score mean_over_domains(const CompareResults& results, const std::string& method,
                        Decoding decoding) {
  return for_each_seed(results, [&](const SeedResults& s) {
    return DomainScores::of(
        decoding == Decoding::kSampled ? s.results.mean.sampled : s.results.mean.greedy, method);
  });
}

Score gain_over_specialist(const CompareResults& results, const std::string& method,
                           const std::string& domain, Decoding decoding) {
  return for_each_seed(results, [&](const SeedResults& s) {
    const Score own = score_of(s, method, domain, decoding),
                specialist = score_of(s, kSpecialist, domain, decoding);
    const bool itself = method == kSpecialist;
    return Score{
        .mean = own.mean - specialist.mean,
        .standard_error = itself ? 0 : std::hypot(own.standard_error, specialist.standard_error)};
  });
}

MethodCost mean_cost(const CompareResults& results, const std::string& method) {
  MethodCost mean;
  const auto n = static_cast<int64_t>(results.seeds.size());
  const auto add = [&](int64_t MethodCost::*field) {
    int64_t sum = 0;
    for (const SeedResults& s : results.seeds)
      if (const auto it = s.costs.find(method); it != s.costs.end()) sum += it->second.*field;
    mean.*field = (sum + n / 2) / n;
  };
  for (const auto field : {&MethodCost::updates, &MethodCost::samples, &MethodCost::sampled_tokens,
                           &MethodCost::trained_tokens, &MethodCost::search_updates,
                           &MethodCost::search_sampled_tokens, &MethodCost::candidates})
    add(field);
  return mean;
}

}  // namespace amalgam::pipeline
