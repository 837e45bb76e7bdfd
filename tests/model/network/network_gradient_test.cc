// The network's own f32 loss against its gradients, by central differences along directions that
// the gradient itself suggests. Loose (3 %), since f32 losses are rounded. What the golden cases
// check to 1e-4 for one loss is checked here for the indexer's loss too.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "model/network/choices.h"
#include "model/network/network.h"
#include "tests/model/network/network_case.h"

namespace amalgam::model {
namespace {

class NetworkGradient : public ::testing::Test {
 protected:
  struct Losses {
    double policy = 0;   // -Σ logprob of the next tokens
    double index = 0;    // Σ KL of the indexers
    double balance = 0;  // Σ of the learned MoE layers and sequences
  };

  explicit NetworkGradient(ModelConfig config = odd_config())
      : model_(odd_model(config, 4)), grads_(zero_gradients(config)) {
    for (const int64_t n : {29, 1, 17}) sequences_.push_back(random_ids(config, n, n));
  }

  // Gradients of policy_weight · policy + index_coefficient · index go to grads_.
  Losses run(float policy_weight, float index_coefficient) {
    model_.model.weights.pack();
    std::fill(grads_.floats.data(), grads_.floats.data() + grads_.floats.size(), 0.0f);
    kernels::ThreadPool pool(1);
    Network net(model_.config(), pool);
    Tape tape(net.arena());
    Recording recording{.tape = &tape,
                        .grads = &grads_.weights,
                        .index_loss_coefficient = index_coefficient,
                        .indexed_entries = indexed_entries_,
                        .balance_loss_coefficient = balance_coefficient_};
    const Packed packed(sequences_);
    Batch batch = packed.batch();
    batch.given_experts = given_experts_, batch.given_entries = given_entries_;
    const Var hidden = net.run(model_.weights(), batch, &recording);
    Ids targets;
    for (const Ids& s : sequences_) {
      targets.insert(targets.end(), s.begin() + 1, s.end());
      targets.push_back(-1);
    }
    std::vector<float> logprob(targets.size()), lse(targets.size()),
        weight(targets.size(), policy_weight);
    kernels::head_cross_entropy(pool, net.scratch(),
                                {.head = {model_.weights().head.data, model_.config().vocab_size,
                                          model_.config().hidden_size},
                                 .hidden = hidden.v.data,
                                 .targets = targets.data(),
                                 .tokens = static_cast<int64_t>(targets.size())},
                                weight.data(), {.logprob = logprob.data(), .lse = lse.data()},
                                {.hidden = hidden.g, .weight = grads_.weights.head.data});
    tape.backward();
    Losses l{0, recording.index_loss, recording.balance_loss};
    for (const float x : logprob) l.policy -= static_cast<double>(x);
    return l;
  }

  struct Pair {
    std::string name;
    Tensor value, grad;
  };
  std::vector<Pair> tensors() {
    struct Collect {
      std::vector<Pair> pairs;
      size_t next = 0;
      bool values = true;
      void operator()(const std::string& name, Tensor& t, Role) {
        if (values)
          pairs.push_back({name, t, {}});
        else
          pairs[next++].grad = t;
      }
      void operator()(const std::string&, IntTensor&) {}
    } collect;
    visit(model_.model.weights, collect);
    collect.values = false;
    visit(grads_.weights, collect);
    return collect.pairs;
  }

