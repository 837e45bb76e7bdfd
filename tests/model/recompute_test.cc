// Computing activations again instead of keeping them: less memory, and not one bit of a gradient.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/model/network_case.h"

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
             int threads = 1) {
  kernels::ThreadPool pool(threads);
  Network net(m.config(), pool);
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
      const std::string name = configs::names_of(recompute)[static_cast<size_t>(recompute)];
      EXPECT_EQ(std::memcmp(kept.hidden.data(), again.hidden.data(), 4 * kept.hidden.size()), 0);
      EXPECT_EQ(
          std::memcmp(kept.gradients.data(), again.gradients.data(), 4 * kept.gradients.size()), 0)
          << name;
      EXPECT_EQ(again.load, kept.load) << name;
      EXPECT_EQ(again.index_loss, kept.index_loss) << name;
      EXPECT_EQ(again.balance_loss, kept.balance_loss) << name;
      EXPECT_EQ(again.counters.visible, kept.counters.visible) << name;
      EXPECT_EQ(again.counters.selected, kept.counters.selected) << name;
    }
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
