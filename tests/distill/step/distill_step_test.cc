#include "distill/step/distill_step.h"

#include <gtest/gtest.h>

#include <cmath>

#include "configs/error.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/packed_model.h"
#include "proto/trajectory.pb.h"
#include "tests/learner/policy_case.h"

namespace amalgam::distill {
namespace {

using learner::testing::flatten, learner::testing::OwnedWeights, learner::testing::Policy,
    learner::testing::random_weights, learner::testing::small_config;
using LogProbs = std::vector<std::vector<double>>;  // [tokens][V]

model::ModelConfig without_mtp() {
  model::ModelConfig c = small_config();
  c.num_nextn_predict_layers = 0;
  return c;
}

// Two conversations of different lengths: prompt, policy, tool result, policy. The first follows
// two teachers, the second one.
class DistillStepTest : public ::testing::Test {
 protected:
  DistillStepTest() {
    for (uint64_t i = 0; i < 2; ++i) {
      save_teacher(i, 1);
      proto::Trajectory& t = trajectories_[i];
      const int tokens = i == 0 ? 21 : 13;
      for (int k = 0; k < tokens; ++k) {
        t.add_ids((k * 11 + 5 * static_cast<int>(i)) % 37);
        const bool policy = (k >= 4 && k < 8) || k >= 11;
        t.mutable_writer()->push_back(static_cast<char>(policy  ? proto::WRITER_POLICY
                                                        : k < 4 ? proto::WRITER_PROMPT
                                                                : proto::WRITER_TOOL));
        if (policy) t.add_logprobs(0);
      }
    }
    rows_[0] = {{0, 1.0}, {1, 0.25}};
    rows_[1] = {{1, 2.0}};
    trajectories_[0].mutable_meta()->set_domain("math");
    trajectories_[1].mutable_meta()->set_domain("code");
    sample_at(1);
  }

  OwnedWeights weights_with_head(uint64_t stream, float scale, float head_factor) const {
    OwnedWeights w = random_weights(config_, stream);
    for (float& x : w.floats) x *= scale;
    for (int64_t i = 0; i < w.weights.head.size(); ++i) w.weights.head.data[i] *= head_factor;
    return w;
  }
  void save_teacher(uint64_t i, float head_factor) {
    // Far from the student.
    model::save_model(teacher(i), config_, weights_with_head(7 + i, 5, head_factor).weights);
  }

  Teachers both(learner::Trainer& trainer) const {
    return Teachers(
        {{"first", teacher(0)}, {"second", teacher(1)}}, trainer.network(),
        {.weights_bytes = 1 << 20, .hidden_bytes = 1 << 20, .directory = directory_.path()});
  }

  // From here on, the policies at this temperature, and what the sampler would have reported.
  void sample_at(double temperature) {
    temperature_ = temperature;
    for (int i = 0; i < 2; ++i) {
      const LogProbs student = log_probs(initial_.weights, trajectories_[i]);
      int k = 0;
      for_policy_tokens(trajectories_[i], [&](size_t at, int32_t token) {
        trajectories_[i].set_logprobs(k++,
                                      static_cast<float>(student[at][static_cast<size_t>(token)]));
      });
    }
  }

  std::string teacher(uint64_t i) const { return directory_ / ("teacher" + std::to_string(i)); }

  // f(row that predicts the token, token).
  template <class F>
  static void for_policy_tokens(const proto::Trajectory& t, F f) {
    for (size_t k = 1; k < static_cast<size_t>(t.ids_size()); ++k)
      if (t.writer()[k] == static_cast<char>(proto::WRITER_POLICY))
        f(k - 1, t.ids(static_cast<int>(k)));
  }