  // L(w + εd) - L(w - εd) over the part of w that `uses` picks, d = the gradient there with a
  // random half of its elements masked out, against 2ε d·gradient. ε moves L by `change`, or less
  // where weights would move far. Where a choice of an expert or an entry flips, L jumps: then
  // smaller steps are tried, down to the rounding `noise` of an f32 loss.
  void expect_slope(const std::vector<Pair>& all, const std::function<bool(const Pair&)>& uses,
                    const std::function<double()>& loss, double change, double noise,
                    const std::string& what) {
    struct Moved {
      float* w;
      float kept;
      double d;
    };
    std::vector<Moved> moved;
    double slope = 0, largest = 0;
    const kernels::RngKey key{.seed = 8, .request = directions_++};
    for (const Pair& p : all) {
      if (!uses(p)) continue;
      for (int64_t i = 0; i < p.value.size(); ++i) {
        const double g = static_cast<double>(p.grad.data[i]);
        if (p.value.size() > 8 && kernels::random_bits(key, moved.size())[0] % 2) {
          moved.push_back({p.value.data + i, p.value.data[i], 0});
          continue;
        }
        moved.push_back({p.value.data + i, p.value.data[i], g});
        slope += g * g;
        largest = std::max(largest, std::abs(g));
      }
    }
    ASSERT_GT(slope, 0) << what << " has no gradient";
    constexpr double kLargestMove = 4e-3, kTolerance = 0.03;
    double step = std::min(change / slope, kLargestMove / largest);
    for (int attempt = 0; attempt < 3; ++attempt, step /= 4) {
      // The floats themselves say how far they moved.
      double want = 0;
      const auto move = [&](double by) {
        for (const Moved& m : moved) {
          *m.w = static_cast<float>(static_cast<double>(m.kept) + by * m.d);
          want +=
              (by > 0 ? 1 : -1) * (static_cast<double>(*m.w) - static_cast<double>(m.kept)) * m.d;
        }
        return loss();
      };
      const double up = move(step), down = move(-step);
      for (const Moved& m : moved) *m.w = m.kept;
      ASSERT_GT(want, 3 * noise) << what << " cannot be told from rounding";
      if (std::abs(up - down - want) <= kTolerance * want + noise) return;
      if (attempt == 2) ADD_FAILURE() << what << ": " << up - down << " instead of " << want;
    }
  }

