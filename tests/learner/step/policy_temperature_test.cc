// A policy step at temperatures other than 1, against the same step in double from the network's
// hidden states: T touches nothing before them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "configs/error.h"
#include "learner/step/policy_step.h"
#include "proto/trajectory.pb.h"
#include "tests/learner/small_model.h"

namespace amalgam::learner {
namespace {

using testing::bits, testing::flatten, testing::OwnedWeights, testing::random_weights,
    testing::small_config;

// `verify`'s: of a tensor's largest value.
constexpr double kValueTolerance = 2e-5, kGradientTolerance = 1e-4;
constexpr double kKlCoefficient = 0.3;
constexpr size_t kSamples = 4;

model::ModelConfig without_mtp() {
  model::ModelConfig c = small_config();
  c.num_nextn_predict_layers = 0;
  return c;
}

struct StepInDouble {
  double pg_loss = 0, kl_loss = 0;
  struct Means {
    double entropy = 0, ppo_kl = 0, clipped = 0, kl = 0, tokens = 0;
  };
  std::map<std::string, Means> means;  // sums; by domain
  std::vector<double> dhead, dnorm;
};

class PolicyTemperatureTest : public ::testing::Test {
 protected:
  PolicyTemperatureTest() {
    for (float& w : initial_.floats) w *= 5;  // far from a uniform policy
    const auto random = [](uint64_t i) { return static_cast<double>(testing::random_value(8, i)); };
    uint64_t at = 0;
    for (size_t i = 0; i < kSamples; ++i) {
      proto::Trajectory& t = trajectories_[i];
      t.mutable_meta()->set_prompt_id("p" + std::to_string(i));
      t.mutable_meta()->set_domain(i == 1 ? "code" : "math");
      t.mutable_meta()->set_sample_index(static_cast<int32_t>(i));
      for (int k = 0; k < 14 + 3 * static_cast<int>(i); ++k) {
        t.add_ids((k * 11 + 5 * static_cast<int>(i)) % 37);
        const bool policy = (k >= 4 && k < 8) || k >= 11;
        t.mutable_writer()->push_back(static_cast<char>(policy  ? proto::WRITER_POLICY
                                                        : k < 4 ? proto::WRITER_PROMPT
                                                                : proto::WRITER_TOOL));
      }
      // The policy has moved since: ratios of both signs, some of them clipped.
      for (const double l : token_logprobs(i, 1)) {
        t.add_logprobs(static_cast<float>(l + 0.3 * random(at++)));
        references_[i].push_back(static_cast<float>(l + 0.5 * random(at++)));
      }
    }
  }

  // The network's hidden states, [tokens, D].
  std::vector<float> hidden(size_t i) {
    const proto::Trajectory& t = trajectories_[i];
    const TrainingState state =
        TrainingState::create(directory_ / "hidden", config_, initial_.weights, pool_);
    const std::vector<int32_t> ids(t.ids().begin(), t.ids().end());
    const model::SequenceSlice slice{0, t.ids_size(), nullptr};
    model::Network network(config_, pool_);
    const model::Var h = network.run(state.current().params, {ids, {&slice, 1}}, nullptr);
    return {h.v.data, h.v.data + h.v.rows * h.v.cols};
  }
  // log softmax(h Wᵀ / T) [V] of one row, in double.
  std::vector<double> log_policy(const float* h, double temperature) const {
    std::vector<double> z(V_);
    double sum = 0;
    for (size_t v = 0; v < V_; ++v) {
      for (size_t d = 0; d < D_; ++d) z[v] += double{h[d]} * double{head()[v * D_ + d]};
      z[v] /= temperature;
      sum += std::exp(z[v]);
    }
    for (double& x : z) x -= std::log(sum);
    return z;
  }
  // f(row that predicts the token, token) for each policy token of sample i.
  template <class F>
  void for_policy_tokens(size_t i, F f) const {
    const proto::Trajectory& t = trajectories_[i];
    for (int k = 1; k < t.ids_size(); ++k)
      if (t.writer()[static_cast<size_t>(k)] == static_cast<char>(proto::WRITER_POLICY))
        f(static_cast<size_t>(k - 1), static_cast<size_t>(t.ids(k)));
  }
  std::vector<double> token_logprobs(size_t i, double temperature) {
    const std::vector<float> h = hidden(i);
    std::vector<double> out;
    for_policy_tokens(i, [&](size_t row, size_t token) {
      out.push_back(log_policy(h.data() + row * D_, temperature)[token]);
    });
    return out;
  }
  const float* head() const { return initial_.weights.head.data; }

