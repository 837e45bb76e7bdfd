// Computing activations again instead of keeping them: less memory, and not one bit of a gradient.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/model/network/network_case.h"

namespace amalgam::model {
namespace {

using configs::Recompute;

struct Result {
  std::vector<float> hidden, gradients;
  std::vector<std::vector<int64_t>> load;
  double index_loss = 0, balance_loss = 0;
  size_t bytes = 0;
  IndexerCounters counters;
};

Result train(const PackedModel& m, const std::vector<Ids>& sequences, Recompute recompute,
             int threads = 1, const configs::NumericsConfig& numerics = {}) {
  kernels::ThreadPool pool(threads);
  Network net(m.config(), pool, numerics);
  Model grads = zero_gradients(m.config());
  const Packed packed(sequences);
  Result r;
  for (int step = 0; step < 2; ++step) {  // the second reuses memory that is no longer zero
    std::fill(grads.floats.data(), grads.floats.data() + grads.floats.size(), 0.0f);
    net.arena().reset();
    Tape tape(net.arena());
    Recording recording{.tape = &tape,
                        .grads = &grads.weights,
                        .index_loss_coefficient = 0.5f,
                        .recompute = recompute,
                        .balance_loss_coefficient = 0.25f};
    const Var hidden = net.run(m.weights(), packed.batch(), &recording);
    const auto n = static_cast<size_t>(hidden.v.size());
    for (size_t i = 0; i < n; ++i)
      hidden.g[i] = static_cast<float>(kernels::uniform({.seed = 6}, i)) - 0.5f;
    r.hidden.assign(hidden.v.data, hidden.v.data + n);
    tape.backward();
    r.load = recording.expert_load;
    r.index_loss = recording.index_loss, r.balance_loss = recording.balance_loss;
  }
  r.gradients.assign(grads.floats.data(), grads.floats.data() + grads.floats.size());
  r.bytes = net.activation_bytes();
  r.counters = net.indexer_counters();
  return r;
}

void expect_equal(const Result& kept, const Result& again, const std::string& name) {
  EXPECT_EQ(std::memcmp(kept.hidden.data(), again.hidden.data(), 4 * kept.hidden.size()), 0)
      << name;
  EXPECT_EQ(std::memcmp(kept.gradients.data(), again.gradients.data(), 4 * kept.gradients.size()),
            0)
      << name;
  EXPECT_EQ(again.load, kept.load) << name;
  EXPECT_EQ(again.index_loss, kept.index_loss) << name;
  EXPECT_EQ(again.balance_loss, kept.balance_loss) << name;
  EXPECT_EQ(again.counters.visible, kept.counters.visible) << name;
  EXPECT_EQ(again.counters.selected, kept.counters.selected) << name;
  EXPECT_EQ(again.counters.compared, kept.counters.compared) << name;
  EXPECT_EQ(again.counters.agreed, kept.counters.agreed) << name;
}

class RecomputeTest : public ::testing::Test {
 protected:
  RecomputeTest() : model_(odd_model(odd_config(), 4)) {
    for (const int64_t n : {61, 1, 40}) sequences_.push_back(random_ids(model_.config(), n, n));
  }
  PackedModel model_;
  std::vector<Ids> sequences_;
};

TEST_F(RecomputeTest, NoBitOfAGradientChanges) {
  const Result kept = train(model_, sequences_, Recompute::kNone);
  for (const auto recompute : {Recompute::kTensors, Recompute::kLayer})
    for (const int threads : {1, 3}) {
      const Result again = train(model_, sequences_, recompute, threads);
      expect_equal(kept, again, name_of(recompute));
    }
}

// Values are rounded in place where they are made: computing them again rounds them again, once.
TEST_F(RecomputeTest, NoBitChangesWithQuantisedCompute) {
  const configs::NumericsConfig numerics{.experts_fp4 = true,
                                         .indexer_fp4 = true,
                                         .index_scores_bf16 = true,
                                         .kv_cache_fp8 = true,
                                         .activations_fp8 = true};
  ModelConfig c = odd_config();
  c.index_head_dim = 16;
  c.head_dim = 74;  // an FP8 block of 64 and a partial one before the rotated channels
  const PackedModel model = odd_model(c, 4, numerics);
  const Result kept = train(model, sequences_, Recompute::kNone, 1, numerics);
  EXPECT_GT(kept.counters.compared, 0);
  for (const auto recompute : {Recompute::kTensors, Recompute::kLayer})
    expect_equal(kept, train(model, sequences_, recompute, 2, numerics), name_of(recompute));
}

TEST_F(RecomputeTest, ThePeakFalls) {
  const auto bytes = [&](Recompute r) { return train(model_, sequences_, r).bytes; };
  const size_t all = bytes(Recompute::kNone), tensors = bytes(Recompute::kTensors),
               layer = bytes(Recompute::kLayer);
  EXPECT_LT(tensors, 0.9 * all);
  EXPECT_LT(layer, 0.7 * all);
  RecordProperty("bytes_none", static_cast<int>(all));
  RecordProperty("bytes_tensors", static_cast<int>(tensors));
  RecordProperty("bytes_layer", static_cast<int>(layer));
}

// With layers, memory grows by the streams between them, not by what is inside.
TEST_F(RecomputeTest, ALayerMoreCostsItsStreams) {
  const auto bytes = [&](size_t num_layers) {
    ModelConfig c = odd_config();
    c.layers.assign(num_layers, {AttentionKind::kCsa, MlpKind::kMoe});
    return train(odd_model(c, 4), sequences_, Recompute::kLayer).bytes;
  };
  const ModelConfig c = odd_config();
  const size_t tokens = 61 + 1 + 40;
  const size_t streams = 2 * tokens * static_cast<size_t>(c.hc_mult * c.hidden_size) * 4;
  const size_t more = bytes(9) - bytes(5);
  EXPECT_GE(more, 4 * streams);
  EXPECT_LT(more, 4 * (streams + 4096));
}

}  // namespace
}  // namespace amalgam::model