  // The softmax in double, from the sequence computed alone.
  LogProbs log_probs(const model::Weights& weights, const proto::Trajectory& t) {
    OwnedWeights copy(config_);
    copy.floats = flatten(weights);
    copy.ints = initial_.ints;
    copy.weights.bind(copy.floats.data(), copy.ints.data());
    std::vector<float> packed(static_cast<size_t>(copy.weights.num_packed_floats()));
    copy.weights.bind_packed(packed.data());
    copy.weights.pack();
    const std::vector<int32_t> ids(t.ids().begin(), t.ids().end());
    const model::SequenceSlice slice{0, t.ids_size(), nullptr};
    model::Network network(config_, pool_);
    const model::Var hidden = network.run(copy.weights, {ids, {&slice, 1}}, nullptr);
    const auto V = static_cast<size_t>(config_.vocab_size);
    const auto D = static_cast<size_t>(config_.hidden_size);
    LogProbs rows(ids.size(), std::vector<double>(V));
    for (size_t row = 0; row < ids.size(); ++row) {
      double sum = 0;
      for (size_t v = 0; v < V; ++v) {
        double z = 0;
        for (size_t d = 0; d < D; ++d)
          z += double{hidden.v.data[row * D + d]} * double{copy.weights.head.data[v * D + d]};
        rows[row][v] = z / temperature_;
        sum += std::exp(rows[row][v]);
      }
      for (double& z : rows[row]) z -= std::log(sum);
    }
    return rows;
  }

  // POST_TRAINING.md §5 word for word: L = Σ_i w_i Σ_v π(v)(log π(v) - log π_Ei(v)), mean over the
  // policy tokens of both conversations.
  double exact_loss(const model::Weights& student) { return mean_over_tokens(student, kl_at); }
  static double kl_at(const std::vector<double>& p, const std::vector<double>& e, int32_t) {
    double kl = 0;
    for (size_t v = 0; v < p.size(); ++v) kl += std::exp(p[v]) * (p[v] - e[v]);
    return kl;
  }
  // The mean KL to one teacher over one conversation's policy tokens, without weights.
  double unweighted_kl(size_t conversation, uint64_t of_teacher) {
    const proto::Trajectory& t = trajectories_[conversation];
    const LogProbs p = log_probs(initial_.weights, t);
    const LogProbs e = log_probs(model::load_model(teacher(of_teacher)).weights, t);
    double sum = 0;
    for_policy_tokens(t, [&](size_t row, int32_t token) { sum += kl_at(p[row], e[row], token); });
    return sum / t.logprobs_size();
  }
  double sampled_estimate(const model::Weights& student) {
    return mean_over_tokens(
        student, [](const std::vector<double>& p, const std::vector<double>& e, int32_t token) {
          return p[static_cast<size_t>(token)] - e[static_cast<size_t>(token)];
        });
  }
  template <class Term>
  double mean_over_tokens(const model::Weights& student, Term term) {
    double sum = 0;
    int64_t tokens = 0;
    for (size_t i = 0; i < 2; ++i) {
      const LogProbs p = log_probs(student, trajectories_[i]);
      for (const auto& [number, weight] : rows_[i]) {
        const LogProbs e = log_probs(model::load_model(teacher(number)).weights, trajectories_[i]);
        for_policy_tokens(trajectories_[i], [&](size_t row, int32_t token) {
          sum += weight * term(p[row], e[row], token);
        });
      }
      for_policy_tokens(trajectories_[i], [&](size_t, int32_t) { ++tokens; });
    }
    return sum / static_cast<double>(tokens);
  }

  DistillFigures accumulate(learner::Trainer& trainer, configs::Objective objective) {
    return accumulate(trainer, DistillObjective{.kind = objective, .temperature = temperature_});
  }
  DistillFigures accumulate(learner::Trainer& trainer, const DistillObjective& objective) {
    const std::vector<DistillSample> samples = {{&trajectories_[0], &rows_[0], advantages_[0]},
                                                {&trajectories_[1], &rows_[1], advantages_[1]}};
    Teachers teachers = both(trainer);
    return accumulate_distill_loss(trainer, teachers, samples, objective, 0, 64);
  }

  // What a student of these weights is told that it minimises.
  double reported_loss(const std::vector<float>& weights, const DistillObjective& objective) {
    OwnedWeights moved = random_weights(config_, 1);
    moved.floats = weights;
    Policy p(config_, moved.weights, {.kind = configs::OptimKind::kAdamW}, directory_ / "moved");
    const DistillFigures f = accumulate(p.trainer, objective);
    return f.total().objective.value().value() +
           objective.parameters.reward_coef * f.pg_loss.value_or(0);
  }

