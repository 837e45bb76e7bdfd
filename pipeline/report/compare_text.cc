// results.json and the terminal's table of compare_results.h.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pipeline/report/compare_results.h"
#include "pipeline/run_store/text_format.h"

namespace amalgam::pipeline {
namespace {

using Json = nlohmann::ordered_json;

// NaN: null.
Json json_of(const Score& sampled, const Score& greedy) {
  return {{"sampled", sampled.mean},
          {"sampled_se", sampled.standard_error},
          {"greedy", greedy.mean},
          {"greedy_se", greedy.standard_error}};
}

template <class F>
Json of_domains(const CompareResults& r, const F& score) {
  Json json = Json::object();
  for (const std::string& domain : r.domains)
    json[domain] = json_of(score(domain, Decoding::kSampled), score(domain, Decoding::kGreedy));
  return json;
}

Json json_of(const MethodCost& c) {
  return {{"updates", c.updates},
          {"samples", c.samples},
          {"sampled_tokens", c.sampled_tokens},
          {"trained_tokens", c.trained_tokens},
          {"search_updates", c.search_updates},
          {"search_sampled_tokens", c.search_sampled_tokens},
          {"candidates", c.candidates}};
}

std::string count(int64_t n) { return format_count(static_cast<double>(n)); }

}  // namespace

std::string compare_json(const CompareResults& r) {
  Json json;
  json["seeds"] = Json::array();
  for (const SeedResults& s : r.seeds) json["seeds"].push_back(s.seed);
  for (const char* key : {"compare", "mean", "less_than_specialist", "cost", "curve", "left_out"})
    json[key] = Json::object();
  for (const std::string& m : r.methods) {
    json["compare"][m] = of_domains(r, [&](const std::string& domain, Decoding d) {
      return score_over_seeds(r, m, domain, d);
    });
    json["mean"][m] = json_of(mean_over_domains(r, m, Decoding::kSampled),
                              mean_over_domains(r, m, Decoding::kGreedy));
    json["less_than_specialist"][m] = of_domains(r, [&](const std::string& domain, Decoding d) {
      Score gain = gain_over_specialist(r, m, domain, d);
      gain.mean = gain.mean == 0 ? 0 : -gain.mean;
      return gain;
    });
    json["cost"][m] = json_of(mean_cost(r, m));
  }
  for (const SeedResults& s : r.seeds)
    for (const auto& [method, curve] : s.curves) {
      Json& points = json["curve"][method][std::to_string(s.seed)] = Json::array();
      for (const TokenPoint& p : curve) points.push_back({p.trained_tokens, p.score});
    }
  for (const auto& [name, why] : r.left_out) json["left_out"][name] = why;
  for (const SeedResults& s : r.seeds) {
    CompareResults one = {.seeds = {s}, .methods = r.methods, .domains = r.domains, .left_out = {}};
    Json& methods = json["per_seed"][std::to_string(s.seed)] = Json::object();
    for (const std::string& m : r.methods)
      methods[m] = of_domains(one, [&](const std::string& domain, Decoding d) {
        return score_over_seeds(one, m, domain, d);
      });
  }
  return json.dump(2) + "\n";
}

std::string compare_text(const CompareResults& r) {
  size_t width = 12;
  for (const std::string& m : r.methods) width = std::max(width, m.size());
  for (const std::string& d : r.domains) width = std::max(width, d.size());
  const auto cell = [](const std::string& text) { return fmt::format("{:>16}", text); };
  std::string text, seeds;
  for (const SeedResults& s : r.seeds)
    seeds += (seeds.empty() ? "" : ", ") + std::to_string(s.seed);
  text +=
      fmt::format("\nmean over domains; seed{} {}; ± standard error over {}\n",
                  r.seeds.size() == 1 ? "" : "s", seeds, r.seeds.size() == 1 ? "prompts" : "seeds");
  text += fmt::format("  {:<{}}", "method", width);
  for (const char* name :
       {"sampled", "greedy", "worst domain", "updates", "samples", "student tokens", "candidates"})
    text += cell(name);
  text += "\n";
  for (const std::string& m : r.methods) {
    Score worst{.mean = kUnknown};
    for (const std::string& domain : r.domains)
      if (const Score gain = gain_over_specialist(r, m, domain, Decoding::kSampled);
          !(gain.mean >= worst.mean))
        worst = gain;
    const MethodCost cost = mean_cost(r, m);
    text += fmt::format("  {:<{}}", m, width) +
            cell(format_score(mean_over_domains(r, m, Decoding::kSampled))) +
            cell(format_score(mean_over_domains(r, m, Decoding::kGreedy))) +
            cell(format_score(worst)) + cell(count(cost.updates)) + cell(count(cost.samples)) +
            cell(count(cost.trained_tokens)) + cell(count(cost.candidates)) + "\n";
  }
  text += "worst domain: sampled score less that of the domain's specialist, where it is least\n";
  for (const auto& [title, decoding] :
       {std::pair{"sampled", Decoding::kSampled}, std::pair{"greedy", Decoding::kGreedy}}) {
    text += fmt::format("{}\n  {:<{}}", title, "", width);
    for (const std::string& domain : r.domains)
      text += fmt::format("{:>{}}", domain, std::max<size_t>(16, domain.size() + 2));
    text += "\n";
    for (const std::string& m : r.methods) {
      text += fmt::format("  {:<{}}", m, width);
      for (const std::string& domain : r.domains)
        text += fmt::format("{:>{}}", format_score(score_over_seeds(r, m, domain, decoding)),
                            std::max<size_t>(16, domain.size() + 2));
      text += "\n";
    }
  }
  for (const auto& [name, why] : r.left_out) text += "left out: " + name + ": " + why + "\n";
  return text;
}

}  // namespace amalgam::pipeline