  // POST_TRAINING.md §3 word for word, mean over all policy tokens (token-mean).
  StepInDouble step_in_double(double temperature, bool with_reference) {
    StepInDouble s;
    s.dhead.resize(V_ * D_), s.dnorm.resize(D_);
    double tokens = 0;
    for (size_t i = 0; i < kSamples; ++i) tokens += trajectories_[i].logprobs_size();
    for (size_t i = 0; i < kSamples; ++i) {
      const std::vector<float> h = hidden(i);
      StepInDouble::Means& means = s.means[trajectories_[i].meta().domain()];
      int k = 0;
      for_policy_tokens(i, [&](size_t row, size_t token) {
        const std::vector<double> logp = log_policy(h.data() + row * D_, temperature);
        const double now = logp[token], old = trajectories_[i].logprobs(k),
                     ref = references_[i][static_cast<size_t>(k)], A = advantages_[i];
        ++k;
        const double r = std::exp(now - old), clipped = std::clamp(r, 0.8, 1.2);
        const bool is_clipped = clipped * A < r * A;
        double d = is_clipped ? 0 : -r * A;  // dL/dlogprob
        s.pg_loss -= std::min(r * A, clipped * A) / tokens;
        if (with_reference) {
          const double rho = std::exp(ref - now), kl = r * (rho - (ref - now) - 1);
          s.kl_loss += kl / tokens;
          means.kl += kl;
          d += kKlCoefficient * r * (now - ref);
        }
        means.clipped += is_clipped, means.ppo_kl += old - now, means.tokens += 1;
        for (const double l : logp) means.entropy -= std::exp(l) * l;
        // dL/d(h Wᵀ)[v] = 1/T · dL/dlogprob · (1[v = token] - π(v)); h = normed · norm.weight
        for (size_t v = 0; v < V_; ++v) {
          const double g = d / tokens / temperature * ((v == token) - std::exp(logp[v]));
          for (size_t c = 0; c < D_; ++c) {
            const double x = h[row * D_ + c];
            s.dhead[v * D_ + c] += g * x;
            s.dnorm[c] +=
                g * double{head()[v * D_ + c]} * x / double{initial_.weights.norm.data[c]};
          }
        }
      });
    }
    return s;
  }

  PolicyFigures accumulate(Trainer& trainer, double temperature, bool with_reference) {
    std::vector<PolicySample> samples;
    for (size_t i = 0; i < kSamples; ++i)
      samples.push_back({&trajectories_[i], advantages_[i],
                         with_reference ? references_[i] : std::vector<float>()});
    PolicyObjective objective{.algorithm = {}, .temperature = temperature};
    objective.algorithm.kl_loss_coef = with_reference ? kKlCoefficient : 0;
    return accumulate_policy_loss(trainer, samples, objective, 64, 0);
  }

  static void expect_close(const kernels::Tensor& got, const std::vector<double>& want,
                           const char* name) {
    double largest = 0, error = 0;
    for (size_t i = 0; i < want.size(); ++i) {
      largest = std::max(largest, std::abs(want[i]));
      error = std::max(error, std::abs(want[i] - double{got.data[i]}));
    }
    EXPECT_GT(largest, 1e-3) << name;
    EXPECT_LE(error, kGradientTolerance * largest) << name;
  }
  static void expect_value(std::optional<double> got, double want, const std::string& name) {
    ASSERT_TRUE(got) << name;
    EXPECT_NEAR(*got, want, kValueTolerance * std::max(1.0, std::abs(want))) << name;
  }

