// Merging against others' numbers: the cases of tests/golden/merging/dev.json, or of the file of
// the same layout that AMALGAM_MERGING_VECTORS names (README.md beside dev.json says what they
// mean).
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "distill/merging/merger.h"
#include "distill/merging/recipe.h"
#include "tests/distill/merging/tensors_in_memory.h"
#include "tests/paths.h"

namespace amalgam::distill {
namespace {

using Json = nlohmann::json;

// What cannot be computed, because the product does not know it.
struct Unknown {
  std::string what;
};

template <class T>
T one_of(const Json& name, const std::map<std::string, T>& names) {
  const auto it = names.find(name.get<std::string>());
  if (it == names.end()) throw Unknown{name.get<std::string>()};
  return it->second;
}

std::vector<double> per_model(const Json& x, size_t models) {
  return x.is_array() ? x.get<std::vector<double>>() : std::vector<double>(models, x.get<double>());
}

SparsifyStep step_of(const Json& c, size_t models) {
  using Method = SparsifyStep::Method;
  SparsifyStep step;
  step.method = one_of<Method>(c.at("method"), {{"magnitude", Method::kMagnitude},
                                                {"given_mask", Method::kMask},
                                                {"outliers", Method::kOutliers},
                                                {"della", Method::kDella}});
  step.rescale = one_of<Rescale>(
      c.at("rescale"),
      {{"none", Rescale::kNone}, {"density", Rescale::kDensity}, {"l1", Rescale::kL1}});
  if (c.contains("density")) step.density = per_model(c.at("density"), models);
  if (c.contains("drop_rate")) step.drop_rate = c.at("drop_rate");
  if (c.contains("gamma")) step.gamma = c.at("gamma");
  if (c.contains("epsilon")) step.epsilon = c.at("epsilon");
  if (step.method == Method::kMagnitude) {
    step.scope =
        one_of<Scope>(c.at("scope"), {{"tensor", Scope::kTensor}, {"model", Scope::kModel}});
    step.rule = one_of<TrimRule>(c.at("rule"), {{"k", TrimRule::kLargest},
                                                {"k_min1", TrimRule::kAtLeastOne},
                                                {"kth_top", TrimRule::kFromTop},
                                                {"kth_bottom", TrimRule::kFromBottom}});
  }
  return step;
}

Recipe recipe_of_case(const Json& c) {
  const Json& config = c.at("config");
  const std::string kind = c.at("kind");
  Recipe r;
  if (kind == "slerp") {
    r.form = Recipe::Form::kSlerp;
    r.t = config.at("t");
    return r;
  }
  r.weights = config.at("weights").get<std::vector<double>>();
  if (kind == "linear") {
    r.form = Recipe::Form::kLinear;
    r.normalize = config.at("normalize");
    return r;
  }
  if (!std::set<std::string>{"task_arithmetic", "ties", "magnitude_prune", "dare", "dare_ties",
                             "breadcrumbs", "della"}
           .count(kind))
    throw Unknown{kind};
  for (const Json& step : config.at("sparsify")) r.steps.push_back(step_of(step, r.weights.size()));
  if (const Json& elect = config.at("elect"); !elect.is_null())
    r.election = Election{
        one_of<Vote>(
            elect.at("by"),
            {{"weighted_sum", Vote::kWeightedSum}, {"sum", Vote::kSum}, {"count", Vote::kCount}}),
        one_of<TieVote>(elect.at("zero"), {{"plus", TieVote::kPlus},
                                           {"majority_else_minus", TieVote::kMajorityElseMinus},
                                           {"majority_else_none", TieVote::kMajorityElseNone}})};
  r.divisor =
      one_of<Divisor>(config.at("divisor"), {{"none", Divisor::kNone},
                                             {"sum_weights", Divisor::kSumWeights},
                                             {"agreeing_weights", Divisor::kAgreeingWeights},
                                             {"agreeing_count", Divisor::kAgreeingCount}});
  r.lambda = config.at("lambda");
  return r;
}

// A mask as uniform numbers that give it at any density from above 0 to 1.
Draws draws_of(const Json& c) {
  bool ignored_at_1 = false;
  for (const Json& step : c.at("config").value("sparsify", Json::array()))
    ignored_at_1 |= step.value("ignore_at_1", false);
  return [&c, ignored_at_1](size_t tensor, size_t model, int64_t begin, int64_t end, double* u) {
    const Json& t = c.at("tensors")[tensor];
    bool is_ignored = false;
    for (const Json& step : c.at("config").at("sparsify"))
      if (ignored_at_1 && step.contains("density"))
        is_ignored |= per_model(step.at("density"), model + 1).at(model) >= 1;
    for (int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<size_t>(i);
      u[i - begin] = t.contains("u") ? t.at("u")[model][at].get<double>()
                     : is_ignored    ? 0.0
                                     : 1 - t.at("masks")[model][at].get<double>();
    }
  };
}

// One line for each tensor that is not as expected.
std::vector<std::string> differences(const Json& c, const Recipe& recipe, double tolerance) {
  std::vector<std::string> lines;
  TensorsInMemory memory;
  for (const Json& t : c.at("tensors")) {
    const auto base =
        t.contains("base") ? t.at("base").get<std::vector<float>>() : std::vector<float>();
    memory.add(t.at("name"), t.at("shape").get<std::vector<int64_t>>(), base,
               t.at("models").get<std::vector<std::vector<float>>>());
  }
  kernels::ThreadPool pool(2);
  Merger merger(recipe, memory.tensors, draws_of(c), pool);
  for (size_t i = 0; i < memory.tensors.size(); ++i) {
    const Json& t = c.at("tensors")[i];
    const std::vector<float> got = merged(merger, memory.tensors[i], i);
    const auto want = t.at("expected").get<std::vector<double>>();
    double largest = 0;
    for (const double x : want) largest = std::max(largest, std::abs(x));
    for (size_t k = 0; k < want.size(); ++k) {
      if (std::abs(double{got.at(k)} - want[k]) <= tolerance * largest) continue;  // a NaN goes on
      std::ostringstream line;
      line.precision(17);
      line << t.at("name").get<std::string>() << '[' << k << "] is " << got[k] << ", not "
           << want[k];
      lines.push_back(line.str());
      break;
    }
    if (t.contains("kept") && merger.kept() != t.at("kept").get<std::vector<int64_t>>())
      lines.push_back(t.at("name").get<std::string>() + ": kept are other numbers of elements: " +
                      Json(merger.kept()).dump() + ", not " + t.at("kept").dump());
  }
  return lines;
}

TEST(MergingVectors, EveryCase) {
  const char* given = std::getenv("AMALGAM_MERGING_VECTORS");
  const std::string path = given ? given : std::string(tests::kGolden) + "/merging/dev.json";
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  const Json data = Json::parse(file);
  const double tolerance = data.at("tolerance").at("f32");
  std::map<std::string, int> skipped;
  int num_passed = 0, num_failed = 0, num_skipped = 0;
  for (const Json& c : data.at("cases")) {
    std::vector<std::string> lines;
    try {
      lines = differences(c, recipe_of_case(c), tolerance);
    } catch (const Unknown& unknown) {
      ++skipped[c.at("kind").get<std::string>() + " " + unknown.what], ++num_skipped;
      continue;
    } catch (const Json::exception& e) {
      lines.push_back(e.what());
    }
    ++(lines.empty() ? num_passed : num_failed);
    for (const std::string& line : lines)
      ADD_FAILURE() << c.at("id").get<std::string>() << ": " << line;
  }
  for (const auto& [name, count] : skipped) std::printf("SKIPPED %s: %d\n", name.c_str(), count);
  std::printf("MergingVectors: %d passed, %d failed, %d skipped\n", num_passed, num_failed,
              num_skipped);
  EXPECT_GT(num_passed, 0);
  if (!given) {
    EXPECT_EQ(num_skipped, 0);
    EXPECT_EQ(num_passed, 56);
  }
}

// A case as somebody would ask for it: by method, reading and parameters.
MergeSpec spec_of_case(const Json& c) {
  const Json& config = c.at("config");
  const std::string kind = c.at("kind"), reading = c.at("reading");
  const bool is_linear = kind == "linear", is_slerp = kind == "slerp";
  const bool elects = config.contains("elect") && !config.at("elect").is_null();
  MergeSpec spec;
  spec.method = merge_method(kind == "breadcrumbs" && elects ? "breadcrumbs_ties"
                             : kind == "della" && !elects    ? "della_linear"
                                                             : kind);
  spec.reading = reading == "all" ? MergeReading::kDefault : merge_reading(reading);
  const bool mergekit = spec.reading == MergeReading::kMergekit;
  if (is_slerp) {
    spec.models = {{"b"}};
    spec.t = config.at("t");
    return spec;
  }
  for (const double w : config.at("weights")) spec.models.push_back({"model", w});
  if (is_linear) {
    spec.normalize = config.at("normalize");
    return spec;
  }
  if (spec.reading != MergeReading::kPeft) spec.lambda = config.at("lambda");
  const std::string divisor = config.at("divisor");
  if (mergekit) spec.normalize = divisor != "none";
  if (kind == "dare" && reading == "authors") spec.normalize = divisor == "sum_weights";
  if (spec.reading == MergeReading::kPeft && elects)
    spec.vote = config.at("elect").at("by") == "count" ? Vote::kCount : Vote::kSum;
  for (const Json& step : config.at("sparsify")) {
    if (step.contains("density")) spec.density = per_model(step.at("density"), spec.models.size());
    if (step.contains("drop_rate")) spec.drop_rate = step.at("drop_rate");
    if (step.contains("gamma")) spec.gamma = step.at("gamma");
    if (step.contains("epsilon")) spec.epsilon = step.at("epsilon");
    if (mergekit && kind != "breadcrumbs")
      spec.rescale = step.at("rescale") == "l1" ? Rescale::kL1 : Rescale::kNone;
  }
  if (kind == "ties" && config.at("sparsify").empty()) spec.density = {1};  // no K: no trimming
  return spec;
}

TEST(MergingVectors, EveryReadingIsThatOfItsPeer) {
  std::ifstream file(std::string(tests::kGolden) + "/merging/dev.json");
  const Json data = Json::parse(file);
  std::set<std::string> readings;
  for (const Json& c : data.at("cases")) {
    const Recipe recipe = recipe_of(spec_of_case(c));
    for (const std::string& line : differences(c, recipe, data.at("tolerance").at("f32")))
      ADD_FAILURE() << c.at("id").get<std::string>() << ": " << line;
    readings.insert(c.at("kind").get<std::string>() + " " + c.at("reading").get<std::string>());
  }
  EXPECT_EQ(readings.size(), 17u) << Json(readings).dump();
}

}  // namespace
}  // namespace amalgam::distill
