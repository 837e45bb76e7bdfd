// Quantised compute: the same bits in prefill, decode and training for every switch; gradients that
// pass straight through the rounding.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>

#include "configs/error.h"
#include "kernels/quantize/quantize.h"
#include "model/checkpoint/convert.h"
#include "model/network/network_pass.h"
#include "tests/model/network/network_case.h"
#include "tests/paths.h"
#include "tests/temp_dir.h"

namespace amalgam::model {
namespace {

using configs::NumericsConfig;

struct Named {
  const char* name;
  NumericsConfig numerics;
};
std::vector<Named> switches() {
  return {{"experts_fp4", {.experts_fp4 = true}},
          {"indexer_fp4", {.indexer_fp4 = true}},
          {"index_scores_bf16", {.index_scores_bf16 = true}},
          {"kv_cache_fp8", {.kv_cache_fp8 = true}},
          {"activations_fp8", {.activations_fp8 = true}},
          {"all",
           {.experts_fp4 = true,
            .indexer_fp4 = true,
            .index_scores_bf16 = true,
            .kv_cache_fp8 = true,
            .activations_fp8 = true}}};
}

ModelConfig config() {
  ModelConfig c = odd_config();
  c.index_head_dim = 16;
  c.head_dim = 74;  // an FP8 block of 64 and a partial one before the rotated channels
  return c;
}

std::vector<Ids> sequences() {
  std::vector<Ids> s;
  for (const int64_t n : {1, 7, 43, 71}) s.push_back(random_ids(config(), n, 7 + n));
  return s;
}

TEST(NetworkNumerics, PrefillDecodeAndTrainingHaveTheSameBits) {
  const auto s = sequences();
  const auto f32 = training_hidden(odd_model(config(), 3), s, 1);
  for (const auto& [name, numerics] : switches()) {
    const PackedModel m = odd_model(config(), 3, numerics);
    const auto want = training_hidden(m, s, 1, numerics);
    EXPECT_EQ(training_hidden(m, s, 2, numerics), want) << name;
    EXPECT_EQ(cached_hidden(m, s, {1, 1, 1, 1}, 2, numerics), want) << name;
    EXPECT_EQ(cached_hidden(m, s, {1, 3, 64, 16}, 1, numerics), want) << name;
    // bf16 scores may choose as f32 ones do on so small a case.
    if (!numerics.index_scores_bf16 || numerics.experts_fp4) {
      EXPECT_NE(want, f32) << name;
    }
  }
}

TEST(NetworkNumerics, KvEntriesAreFp8AndBf16) {
  // What the window ring of a sliding layer holds are values that quantising again leaves alone.
  const NumericsConfig numerics{.kv_cache_fp8 = true};
  const PackedModel m = odd_model(config(), 3, numerics);
  kernels::ThreadPool pool(1);
  Network net(m.config(), pool, numerics);
  const auto layout = std::make_shared<CacheLayout>(m.config(), kMaxPositions);
  SequenceCache cache(layout);
  const Ids ids = random_ids(m.config(), 40, 1);
  const SequenceSlice slice{0, 40, &cache};
  net.run(m.weights(), {ids, {&slice, 1}}, nullptr);
  const int64_t C = 74, rotated = 6;
  const auto expect_rounded = [&](const float* row) {
    std::vector<float> again(row, row + C);
    kernels::fake_quantize_e4m3(row, C - rotated, 64, again.data());
    for (int64_t i = C - rotated; i < C; ++i)
      again[static_cast<size_t>(i)] = kernels::round_to_bf16(row[i]);
    EXPECT_EQ(std::vector<float>(row, row + C), again);
  };
  for (int64_t layer = 0; layer < 4; ++layer) {
    for (int64_t i = 0; i < m.config().sliding_window; ++i)
      expect_rounded(cache.at(cache.layer(layer).window) + i * C);
    if (layer == 0) continue;
    const int64_t rate = layer == 2 ? m.config().hca_rate : m.config().csa_rate;
    for (int64_t i = 0; i < 40 / rate; ++i)
      expect_rounded(cache.at(cache.layer(layer).compressor.entries) + i * C);
  }
}

TEST(NetworkNumerics, RecallOfBf16ScoresIsCounted) {
  const NumericsConfig numerics{.index_scores_bf16 = true};
  const PackedModel m = odd_model(config(), 3);
  kernels::ThreadPool pool(1);
  Network net(m.config(), pool, numerics);
  const Packed packed({sequences().back()});
  net.run(m.weights(), packed.batch(), nullptr);
  int64_t compared = 0;
  for (int64_t t = 0; t < 71; ++t) compared += (t + 1) / 3 > 4 ? 4 : 0;
  EXPECT_EQ(net.indexer_counters().compared, 2 * compared);  // two CSA layers
  EXPECT_LE(net.indexer_counters().agreed, net.indexer_counters().compared);
  EXPECT_GT(net.indexer_counters().agreed, net.indexer_counters().compared * 9 / 10);
}

TEST(NetworkNumerics, RefusesAnIndexerThatCannotBeTransformed) {
  kernels::ThreadPool pool(1);
  EXPECT_THROW(Network(odd_config(), pool, {.indexer_fp4 = true}), Error);
  EXPECT_NO_THROW(Network(odd_config(), pool, {.kv_cache_fp8 = true}));
}

struct Trained {
  Rows hidden;
  std::vector<float> gradients;
  double index_loss = 0;
};

// One pass with d hidden = 1 / (1 + i % 7) and the indexer's loss.
Trained train(const PackedModel& m, const NumericsConfig& numerics) {
  kernels::ThreadPool pool(2);
  Network net(m.config(), pool, numerics);
  Model grads = zero_gradients(m.config());
  Tape tape(net.arena());
  Recording recording{.tape = &tape, .grads = &grads.weights, .index_loss_coefficient = 0.5f};
  const Packed packed(sequences());
  const Var hidden = net.run(m.weights(), packed.batch(), &recording);
  Trained t;
  t.hidden.assign(hidden.v.data, hidden.v.data + hidden.v.size());
  for (int64_t i = 0; i < hidden.v.size(); ++i) hidden.g[i] = 1.0f / static_cast<float>(1 + i % 7);
  tape.backward();
  t.gradients.assign(grads.floats.data(), grads.floats.data() + grads.floats.size());
  t.index_loss = recording.index_loss;
  return t;
}

void round_experts(Model& m) {
  for (Block& b : m.weights.blocks)
    for (Expert& e : b.moe.experts)
      for (Matrix* w : {&e.w1, &e.w2, &e.w3})
        for (int64_t r = 0; r < w->rows; ++r)
          kernels::fake_quantize_e2m1(w->row(r), w->cols, w->row(r));
}

// Quantisation-aware training: values and all gradients are those of a model whose master weights
// are the rounded ones, to the bit.
TEST(NetworkNumerics, GradientIsTheOneAtTheRoundedExperts) {
  const NumericsConfig numerics{.experts_fp4 = true};
  const PackedModel master = odd_model(config(), 3, numerics);
  PackedModel rounded = odd_model(config(), 3);
  round_experts(rounded.model);
  rounded.model.weights.pack();
  const Trained got = train(master, numerics), want = train(rounded, {});
  EXPECT_EQ(got.hidden, want.hidden);
  EXPECT_EQ(got.gradients, want.gradients);
  EXPECT_NE(got.hidden, train(odd_model(config(), 3), {}).hidden);
}

// y = round(x)·Wᵀ: dW = dyᵀ·round(x), and dx = dy·W straight through the rounding, to the bit what
// an f32 layer gives that is handed the rounded values.
TEST(NetworkNumerics, ProjectionGradientsAreThoseAtTheRoundedInput) {
  const PackedModel m = odd_model(config(), 3);
  const auto layer = [&](const NumericsConfig& numerics, bool is_rounded_before) {
    kernels::ThreadPool pool(2);
    Network net(m.config(), pool, numerics);
    Model grads = zero_gradients(m.config());
    Tape tape(net.arena());
    Recording recording{.tape = &tape, .grads = &grads.weights};
    const Batch batch{};
    constexpr int64_t kTokens = 9;
    Network::Pass pass{net, m.weights(), batch, &recording, kTokens, nullptr, nullptr};
    const Var x = pass.make(kTokens, m.config().hidden_size);
    for (int64_t i = 0; i < x.v.size(); ++i) x.v.data[i] = std::sin(static_cast<float>(i * i));
    if (is_rounded_before) Network::Pass::round_activations(pool, x.v, x.v.cols, x.v.data);
    const Var y =
        pass.linear(x, m.weights().blocks[0].attn.wq_a, &grads.weights.blocks[0].attn.wq_a);
    for (int64_t i = 0; i < y.v.size(); ++i) y.g[i] = std::cos(static_cast<float>(3 * i));
    tape.backward();
    const Tensor& dw = grads.weights.blocks[0].attn.wq_a;
    return std::array{Rows(y.v.data, y.v.data + y.v.size()), Rows(x.g, x.g + x.v.size()),
                      Rows(dw.data, dw.data + dw.size())};
  };
  const auto got = layer({.activations_fp8 = true}, false), want = layer({}, true);
  EXPECT_EQ(got, want);
  EXPECT_NE(got[2], layer({}, false)[2]);
}

// Through the transform and straight through the rounding, the indexer's gradient points where the
// f32 one does. Without the inverse transform the two would be about orthogonal.
TEST(NetworkNumerics, IndexerGradientPassesThroughTransformAndRounding) {
  const PackedModel m = odd_model(config(), 3);
  const Trained f32 = train(m, {}), fp4 = train(m, {.indexer_fp4 = true});
  EXPECT_NEAR(fp4.index_loss, f32.index_loss, 0.3 * f32.index_loss);
  EXPECT_NE(fp4.index_loss, f32.index_loss);
  Weights at(m.config()), other(m.config());
  std::vector<float> a = f32.gradients, b = fp4.gradients;
  at.bind(a.data(), nullptr);
  other.bind(b.data(), nullptr);
  const auto cosine = [](const Tensor& x, const Tensor& y) {
    double xy = 0, xx = 0, yy = 0;
    for (int64_t i = 0; i < x.size(); ++i) {
      const double u = x.data[i], v = y.data[i];
      xy += u * v, xx += u * u, yy += v * v;
    }
    return xy / std::sqrt(xx * yy);
  };
  for (const size_t layer : {1, 3}) {
    const Indexer &x = at.blocks[layer].attn.indexer, &y = other.blocks[layer].attn.indexer;
    EXPECT_GT(cosine(x.wq_b, y.wq_b), 0.8) << layer;
    EXPECT_GT(cosine(x.compressor.wkv, y.compressor.wkv), 0.8) << layer;
  }
}

// What is trained is deployed: experts that moved in f32, the other weights exact in their stored
// form, saved and converted, score as the training forward did.
TEST(NetworkNumerics, ConvertedModelScoresAsTheTrainingForward) {
  const TempDir tmp;
  const NumericsConfig numerics{.experts_fp4 = true};
  Model m = load_model(tests::reference_model("released_quant"));
  for (Block& b : m.weights.blocks)
    for (Expert& e : b.moe.experts)
      for (Matrix* w : {&e.w1, &e.w2, &e.w3})
        for (int64_t i = 0; i < w->size(); ++i)
          w->data[i] *=
              static_cast<float>(1 + 0.3 * kernels::uniform({.seed = 9}, static_cast<uint64_t>(i)));
  save_model(tmp / "master", m.config, m.weights);
  kernels::ThreadPool pool(2);
  convert_model(tmp / "master", tmp / "fp4", pool, {.to = Precision::kFp4, .save = {}});
  const PackedModel master(std::move(m), numerics, Passes::kForwardAndBackward);
  const std::vector<Ids> ids = {random_ids(master.config(), 40, 3)};
  const auto want = training_hidden(master, ids, 2, numerics);
  EXPECT_EQ(training_hidden(load_packed_model(tmp / "fp4"), ids, 2), want);
  EXPECT_NE(training_hidden(load_packed_model(tmp / "master"), ids, 2), want);
}

}  // namespace
}  // namespace amalgam::model