  const model::ModelConfig config_ = without_mtp();
  const size_t V_ = static_cast<size_t>(config_.vocab_size);
  const size_t D_ = static_cast<size_t>(config_.hidden_size);
  kernels::ThreadPool pool_{2};
  TempDir directory_;
  OwnedWeights initial_ = random_weights(config_, 1);
  proto::Trajectory trajectories_[kSamples];
  std::vector<float> references_[kSamples];
  // The third has no gradient where there is no reference.
  const double advantages_[kSamples] = {1.5, -0.75, 0, -0.5};
};

TEST_F(PolicyTemperatureTest, LogprobsAreThoseOfTheTemperedSoftmax) {
  TrainingState state =
      TrainingState::create(directory_ / "state", config_, initial_.weights, pool_);
  model::Network network(config_, pool_);
  std::vector<const proto::Trajectory*> all;
  for (const auto& t : trajectories_) all.push_back(&t);
  for (const double temperature : {0.5, 1.0, 1.3}) {
    const auto got = policy_token_logprobs(network, state.current().params, all, 40, temperature);
    for (size_t i = 0; i < kSamples; ++i) {
      const std::vector<double> want = token_logprobs(i, temperature);
      ASSERT_EQ(got[i].size(), want.size());
      for (size_t k = 0; k < want.size(); ++k)
        EXPECT_NEAR(got[i][k], want[k], kValueTolerance * std::max(1.0, std::abs(want[k])));
    }
  }
  EXPECT_GT(std::abs(token_logprobs(0, 0.5)[0] - token_logprobs(0, 1)[0]), 0.1);
}

TEST_F(PolicyTemperatureTest, AStepIsThatOfTheTemperedPolicy) {
  for (const bool with_reference : {false, true})
    for (const double temperature : {0.5, 1.0, 1.3}) {
      SCOPED_TRACE(std::to_string(temperature) + (with_reference ? ", with KL" : ""));
      TrainingState state =
          TrainingState::create(directory_ / "state", config_, initial_.weights, pool_);
      model::Network network(config_, pool_);
      Trainer trainer(network, state, {.kind = configs::OptimKind::kAdamW}, 40);
      const PolicyFigures f = accumulate(trainer, temperature, with_reference);
      const StepInDouble want = step_in_double(temperature, with_reference);
      expect_close(trainer.gradients().weights().head, want.dhead, "head");
      expect_close(trainer.gradients().weights().norm, want.dnorm, "norm");
      expect_value(f.pg_loss.value(), want.pg_loss, "pg_loss");
      EXPECT_EQ(f.kl_loss.value().has_value(), with_reference);
      if (with_reference) expect_value(f.kl_loss.value(), want.kl_loss, "kl_loss");
      double clipped = 0;
      ASSERT_EQ(f.means.size(), 2u);
      for (const auto& [domain, m] : want.means) {
        const PolicyMeans& got = f.means.at(domain);
        expect_value(got.entropy.value(), m.entropy / m.tokens, domain + " entropy");
        expect_value(got.ppo_kl.value(), m.ppo_kl / m.tokens, domain + " ppo_kl");
        expect_value(got.clipfrac.value(), m.clipped / m.tokens, domain + " clipfrac");
        EXPECT_EQ(got.kl.value().has_value(), with_reference);
        if (with_reference) expect_value(got.kl.value(), m.kl / m.tokens, domain + " kl");
        clipped += m.clipped;
      }
      EXPECT_GT(clipped, 3);  // the case has what it is to show
    }
}

// Means over all policy tokens, not means of the domains' means.
TEST_F(PolicyTemperatureTest, TheTotalCountsTokens) {
  TrainingState state =
      TrainingState::create(directory_ / "state", config_, initial_.weights, pool_);
  model::Network network(config_, pool_);
  Trainer trainer(network, state, {}, 40);
  const PolicyFigures f = accumulate(trainer, 0.5, false);
  const StepInDouble want = step_in_double(0.5, false);
  double entropy = 0, tokens = 0;
  for (const auto& [domain, m] : want.means) entropy += m.entropy, tokens += m.tokens;
  expect_value(f.total().entropy.value(), entropy / tokens, "entropy");
  PolicyFigures two = f;
  two.add(f);
  expect_value(two.total().entropy.value(), entropy / tokens, "entropy of two updates");
  expect_value(two.pg_loss.value(), want.pg_loss, "pg_loss of two updates");
  EXPECT_EQ(two.total().entropy.count, 2 * static_cast<int64_t>(tokens));
}

TEST_F(PolicyTemperatureTest, WhatWasNotMeasuredIsAbsent) {
  TrainingState state =
      TrainingState::create(directory_ / "state", config_, initial_.weights, pool_);
  model::Network network(config_, pool_);
  Trainer trainer(network, state, {}, 40);
  const PolicyFigures f = accumulate_policy_loss(trainer, {}, {}, 64, 0);
  EXPECT_FALSE(f.pg_loss.value());
  EXPECT_FALSE(f.kl_loss.value());
  EXPECT_FALSE(f.probs_diff_max);
  EXPECT_FALSE(f.total().entropy.value());
  EXPECT_FALSE(trainer.index_loss());
  PolicyFigures sum = accumulate(trainer, 0.5, false);
  const std::optional<double> entropy = sum.total().entropy.value(), loss = sum.pg_loss.value();
  sum.add(f);
  EXPECT_EQ(sum.total().entropy.value(), entropy);
  EXPECT_EQ(sum.pg_loss.value(), loss);
}

// In powers of two every product is exact, so the whole step of softmax(h Wᵀ / T) has the bits of
// the step of W / T at T = 1, in every tensor of the network.
TEST_F(PolicyTemperatureTest, HalfTheTemperatureIsTwiceTheHeadInEveryTensor) {
  std::vector<std::vector<float>> gradients;
  for (const bool at_half : {true, false}) {
    OwnedWeights start = random_weights(config_, 1);
    start.floats = initial_.floats;
    const size_t head_at = static_cast<size_t>(start.weights.head.data - start.floats.data());
    if (!at_half)
      for (size_t i = 0; i < V_ * D_; ++i) start.floats[head_at + i] *= 2;
    start.weights.bind(start.floats.data(), start.ints.data());
    TrainingState state =
        TrainingState::create(directory_ / "state", config_, start.weights, pool_);
    model::Network network(config_, pool_);
    Trainer trainer(network, state, {}, 40);
    accumulate(trainer, at_half ? 0.5 : 1, true);
    model::Weights& g = trainer.gradients().weights();
    if (!at_half)
      for (size_t i = 0; i < V_ * D_; ++i) g.head.data[i] *= 2;
    gradients.push_back(flatten(g));
  }
  EXPECT_EQ(bits(gradients[0]), bits(gradients[1]));
}

// What stops a step before a weight moves.
class BrokenNumbersTest : public PolicyTemperatureTest {
 protected:
  // The message of the Error; the weights are as they were.
  std::string error_of(const std::function<void(Trainer&)>& f) {
    TrainingState state =
        TrainingState::create(directory_ / "state", config_, initial_.weights, pool_);
    model::Network network(config_, pool_);
    Trainer trainer(network, state, {.kind = configs::OptimKind::kAdamW}, 40);
    const auto before = bits(flatten(trainer.weights()));
    std::string message = "no Error";
    try {
      f(trainer);
    } catch (const Error& e) {
      message = e.what();
    }
    EXPECT_EQ(state.step(), 0);
    EXPECT_EQ(bits(flatten(trainer.weights())), before);
    return message;
  }
  std::string step_error() {
    return error_of([&](Trainer& trainer) {
      accumulate(trainer, 1, true);
      trainer.step(1e-3);
    });
  }
};

TEST_F(BrokenNumbersTest, ALoggedLogprobNamesItsSample) {
  trajectories_[1].set_logprobs(2, std::nanf(""));
  EXPECT_EQ(step_error(),
            "sample 1 of prompt p1 (domain code): the sampler's log-probability of policy token 2 "
            "is nan; no weight was changed by it. Start the stage anew, with a lower optim.lr");
}

// Also of a sample that has no gradient (the third; it comes first), and for one broken logit of
// many.
TEST_F(BrokenNumbersTest, AComputedLogprobNamesItsSample) {
  initial_.weights.head.data[36 * D_] = std::nanf("");
  for (const bool with_reference : {false, true}) {
    const std::string message =
        error_of([&](Trainer& trainer) { accumulate(trainer, 1, with_reference); });
    EXPECT_EQ(message.substr(0, message.find(';')),
              with_reference ? "sample 1 of prompt p1 (domain code): the log-probability of policy "
                               "token 0 is nan"
                             : "sample 2 of prompt p2 (domain math): the log-probability of policy "
                               "token 0 is nan");
  }
}

TEST_F(BrokenNumbersTest, ALossNamesItsSample) {
  references_[3][1] = 1000;  // exp(log π_ref - log π) overflows
  EXPECT_EQ(step_error().substr(0, 51), "sample 3 of prompt p3 (domain math): its loss is in");
  references_[3][1] = std::nanf("");
  EXPECT_EQ(step_error().substr(0, 51), "sample 3 of prompt p3 (domain math): its loss is na");
}

TEST_F(BrokenNumbersTest, AGradientNamesItsTensor) {
  for (const float bad : {std::nanf(""), HUGE_VALF})
    EXPECT_EQ(error_of([&](Trainer& trainer) {
                accumulate(trainer, 1, true);
                trainer.gradients().weights().blocks[1].moe.gate.data[5] = bad;
                trainer.step(1e-3);
              }),
              "the gradient of layers.1.ffn.gate.weight is not finite; no weight was changed by "
              "it. Start the stage anew, with a lower optim.lr");
}

TEST_F(BrokenNumbersTest, AWeightNamesItsTensor) {
  const std::string message = error_of([&](Trainer& trainer) {
    accumulate(trainer, 1, true);
    trainer.step(3e38);
  });
  EXPECT_EQ(message.substr(0, message.find(';')), "the update of embed.weight is not finite");
}

}  // namespace
}  // namespace amalgam::learner
