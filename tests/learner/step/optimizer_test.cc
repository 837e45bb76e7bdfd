#include "learner/step/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "learner/optim/adamw.h"
#include "learner/optim/muon.h"
#include "tests/learner/small_model.h"

namespace amalgam::learner {
namespace {

using configs::OptimConfig;
using configs::OptimKind;
using testing::bits;
using testing::flatten;
using testing::random_value;
using testing::random_weights;
using testing::small_config;

OptimConfig optim(OptimKind kind) {
  return {.kind = kind, .eps = 1e-20, .weight_decay = 0.1, .grad_clip = 1};
}

struct FillRandom {
  uint64_t stream;
  float scale;
  uint64_t i = 0;
  void operator()(const std::string&, kernels::Tensor& t, model::Role role) {
    for (int64_t j = 0; j < t.size(); ++j, ++i)
      t.data[j] = role == model::Role::kBalanceBias ? 0.0f : scale * random_value(stream, i);
  }
  void operator()(const std::string&, kernels::IntTensor&) {}
};

struct Training {
  Training(const model::ModelConfig& config, OptimConfig optim_config, int threads)
      : pool(threads),
        model(config),
        gradients(config),
        optimizer(optim_config, config),
        state(TrainingState::create(dir / "s", config, random_weights(config, 1).weights, pool)) {}
  StepReport step(uint64_t stream, float scale = 1, std::vector<int64_t> load = {}) {
    gradients.zero(pool);
    visit(gradients.weights(), FillRandom{stream, scale});
    const StepReport report = optimizer.step(pool, gradients, 0.01, load, state);
    if (report.outcome == StepOutcome::kDone) state.commit(pool);
    return report;
  }
  TempDir dir;
  kernels::ThreadPool pool;
  model::ModelConfig model;
  Gradients gradients;
  Optimizer optimizer;
  TrainingState state;
};

using Named = std::map<std::string, std::pair<model::Role, kernels::Tensor>>;
Named by_name(const model::Weights& w) {
  struct Collect {
    Named all;
    void operator()(const std::string& n, const kernels::Tensor& t, model::Role r) {
      all[n] = {r, t};
    }
    void operator()(const std::string&, const kernels::IntTensor&) {}
  } collect;
  visit(w, collect);
  return collect.all;
}

TEST(OptimizerTest, EachTensorIsMovedByItsOwnRule) {
  for (OptimKind kind : {OptimKind::kMuon, OptimKind::kAdamW}) {
    Training run(small_config(), optim(kind), 2);
    const auto initial = random_weights(run.model, 1);
    const StepReport report = run.step(2);
    ASSERT_EQ(report.outcome, StepOutcome::kDone);
    ASSERT_GT(report.grad_norm, 1);
    ASSERT_GT(report.mtp_grad_norm, 1);
    ASSERT_GT(report.index_grad_norm, 1);
    const Named before = by_name(initial.weights), after = by_name(run.state.current().params),
                grads = by_name(run.gradients.weights());
    kernels::ThreadPool alone(1);
    int num_muon = 0, num_adam = 0;
    for (const auto& [name, entry] : after) {
      const auto& [role, t] = entry;
      const auto n = static_cast<size_t>(t.size());
      const double scale = 1 / (name.find(".indexer.") != std::string::npos ? report.index_grad_norm
                                : name.starts_with("mtp.")                  ? report.mtp_grad_norm
                                                                            : report.grad_norm);
      const std::vector<float> got(t.data, t.data + n), zero(n);
      std::vector<float> want(n), m(n), v(n);
      const float *w = before.at(name).second.data, *g = grads.at(name).second.data;
      if (role == model::Role::kBalanceBias) {
        want.assign(w, w + n);
      } else if (role == model::Role::kMatrix && kind == OptimKind::kMuon) {
        NewtonSchulzScratch scratch;
        scratch.reserve(t.rows, t.cols);
        muon_update(alone, {.lr = 0.01, .grad_scale = scale},
                    {t.rows, t.cols, w, g, zero.data(), want.data(), m.data()}, scratch);
        ++num_muon;
      } else {
        adamw_update({.lr = 0.01, .grad_scale = scale},
                     {w, g, zero.data(), zero.data(), want.data(), m.data(), v.data()},
                     static_cast<int64_t>(n));
        ++num_adam;
      }
      EXPECT_EQ(bits(got), bits(want)) << name;
    }
    EXPECT_GT(num_adam, 20);
    EXPECT_EQ(num_muon > 20, kind == OptimKind::kMuon);
  }
}

TEST(OptimizerTest, BitsDoNotDependOnTheNumberOfThreads) {
  for (OptimKind kind : {OptimKind::kMuon, OptimKind::kAdamW}) {
    model::ModelConfig config = small_config();
    config.vocab_size = 3001;  // several pieces
    config.moe_intermediate_size = 100;
    Training one(config, optim(kind), 1), two(config, optim(kind), 2), five(config, optim(kind), 5);
    for (uint64_t i = 0; i < 3; ++i) {
      const StepReport r1 = one.step(10 + i), r2 = two.step(10 + i), r5 = five.step(10 + i);
      EXPECT_EQ(r1.grad_norm, r2.grad_norm);
      EXPECT_EQ(r1.grad_norm, r5.grad_norm);
    }
    for (const Training* other : {&two, &five}) {
      const auto& a = one.state.current();
      const auto& b = other->state.current();
      EXPECT_EQ(bits(flatten(a.params)), bits(flatten(b.params)));
      EXPECT_EQ(bits(flatten(a.first_moment)), bits(flatten(b.first_moment)));
      EXPECT_EQ(bits(flatten(a.second_moment)), bits(flatten(b.second_moment)));
    }
  }
}

TEST(OptimizerTest, AMatrixTooLargeForALaneGivesTheSameBits) {
  model::ModelConfig config = small_config();
  config.layers.resize(1);
  config.num_nextn_predict_layers = 0;
  config.hidden_size = 32;
  config.moe_intermediate_size = 33000;  // 32 x 33000 > 2^20 elements
  config.n_routed_experts = 1;
  config.n_shared_experts = 0;
  config.num_experts_per_tok = 1;
  Training one(config, optim(OptimKind::kMuon), 1), three(config, optim(OptimKind::kMuon), 3);
  ASSERT_EQ(one.step(2).outcome, StepOutcome::kDone);
  ASSERT_EQ(three.step(2).outcome, StepOutcome::kDone);
  EXPECT_EQ(bits(flatten(one.state.current().params)), bits(flatten(three.state.current().params)));
  EXPECT_NE(bits(flatten(one.state.current().params)), bits(random_weights(config, 1).floats));
}

TEST(OptimizerTest, GradientNormAndClipping) {
  // AdamW's first moment after one step is 0.1 · clipped gradient.
  for (float scale : {1e-4f, 1.0f}) {
    Training run(small_config(), optim(OptimKind::kAdamW), 2);
    const StepReport report = run.step(2, scale);
    long double sum = 0, mtp_sum = 0, index_sum = 0;
    for (const auto& [name, entry] : by_name(run.gradients.weights()))
      for (int64_t i = 0; i < entry.second.size(); ++i) {
        const long double g = entry.second.data[i];
        (name.find(".indexer.") != std::string::npos ? index_sum
         : name.starts_with("mtp.")                  ? mtp_sum
                                                     : sum) += g * g;
      }
    const double index_norm = static_cast<double>(std::sqrt(index_sum));
    EXPECT_NEAR(report.index_grad_norm, index_norm, 1e-12 * index_norm);
    const double norm = static_cast<double>(std::sqrt(sum));
    EXPECT_NEAR(report.grad_norm, norm, 1e-12 * norm);
    const double mtp_norm = static_cast<double>(std::sqrt(mtp_sum));
    EXPECT_NEAR(report.mtp_grad_norm, mtp_norm, 1e-12 * mtp_norm);
    const double factor = norm > 1 ? 1 / norm : 1;
    EXPECT_EQ(norm > 1, scale == 1.0f);
    const float g = run.gradients.weights().embed.data[3];
    EXPECT_NEAR(run.state.current().first_moment.embed.data[3], 0.1 * factor * g,
                1e-6 * std::fabs(g));
  }
  OptimConfig no_clip = optim(OptimKind::kAdamW);
  no_clip.grad_clip = 0;
  Training run(small_config(), no_clip, 1);
  run.step(2);
  const float g = run.gradients.weights().embed.data[3];
  EXPECT_FLOAT_EQ(run.state.current().first_moment.embed.data[3], 0.1f * g);
}

// The parts that are clipped apart stay as they are while nothing trains them, moments included.
TEST(OptimizerTest, PartsWithoutAGradientStay) {
  for (const OptimKind kind : {OptimKind::kMuon, OptimKind::kAdamW})
    for (const std::string part : {"mtp.", ".indexer."}) {
      model::ModelConfig config = small_config();
      config.mtp_attention = model::AttentionKind::kCsa;
      Training run(config, optim(kind), 2);
      run.step(2);
      struct Clear {
        const std::string& part;
        void operator()(const std::string& name, kernels::Tensor& t, model::Role) {
          if (name.find(part) != std::string::npos) std::fill_n(t.data, t.size(), 0.0f);
        }
        void operator()(const std::string&, kernels::IntTensor&) {}
      } clear{part};
      visit(run.gradients.weights(), clear);
      // The MTP block has an indexer too, which is not of its part.
      if (part == "mtp.") visit(run.gradients.weights(), Clear{".indexer."});
      const auto now = run.state.current();
      ASSERT_EQ(run.optimizer.step(run.pool, run.gradients, 0.01, {}, run.state).outcome,
                StepOutcome::kDone);
      const auto& next = run.state.next();
      int same = 0;
      for (const auto& [block, block_next] :
           {std::pair(&now.params, &next.params), std::pair(&now.first_moment, &next.first_moment),
            std::pair(&now.second_moment, &next.second_moment)}) {
        const Named was = by_name(*block), is = by_name(*block_next);
        for (const auto& [name, entry] : was) {
          if (entry.first == model::Role::kBalanceBias) continue;
          const bool stays = name.find(".indexer.") != std::string::npos ||
                             (part == "mtp." && name.starts_with("mtp."));
          const kernels::Tensor &a = entry.second, &b = is.at(name).second;
          const bool equal = std::equal(a.data, a.data + a.size(), b.data);
          // Muon has no second moment.
          if (stays || block == &now.params) {
            EXPECT_EQ(equal, stays) << name;
          }
          same += equal;
        }
      }
      EXPECT_GT(same, 12);
    }
}

TEST(OptimizerTest, NonFiniteGradientsChangeNothing) {
  for (float bad : {std::numeric_limits<float>::infinity(), NAN}) {
    Training run(small_config(), optim(OptimKind::kMuon), 2);
    visit(run.gradients.weights(), FillRandom{2, 1});
    run.gradients.weights().mtp[0].norm.data[1] = bad;
    const auto next_before = bits(flatten(run.state.next().params));
    const StepReport report = run.optimizer.step(run.pool, run.gradients, 0.01, {}, run.state);
    EXPECT_EQ(report.outcome, StepOutcome::kNonFiniteGradient);
    EXPECT_EQ(bits(flatten(run.state.next().params)), next_before);
  }
}

TEST(OptimizerTest, RouterBiasFollowsTheLoad) {
  Training run(small_config(), optim(OptimKind::kMuon), 1);  // a death test forks: no threads
  const auto initial = random_weights(run.model, 1);
  // Learned layers: 1, 2 and the MTP block; 4 experts each.
  const std::vector<int64_t> load{1, 2, 3, 2, 0, 0, 0, 8, 5, 5, 5, 5};
  run.step(2, 1, load);
  const auto moved = [&](const kernels::Tensor& now, const kernels::Tensor& then) {
    std::vector<int> signs;
    for (int64_t e = 0; e < now.size(); ++e) {
      const double d = static_cast<double>(now.data[e]) - then.data[e];
      EXPECT_TRUE(d == 0 || std::fabs(std::fabs(d) - 0.001) < 1e-7) << d;
      signs.push_back(d > 0 ? 1 : d < 0 ? -1 : 0);
    }
    return signs;
  };
  const auto& now = run.state.current().params;
  const auto& then = initial.weights;
  EXPECT_EQ(moved(now.blocks[1].moe.bias, then.blocks[1].moe.bias), (std::vector{1, 0, -1, 0}));
  EXPECT_EQ(moved(now.blocks[2].moe.bias, then.blocks[2].moe.bias), (std::vector{1, 1, 1, -1}));
  EXPECT_EQ(moved(now.mtp[0].block.moe.bias, then.mtp[0].block.moe.bias),
            (std::vector{0, 0, 0, 0}));
  EXPECT_DEATH(
      (void)run.optimizer.step(run.pool, run.gradients, 0.01, std::vector<int64_t>(8), run.state),
      "CHECK failed");
}

}  // namespace
}  // namespace amalgam::learner