  // dL along the gradient's own direction is its norm.
  void expect_gradient_of_the_loss() {
    learner::Trainer trainer(network_, state_, {}, 64);
    accumulate(trainer, configs::Objective::kExact);
    const std::vector<float> gradient = flatten(trainer.gradients().weights());
    double square = 0;
    for (const float g : gradient) square += double{g} * double{g};
    const double norm = std::sqrt(square), step = 1e-2;
    const auto loss_at = [&](double distance) {
      OwnedWeights moved = random_weights(config_, 1);
      for (size_t i = 0; i < gradient.size(); ++i)
        moved.floats[i] += static_cast<float>(distance / norm * double{gradient[i]});
      return exact_loss(moved.weights);
    };
    EXPECT_NEAR((loss_at(step) - loss_at(-step)) / (2 * step), norm, 2e-3 * norm);
  }

  static constexpr double kTemperatures[] = {1, 0.5, 1.3};

  double temperature_ = 1;
  model::ModelConfig config_ = without_mtp();
  kernels::ThreadPool pool_{2};
  TempDir directory_;
  OwnedWeights initial_ = random_weights(config_, 1);
  model::Network network_{config_, pool_};
  learner::TrainingState state_ =
      learner::TrainingState::create(directory_ / "state", config_, initial_.weights, pool_);
  learner::Trainer trainer_{network_, state_, {.kind = configs::OptimKind::kAdamW}, 64};
  proto::Trajectory trajectories_[2];
  TeacherWeights rows_[2];
  double advantages_[2] = {0, 0};
  std::optional<double> pg_loss_;
};

TEST_F(DistillStepTest, ExactIsTheWeightedKlOverTheWholeVocabulary) {
  for (const double temperature : kTemperatures) {
    sample_at(temperature);
    const DistillFigures f = accumulate(trainer_, configs::Objective::kExact);
    EXPECT_EQ(f.total().objective.count, 14 + 6);
    EXPECT_LT(f.probs_diff_max.value(), 1e-6);  // here the sampler was a double-precision softmax
    const double objective = f.total().objective.value().value();
    EXPECT_NEAR(objective, exact_loss(initial_.weights), 1e-5 * objective);
    EXPECT_GT(objective, 1e-3);
  }
}

// Per domain and teacher, without weights; a token of two teachers counts once in its domain.
TEST_F(DistillStepTest, TheKlIsReportedWithoutWeights) {
  for (const double temperature : kTemperatures) {
    sample_at(temperature);
    const DistillFigures f = accumulate(trainer_, configs::Objective::kExact);
    const DistillMeans &math = f.means.at("math"), &code = f.means.at("code");
    const double a = unweighted_kl(0, 0), b = unweighted_kl(0, 1), c = unweighted_kl(1, 1);
    ASSERT_EQ(math.teacher_kl.size(), 2u);
    ASSERT_EQ(code.teacher_kl.size(), 1u);
    EXPECT_NEAR(*math.teacher_kl.at("first").value(), a, 1e-5 * a);
    EXPECT_NEAR(*math.teacher_kl.at("second").value(), b, 1e-5 * b);
    EXPECT_NEAR(*code.teacher_kl.at("second").value(), c, 1e-5 * c);
    EXPECT_NEAR(*math.kl.value(), (a + b) / 2, 1e-5 * a);
    EXPECT_NEAR(*code.kl.value(), c, 1e-5 * c);
    EXPECT_NEAR(*f.total().kl.value(), (14 * (a + b) / 2 + 6 * c) / 20, 1e-5 * a);
    EXPECT_NEAR(*code.objective.value(), 2 * c, 1e-5 * c);
  }
}

TEST_F(DistillStepTest, ExactGradientIsThatOfTheLoss) {
  for (const double temperature : kTemperatures) {
    SCOPED_TRACE(std::to_string(temperature));
    sample_at(temperature);
    expect_gradient_of_the_loss();
  }
}

// In powers of two every product is exact: at T = 1/2 all gradients have the bits of twice the
// heads, the student's and the teachers', at T = 1.
TEST_F(DistillStepTest, HalfTheTemperatureIsTwiceTheHeads) {
  for (const auto objective : {configs::Objective::kExact, configs::Objective::kSampledAdvantage}) {
    std::vector<std::vector<float>> gradients;
    for (const auto& [factor, temperature] : {std::pair{1.0f, 0.5}, std::pair{2.0f, 1.0}}) {
      for (uint64_t i = 0; i < 2; ++i) save_teacher(i, factor);
      initial_ = weights_with_head(1, 1, factor);
      sample_at(temperature);
      learner::TrainingState state =
          learner::TrainingState::create(directory_ / "s", config_, initial_.weights, pool_);
      learner::Trainer trainer(network_, state, {}, 64);
      accumulate(trainer, objective);
      kernels::Tensor& head = trainer.gradients().weights().head;
      for (int64_t i = 0; i < head.size(); ++i) head.data[i] *= factor;
      gradients.push_back(flatten(trainer.gradients().weights()));
    }
    EXPECT_EQ(learner::testing::bits(gradients[0]), learner::testing::bits(gradients[1]));
  }
}

TEST_F(DistillStepTest, SampledIsTheEstimateFromTheSampledTokens) {
  for (const double temperature : kTemperatures) {
    sample_at(temperature);
    const DistillFigures f = accumulate(trainer_, configs::Objective::kSampledAdvantage);
    const double expected = sampled_estimate(initial_.weights);
    const double objective = f.total().objective.value().value();
    EXPECT_NEAR(objective, expected, 1e-5 * std::abs(expected));
    EXPECT_GT(std::abs(objective - exact_loss(initial_.weights)), 1e-3);
  }
}

// The loss that is reported, along the gradient's own direction: its slope is the gradient's norm.
// An advantage is no loss; and a cut one has a gradient only where it is not cut.
TEST_F(DistillStepTest, EveryLossHasItsGradient) {
  sample_at(1.3);
  std::vector<DistillObjective> objectives;
  for (size_t i = 0; i < configs::names_of(configs::Objective{}).size(); ++i) {
    DistillObjective o{.kind = static_cast<configs::Objective>(i), .temperature = 1.3};
    if (o.kind == configs::Objective::kSampledAdvantage) continue;
    o.parameters.topk = 4, o.parameters.jsd_beta = 0.3;
    objectives.push_back(o);
  }
  objectives.push_back(objectives[0]);
  objectives.back().parameters.reward_coef = 3;
  advantages_[0] = 1.5, advantages_[1] = -0.5;
  for (const DistillObjective& objective : objectives) {
    SCOPED_TRACE(configs::name_of(objective.kind));
    learner::Trainer trainer(network_, state_, {}, 64);
    accumulate(trainer, objective);
    const std::vector<float> gradient = flatten(trainer.gradients().weights());
    double square = 0;
    for (const float g : gradient) square += double{g} * double{g};
    const double norm = std::sqrt(square), step = 1e-2;
    const auto at = [&](double distance) {
      std::vector<float> weights = initial_.floats;
      for (size_t i = 0; i < gradient.size(); ++i)
        weights[i] += static_cast<float>(distance / norm * double{gradient[i]});
      return reported_loss(weights, objective);
    };
    EXPECT_NEAR((at(step) - at(-step)) / (2 * step), norm, 5e-3 * norm);
  }
}

// GRPO's term by its definition: -A for each token, mean over those of both samples.
TEST_F(DistillStepTest, TheRewardIsAPolicyGradientBesideTheKl) {
  DistillObjective objective;
  const auto gradient = [&] {
    learner::Trainer trainer(network_, state_, {}, 64);
    pg_loss_ = accumulate(trainer, objective).pg_loss;
    return flatten(trainer.gradients().weights());
  };
  const std::vector<float> without = gradient();
  EXPECT_FALSE(pg_loss_.has_value());
  objective.parameters.reward_coef = 2;
  EXPECT_EQ(gradient(), without);  // no advantage
  EXPECT_EQ(pg_loss_, 0);
  advantages_[0] = 1.5, advantages_[1] = -0.5;
  const std::vector<float> with = gradient();
  EXPECT_NE(with, without);
  EXPECT_NEAR(pg_loss_.value(), -(14 * 1.5 + 6 * -0.5) / 20, 1e-5);
  objective.parameters.reward_coef = 4;
  const std::vector<float> twice = gradient();
  double part = 0, error = 0;
  for (size_t i = 0; i < with.size(); ++i) {
    part = std::max(part, std::abs(double{with[i]} - double{without[i]}));
    error = std::max(error, std::abs(double{twice[i]} - 2 * double{with[i]} + double{without[i]}));
  }
  EXPECT_LT(error, 1e-5 * part);
}

// What sampling chose, chosen again by a student whose routers or indexers have moved. Nothing but
// the choice reads an indexer: its move alone is then no difference to the sampler.
TEST_F(DistillStepTest, AMovedStudentMakesTheSampledChoicesAgain) {
  OwnedWeights initial = random_weights(config_, 1);
  for (float& w : initial.floats) w *= 5;
  std::vector<proto::Trajectory> sampled = {learner::testing::conversation(40, 1),
                                            learner::testing::conversation(33, 2)};
  const configs::OptimConfig optim{.kind = configs::OptimKind::kAdamW};
  Policy(config_, initial.weights, optim, directory_ / "sampler").sample(sampled);
  const auto difference = [&](const std::string& part, int64_t version) {
    OwnedWeights moved = random_weights(config_, 1);
    moved.floats = initial.floats;
    struct Move {
      const std::string& part;
      void operator()(const std::string& name, kernels::Tensor& t, model::Role) {
        for (int64_t i = 0; i < t.size() && name.find(part) != std::string::npos; ++i)
          t.data[i] += learner::testing::random_value(77, static_cast<uint64_t>(i));
      }
      void operator()(const std::string&, kernels::IntTensor&) {}
    } move{part};
    visit(moved.weights, move);
    Policy p(config_, moved.weights, optim, directory_ / "moved");
    for (auto& t : sampled) t.mutable_meta()->set_weights_version(version);
    Teachers teachers = both(p.trainer);
    return accumulate_distill_loss(
               p.trainer, teachers,
               std::vector<DistillSample>{{&sampled[0], &rows_[0]}, {&sampled[1], &rows_[1]}},
               {configs::Objective::kExact}, 0, 64)
        .probs_diff_max.value();
  };
  EXPECT_EQ(difference("nothing", 0), 0);
  EXPECT_EQ(difference("nothing", -1), 0);
  EXPECT_EQ(difference(".indexer.", -1), 0);
  EXPECT_GT(difference(".indexer.", 0), 1e-3);
  EXPECT_LT(difference("ffn.gate.weight", -1), 0.7 * difference("ffn.gate.weight", 0));
}

// The indexers' loss does not change the student's step, whatever it weighs.
TEST_F(DistillStepTest, TheIndexLossLeavesTheStudentAlone) {
  std::vector<std::vector<float>> student, indexers;
  const configs::OptimConfig optim{.kind = configs::OptimKind::kMuon, .grad_clip = 1e-3};
  for (const double coefficient : {0.0, 1.0, 100.0}) {
    Policy p(config_, initial_.weights, optim, directory_ / "other");
    Teachers teachers = both(p.trainer);
    accumulate_distill_loss(
        p.trainer, teachers,
        std::vector<DistillSample>{{&trajectories_[0], &rows_[0]}, {&trajectories_[1], &rows_[1]}},
        {configs::Objective::kExact}, coefficient, 64);
    EXPECT_GT(p.trainer.step(1e-2).grad_norm, 1e-3);  // clipped
    struct Split {
      std::vector<float> student, indexers;
      void operator()(const std::string& name, const kernels::Tensor& t, model::Role) {
        auto& to = name.find(".indexer.") != std::string::npos ? indexers : student;
        to.insert(to.end(), t.data, t.data + t.size());
      }
      void operator()(const std::string&, const kernels::IntTensor&) {}
    } split;
    visit(p.trainer.weights(), split);
    student.push_back(split.student), indexers.push_back(split.indexers);
  }
  for (const size_t i : {1, 2}) {
    EXPECT_EQ(student[i], student[0]);
    EXPECT_NE(indexers[i], indexers[0]);
  }
}

TEST_F(DistillStepTest, ADifferenceToTheSamplerIsSeen) {
  trajectories_[1].set_logprobs(2, trajectories_[1].logprobs(2) + 0.5f);
  EXPECT_GT(accumulate(trainer_, configs::Objective::kExact).probs_diff_max.value(), 1e-3);
}

// A teacher's number that is none stops the step, with sample and teacher named.
TEST_F(DistillStepTest, ABrokenTeacherIsNamed) {
  save_teacher(1, 1e38f);
  sample_at(0.01);  // its logits overflow
  std::string message;
  try {
    accumulate(trainer_, configs::Objective::kExact);
  } catch (const Error& e) {
    message = e.what();
  }
  EXPECT_EQ(message.substr(0, message.find(" is ")),
            "sample 0 of prompt  (domain math): its KL to second");
}

}  // namespace
}  // namespace amalgam::distill
