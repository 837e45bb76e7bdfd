// The whole policy step of a small model, two updates, against float64
// (tests/golden/policy_step/make_golden.py): advantages, loss, the gradient of every tensor, and
// the weights that the optimiser makes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "learner/estimators/advantage.h"
#include "learner/step/policy_step.h"
#include "model/checkpoint/checkpoint.h"
#include "model/tensors/safetensors.h"
#include "proto/trajectory.pb.h"
#include "tests/learner/small_model.h"
#include "tests/paths.h"

namespace amalgam::learner {
namespace {

using Json = nlohmann::json;

// Of each tensor, relative to its largest value (of weights: of its largest move).
constexpr double kLargestError = 1e-4;
constexpr int64_t kCsaRate = 4, kIndexTopk = 2;  // of the model
constexpr int64_t kMicroTokens = 40;             // several micro-batches an update

std::string golden(const char* file) {
  return std::string(tests::kGolden) + "/policy_step/" + file;
}

Json read_cases() {
  std::ifstream file(golden("cases.json"));
  return Json::parse(file);
}

// All float tensors of a model one after the other by name, as reference.safetensors has them.
struct Flat {
  std::map<std::string, std::vector<float>> tensors;
  void operator()(const std::string& name, const kernels::Tensor& t, model::Role) {
    tensors[name].assign(t.data, t.data + t.size());
  }
  void operator()(const std::string&, const kernels::IntTensor&) {}
};

Flat copy(const model::Weights& weights) {
  Flat flat;
  visit(weights, flat);
  return flat;
}

std::vector<float> floats_of(const model::SafetensorsFile& file, const std::string& name) {
  const model::StoredTensor& t = file.at(name);
  std::vector<float> values(static_cast<size_t>(t.num_elements));
  model::copy_floats(t, 0, t.num_elements, values.data());
  return values;
}

// Expects each tensor of `ours` within kLargestError of `want`'s. Where both moved from `from`: of
// the largest move, and what rounding the weights themselves costs.
void expect_near(const Flat& ours, const std::vector<float>& want, const Flat* from = nullptr) {
  size_t at = 0;
  for (const auto& [name, values] : ours.tensors) {
    ASSERT_LE(at + values.size(), want.size());
    double error = 0, largest = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const double wanted = want[at + i], base = from ? from->tensors.at(name)[i] : 0;
      const double rounding = from ? 0x1p-22 * std::abs(wanted) : 0;
      const double e = std::max(0.0, std::abs(values[i] - wanted) - rounding);
      error = std::isnan(values[i]) ? INFINITY : std::max(error, e);
      largest = std::max(largest, std::abs(wanted - base));
    }
    EXPECT_LE(error, kLargestError * largest) << name;
    at += values.size();
  }
  EXPECT_EQ(at, want.size());
}

// What the first weights chose, as a trajectory keeps it (model/network/choices.h): per token,
// layer after layer.
void keep_choices(const Json& chosen, bool entries, int64_t index_topk, proto::Trajectory* t) {
  const Json& experts = chosen.at("experts");
  for (size_t token = 0; token < experts[0].size(); ++token)
    for (const Json& layer : experts)
      for (const Json& e : layer[token])
        t->mutable_experts()->push_back(static_cast<char>(e.get<int>()));
  if (!entries) return;
  for (int64_t token = 0; token < t->ids_size(); ++token) {
    if ((token + 1) / kCsaRate <= index_topk) continue;  // all that is visible
    for (const Json& layer : chosen.at("selections"))
      for (const Json& e : layer[static_cast<size_t>(token)])
        t->add_index_entries(e.get<uint32_t>());
  }
}

// A step's sequences as trajectories, and their advantages.
struct Sampled {
  std::vector<proto::Trajectory> trajectories;
  std::vector<PolicySample> samples;
};

Sampled sampled(const Json& c, const Json& update) {
  const std::string temperature = c.at("temperature").dump();
  const bool has_reference = c.at("kl_loss_coef") > 0;
  Sampled s;
  std::vector<std::optional<double>> rewards;
  std::vector<int64_t> groups;
  for (const Json& sequence : update.at("sequences")) {
    proto::Trajectory& t = s.trajectories.emplace_back();
    for (const Json& id : sequence.at("ids")) t.add_ids(id);
    for (const Json& writer : sequence.at("writer"))
      t.mutable_writer()->push_back(static_cast<char>(writer.get<int>()));
    for (const Json& logprob : sequence.at("old").at(temperature)) t.add_logprobs(logprob);
    const std::string replay = c.at("replay");
    if (replay != "none")
      keep_choices(sequence.at("chosen"), replay == "selections", kIndexTopk, &t);
    groups.push_back(sequence.at("group"));
    rewards.push_back(
        c.at("equal_rewards") && groups.back() % 2 ? 0.25 : sequence.at("reward").get<double>());
  }
  const auto advantages = batch_advantages(
      rewards, groups, c.at("norm_adv_by_std") ? AdvantageScale::kStd : AdvantageScale::kNone);
  for (size_t i = 0; i < s.trajectories.size(); ++i) {
    PolicySample& sample = s.samples.emplace_back();
    sample.trajectory = &s.trajectories[i];
    sample.advantage = advantages[i];
    if (has_reference)
      sample.reference_logprobs =
          update.at("sequences")[i].at("reference").at(temperature).get<std::vector<float>>();
  }
  return s;
}

configs::AlgorithmConfig algorithm(const Json& c) {
  const auto modes = configs::names_of(configs::LossAggMode{});
  const auto mode = std::find(modes.begin(), modes.end(), c.at("loss_agg_mode"));
  EXPECT_NE(mode, modes.end());
  return {.norm_adv_by_std = c.at("norm_adv_by_std"),
          .clip_ratio_low = c.at("clip_ratio_low"),
          .clip_ratio_high = c.at("clip_ratio_high"),
          .kl_loss_coef = c.at("kl_loss_coef"),
          .loss_agg_mode = static_cast<configs::LossAggMode>(mode - modes.begin()),
          .off_policy_delta = c.at("off_policy_delta")};
}

configs::OptimConfig optim(const Json& c, const Json& settings) {
  return {.kind = configs::OptimKind::kAdamW,
          .beta1 = settings.at("beta1"),
          .beta2 = settings.at("beta2"),
          .eps = settings.at("eps"),
          .weight_decay = settings.at("weight_decay"),
          .grad_clip = c.at("grad_clip")};
}

const char* const kCases[] = {"plain",
                              "kl",
                              "std",
                              "mask",
                              "mask_and_kl",
                              "clip_low",
                              "clip_high",
                              "seq_mean_token_mean",
                              "seq_mean_token_sum",
                              "seq_mean_token_sum_norm",
                              "index_loss",
                              "grad_clip",
                              "no_advantage",
                              "all",
                              "temperature_0.5",
                              "temperature_1.3",
                              "all_temperature_0.5",
                              "all_temperature_1.3",
                              "replay_experts",
                              "replay_selections"};

class PolicyStepGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(PolicyStepGolden, LossGradientsAndWeights) {
  const Json data = read_cases();
  const auto it = std::find_if(data.at("cases").begin(), data.at("cases").end(),
                               [](const Json& c) { return c.at("name") == GetParam(); });
  ASSERT_NE(it, data.at("cases").end());
  const Json& c = *it;
  const model::SafetensorsFile reference(golden("reference.safetensors"));
  const model::Model initial = model::load_model(golden(""));
  kernels::ThreadPool pool(2);
  TempDir directory;
  TrainingState state =
      TrainingState::create(directory / "state", initial.config, initial.weights, pool);
  model::Network network(initial.config, pool);
  Trainer trainer(network, state, optim(c, data.at("optim")), kMicroTokens);