  PackedModel model_;
  Model grads_;
  std::vector<Ids> sequences_;
  std::vector<int32_t> given_experts_, given_entries_;
  IndexedEntries indexed_entries_ = IndexedEntries::kSelected;
  float balance_coefficient_ = 0;
  uint64_t directions_ = 0;
};

bool is_indexer(const std::string& name) { return name.find(".indexer.") != std::string::npos; }
bool is_selection(const std::string& name) {
  return is_indexer(name) || name.find("gate.bias") != std::string::npos;
}

// Gradients are copied: every loss() overwrites grads_.
struct Kept {
  explicit Kept(const Model& grads)
      : floats(grads.floats.data(), grads.floats.data() + grads.floats.size()) {}
  std::vector<float> floats;
};

TEST_F(NetworkGradient, EveryTensorOfThePolicyLoss) {
  run(1, 0);
  Kept kept(grads_);
  auto all = tensors();
  for (auto& p : all) p.grad.data = kept.floats.data() + (p.grad.data - grads_.floats.data());
  const auto loss = [&] { return run(1, 0).policy; };
  std::map<std::string, int> seen;
  for (const auto& p : all) {
    if (is_selection(p.name)) {
      for (int64_t i = 0; i < p.grad.size(); ++i) EXPECT_EQ(p.grad.data[i], 0) << p.name;
      continue;
    }
    for (const char* kind : {"attn_sink", ".ape", "hc_attn_base", "gate.weight", "experts."})
      seen[kind] += p.name.find(kind) != std::string::npos;
    expect_slope(
        all, [&](const auto& q) { return q.name == p.name; }, loss, 5e-3, 3e-5, p.name);
  }
  for (const auto& [kind, count] : seen) EXPECT_GT(count, 0) << kind;
}

TEST_F(NetworkGradient, RandomDirectionsOverTheWholeModel) {
  run(1, 0);
  Kept kept(grads_);
  auto all = tensors();
  for (auto& p : all) p.grad.data = kept.floats.data() + (p.grad.data - grads_.floats.data());
  for (int i = 0; i < 5; ++i)
    expect_slope(
        all, [](const auto&) { return true; }, [&] { return run(1, 0).policy; }, 1e-2, 3e-5,
        "direction " + std::to_string(i));
}

TEST_F(NetworkGradient, BothLossesAddUp) {
  run(0, 0.5f);
  const Kept index(grads_);
  run(1, 0);
  const Kept policy(grads_);
  run(1, 0.5f);
  for (size_t i = 0; i < index.floats.size(); ++i)
    EXPECT_EQ(grads_.floats.data()[i], index.floats[i] + policy.floats[i]);
}

// Detached inputs: the indexer's loss moves the indexer and nothing else.
TEST_F(NetworkGradient, IndexLossReachesOnlyTheIndexer) {
  EXPECT_GT(run(0, 1).index, 0.1);
  double largest = 0;
  for (const auto& p : tensors())
    for (int64_t i = 0; i < p.grad.size(); ++i) {
      if (is_indexer(p.name))
        largest = std::max(largest, std::abs(static_cast<double>(p.grad.data[i])));
      else
        ASSERT_EQ(p.grad.data[i], 0) << p.name;
    }
  EXPECT_GT(largest, 0);
  EXPECT_EQ(run(1, 0).index, 0);
}

TEST_F(NetworkGradient, IndexLossByDifferences) {
  constexpr float kCoefficient = 0.25f;
  run(0, kCoefficient);
  Kept kept(grads_);
  auto all = tensors();
  for (auto& p : all) p.grad.data = kept.floats.data() + (p.grad.data - grads_.floats.data());
  int checked = 0;
  for (const auto& p : all) {
    if (!is_indexer(p.name)) continue;
    ++checked;
    expect_slope(
        all, [&](const auto& q) { return q.name == p.name; },
        [&] { return kCoefficient * run(0, kCoefficient).index; }, 1e-3, 3e-6, p.name);
  }
  EXPECT_EQ(checked, 2 * 6);
}

// The load counts have no gradient; where no choice flips they do not move, so differences hold.
TEST_F(NetworkGradient, BalanceLossByDifferences) {
  constexpr float kCoefficient = 0.5f;
  balance_coefficient_ = kCoefficient;
  const double balance = run(0, 0).balance;
  EXPECT_GT(balance, 2 * 3 * 0.9);  // two learned layers, three sequences, 1 where load is even
  EXPECT_LT(balance, 2 * 3 * 2.5);  // E/K at most
  Kept kept(grads_);
  auto all = tensors();
  for (auto& p : all) p.grad.data = kept.floats.data() + (p.grad.data - grads_.floats.data());
  int learned = 0;
  for (const auto& p : all) {
    if (p.name != "layers.2.ffn.gate.weight" && p.name != "layers.3.ffn.gate.weight") continue;
    ++learned;
    expect_slope(
        all, [&](const auto& q) { return q.name == p.name; },
        [&] { return kCoefficient * run(0, 0).balance; }, 1e-3, 3e-6, p.name);
  }
  EXPECT_EQ(learned, 2);
  expect_slope(
      all, [](const auto& p) { return !is_selection(p.name); },
      [&] { return kCoefficient * run(0, 0).balance; }, 1e-3, 3e-6, "the whole model");
}

// Of choices that are not the model's own: the gate values of given experts and the loss over given
// entries have gradients, through the present weights.
class GivenChoicesGradient : public NetworkGradient {
 protected:
  GivenChoicesGradient() {
    const ModelConfig& c = model_.config();
    int64_t tokens = 0;
    for (const Ids& s : sequences_) tokens += static_cast<int64_t>(s.size());
    for (int64_t i = 0; i < num_learned_moe(c) * tokens; ++i)
      for (int64_t k = 0; k < c.num_experts_per_tok; ++k)
        given_experts_.push_back(static_cast<int32_t>((i * 3 + k) % c.n_routed_experts));
    for (int64_t layer = 0; layer < num_csa(c); ++layer)
      for (const Ids& s : sequences_)
        for (int64_t t = 0; t < static_cast<int64_t>(s.size()); ++t)
          for (int64_t k = 0; k < c.index_topk; ++k) {  // all but one or more in the middle
            const int64_t visible = (t + 1) / c.csa_rate;
            given_entries_.push_back(static_cast<int32_t>(
                k < (t + layer) % c.index_topk ? k : visible - c.index_topk + k));
          }
  }
};

TEST_F(GivenChoicesGradient, PolicyLossByDifferences) {
  run(1, 0);
  Kept kept(grads_);
  auto all = tensors();
  for (auto& p : all) p.grad.data = kept.floats.data() + (p.grad.data - grads_.floats.data());
  int gates = 0;
  for (const auto& p : all) {
    if (is_selection(p.name)) continue;
    gates += p.name == "layers.2.ffn.gate.weight" || p.name == "layers.3.ffn.gate.weight";
    expect_slope(
        all, [&](const auto& q) { return q.name == p.name; }, [&] { return run(1, 0).policy; },
        5e-3, 3e-5, p.name);
  }
  EXPECT_EQ(gates, 2);
}

TEST_F(GivenChoicesGradient, IndexAndBalanceLossByDifferences) {
  balance_coefficient_ = 0.5f;
  run(0, 0.25f);
  Kept kept(grads_);
  auto all = tensors();
  for (auto& p : all) p.grad.data = kept.floats.data() + (p.grad.data - grads_.floats.data());
  for (const auto& p : all) {
    const bool gate = p.name == "layers.2.ffn.gate.weight" || p.name == "layers.3.ffn.gate.weight";
    if (is_indexer(p.name) || gate)
      expect_slope(
          all, [&](const auto& q) { return q.name == p.name; },
          [&] {
            const Losses l = run(0, 0.25f);  // the indexer's does not reach the gates
            return gate ? 0.5 * l.balance : 0.25 * l.index;
          },
          1e-3, 3e-6, p.name);
  }
}

TEST_F(NetworkGradient, BalanceLossAddsToTheOthers) {
  run(1, 0);
  const Kept policy(grads_);
  balance_coefficient_ = 0.5f;
  run(1, 0);
  float largest = 0, moved = 0;
  for (size_t i = 0; i < policy.floats.size(); ++i) {
    largest = std::max(largest, std::abs(policy.floats[i]));
    moved = std::max(moved, std::abs(policy.floats[i] - grads_.floats.data()[i]));
  }
  EXPECT_GT(moved, 1e-4f * largest);
}

// Top-k above every number of entries: the loss is over all visible entries (the warm-up's).
class DenseNetworkGradient : public NetworkGradient {
 protected:
  DenseNetworkGradient() : NetworkGradient(config()) {}
  static ModelConfig config() {
    ModelConfig c = odd_config();
    c.index_topk = 64;
    return c;
  }
};

// The warm-up over a model that selects 4 entries is that of a model that selects all: losses and
// every gradient, to the bit.
TEST_F(DenseNetworkGradient, WarmUpIsOverAllVisibleEntries) {
  const double want = run(0, 1).index;
  const Kept all_selected(grads_);
  model_.model.config.index_topk = 4;
  const double sparse = run(0, 1).index;
  indexed_entries_ = IndexedEntries::kAllVisible;
  EXPECT_EQ(run(0, 1).index, want);
  EXPECT_NE(sparse, want);
  for (size_t i = 0; i < all_selected.floats.size(); ++i)
    ASSERT_EQ(grads_.floats.data()[i], all_selected.floats[i]);
}

TEST_F(DenseNetworkGradient, IndexLossByDifferences) {
  run(0, 1);
  Kept kept(grads_);
  auto all = tensors();
  for (auto& p : all) p.grad.data = kept.floats.data() + (p.grad.data - grads_.floats.data());
  for (const auto& p : all)
    if (is_indexer(p.name))
      expect_slope(
          all, [&](const auto& q) { return q.name == p.name; }, [&] { return run(0, 1).index; },
          3e-3, 3e-6, p.name);
}

}  // namespace
}  // namespace amalgam::model