  for (size_t u = 0; u < c.at("updates").size(); ++u) {
    SCOPED_TRACE("update " + std::to_string(u + 1));
    const Json& want = c.at("updates")[u];
    const Sampled s = sampled(c, data.at("updates")[u]);
    for (size_t i = 0; i < s.samples.size(); ++i)
      EXPECT_NEAR(s.samples[i].advantage, want.at("advantages")[i].get<double>(), 1e-9);
    const PolicyFigures f =
        accumulate_policy_loss(trainer, s.samples, {algorithm(c), c.at("temperature")},
                               data.at("norm_length"), c.at("index_loss_coef"));
    const auto expect = [&](const char* figure, double value) {
      const double wanted = want.at(figure);
      EXPECT_NEAR(value, wanted, kLargestError * std::max(1e-2, std::abs(wanted))) << figure;
    };
    const PolicyMeans all = f.total();
    expect("pg_loss", f.pg_loss.value().value());
    EXPECT_EQ(f.kl_loss.value().has_value(), c.at("kl_loss_coef") > 0);
    expect("kl_loss", f.kl_loss.value().value_or(0));
    expect("num_masked", static_cast<double>(f.num_masked));
    expect("clipfrac", all.clipfrac.value().value());
    expect("ppo_kl", all.ppo_kl.value().value());
    expect("entropy", all.entropy.value().value());
    EXPECT_EQ(trainer.index_loss().has_value(), want.contains("index_loss"));
    if (want.contains("index_loss")) expect("index_loss", trainer.index_loss().value());
    const std::string at = std::string(GetParam()) + "." + std::to_string(u);
    expect_near(copy(trainer.gradients().weights()), floats_of(reference, at + ".gradient"));
    const StepReport report = trainer.step(data.at("optim").at("lr"));
    ASSERT_EQ(report.outcome, StepOutcome::kDone);
    if (!want.contains("index_loss")) expect("grad_norm", report.grad_norm);
  }
  const std::string weights = std::string(GetParam()) + ".weights";
  if (reference.find(weights)) {
    const Flat from = copy(initial.weights);
    expect_near(copy(trainer.weights()), floats_of(reference, weights), &from);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, PolicyStepGolden, ::testing::ValuesIn(kCases),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST(PolicyStepGoldenFile, EveryCaseRuns) {
  const Json data = read_cases();
  std::vector<std::string> names;
  for (const Json& c : data.at("cases")) names.push_back(c.at("name"));
  EXPECT_THAT(names, ::testing::UnorderedElementsAreArray(kCases));
}

}  // namespace
}  // namespace amalgam::learner
