// The bits of the MTP block: with caches, piece by piece, they are those of the packed pass; and
// caches that took tokens back go on as if they had never seen them. What the block computes is
// compared with the oracle in network_golden_test.cc.
#include <gtest/gtest.h>

#include <cmath>

#include "model/network/mtp_rows.h"
#include "model/network/network.h"
#include "tests/model/network/network_case.h"

namespace amalgam::model {
namespace {

constexpr int64_t kMaxPositions = 80;

class NetworkMtpTest : public ::testing::TestWithParam<AttentionKind> {
 protected:
  static ModelConfig config() {
    ModelConfig c = odd_config();
    c.num_nextn_predict_layers = 1;
    c.mtp_attention = GetParam();
    c.index_head_dim = 16;  // a power of two, for numerics.indexer_fp4
    return c;
  }
  const PackedModel model_ = odd_model(config(), 3);
  const std::vector<Ids> sequences_ = {random_ids(config(), 43, 1), random_ids(config(), 1, 2),
                                       random_ids(config(), 2, 3), random_ids(config(), 20, 4)};
};

constexpr configs::NumericsConfig kQuantised{.experts_fp4 = true,
                                             .indexer_fp4 = true,
                                             .index_scores_bf16 = true,
                                             .kv_cache_fp8 = true,
                                             .activations_fp8 = true};

// The learner's pass: packed, on a tape.
std::vector<Rows> packed_mtp(const PackedModel& m, const std::vector<Ids>& sequences, int threads,
                             const configs::NumericsConfig& numerics = {}) {
  kernels::ThreadPool pool(threads);
  Network net(m.config(), pool, numerics);
  Model grads = zero_gradients(m.config());
  Tape tape(net.arena());
  Recording recording{.tape = &tape, .grads = &grads.weights};
  const Packed packed(sequences);
  Var streams;
  net.run(m.weights(), packed.batch(), &recording, &streams);
  const MtpRows rows(packed.ids, packed.slices);
  const Var hidden = net.run_mtp(m.weights(), rows.batch(streams, MtpGradient::kAll), &recording);
  return split_rows(hidden.v, rows.sequences);
}

TEST_P(NetworkMtpTest, PackedSequencesDoNotLeak) {
  const auto want = packed_mtp(model_, sequences_, 1);
  ASSERT_EQ(want.size(), 3u);  // one token has no row
  EXPECT_EQ(packed_mtp(model_, sequences_, 2), want);
  EXPECT_EQ(packed_mtp(model_, {sequences_[0]}, 1)[0], want[0]);
  EXPECT_EQ(packed_mtp(model_, {sequences_[3], sequences_[2]}, 1)[0], want[2]);
  EXPECT_EQ(want[0].size(), 42u * 22u);
}

void expect_cached_rows_are_packed_rows(const PackedModel& m, const Ids& ids,
                                        const configs::NumericsConfig& numerics) {
  const Rows want = packed_mtp(m, {ids}, 1, numerics)[0];
  for (const int64_t step : {1, 2, 5, 42}) {
    kernels::ThreadPool pool(1);
    Network net(m.config(), pool, numerics);
    SequenceCache cache(std::make_shared<CacheLayout>(m.config(), kMaxPositions));
    SequenceCache mtp(std::make_shared<CacheLayout>(CacheLayout::mtp(m.config(), 80)));
    Rows got;
    for (int64_t at = 0; at < 42; at += step) {
      const int64_t n = std::min<int64_t>(step, 42 - at);
      const SequenceSlice slice{0, n, &cache}, mtp_slice{0, n, &mtp};
      net.arena().reset();
      Var streams;
      net.run(m.weights(), {std::span(ids).subspan(at, n), {&slice, 1}}, nullptr, &streams);
      Ids rows;
      for (int64_t i = 0; i < n; ++i) rows.push_back(static_cast<int32_t>(i));
      const Var hidden = net.run_mtp(m.weights(),
                                     {.ids = std::span(ids).subspan(at + 1, n),
                                      .rows = rows,
                                      .streams = streams,
                                      .sequences = {&mtp_slice, 1}},
                                     nullptr);
      got.insert(got.end(), hidden.v.data, hidden.v.data + hidden.v.size());
    }
    EXPECT_EQ(got, want) << step;
    EXPECT_EQ(mtp.position(), 42);
  }
}

TEST_P(NetworkMtpTest, CachedRowsHaveTheBitsOfThePackedPass) {
  expect_cached_rows_are_packed_rows(model_, sequences_[0], {});
}

TEST_P(NetworkMtpTest, CachedRowsHaveTheBitsOfThePackedPassInQuantisedCompute) {
  const PackedModel m = odd_model(config(), 3, kQuantised);
  EXPECT_NE(packed_mtp(m, sequences_, 1, kQuantised), packed_mtp(model_, sequences_, 1));
  expect_cached_rows_are_packed_rows(m, sequences_[0], kQuantised);
}

// After every token a wrong one is fed, alone or together with the right one before it, and taken
// back.
TEST_P(NetworkMtpTest, TokensTakenBackLeaveNoTrace) {
  const Ids& ids = sequences_[0];
  const PackedModel quantised = odd_model(config(), 3, kQuantised);
  const auto D = static_cast<size_t>(model_.config().hidden_size);
  for (const bool quantises : {false, true})
    for (const bool together : {false, true}) {
      const PackedModel& m = quantises ? quantised : model_;
      const configs::NumericsConfig numerics = quantises ? kQuantised : configs::NumericsConfig{};
      const Rows want = training_hidden(m, {ids}, 1, numerics)[0];
      kernels::ThreadPool pool(1);
      Network net(m.config(), pool, numerics);
      SequenceCache cache(std::make_shared<CacheLayout>(m.config(), kMaxPositions));
      Rows got;
      const auto feed = [&](const Ids& tokens, size_t kept) {
        const SequenceSlice slice{0, static_cast<int64_t>(tokens.size()), &cache};
        net.arena().reset();
        const Var hidden = net.run(m.weights(), {tokens, {&slice, 1}}, nullptr);
        got.insert(got.end(), hidden.v.data, hidden.v.data + kept * D);
      };
      for (size_t t = 0; t < ids.size(); ++t) {
        const int32_t wrong = (ids[t] + 1 + static_cast<int32_t>(t)) % 37;
        if (together) {
          feed({ids[t], wrong}, 1);
        } else {
          feed({ids[t]}, 1);
          feed({wrong}, 0);
        }
        cache.take_back();
      }
      EXPECT_EQ(got, want) << together << quantises;
    }
}

// With detached inputs only the block's own tensors get a gradient.
TEST_P(NetworkMtpTest, BlockOnlyGradientStaysInTheBlock) {
  for (const MtpGradient gradient : {MtpGradient::kAll, MtpGradient::kBlockOnly}) {
    kernels::ThreadPool pool(1);
    Network net(model_.config(), pool);
    Model grads = zero_gradients(model_.config());
    Tape tape(net.arena());
    Recording recording{.tape = &tape, .grads = &grads.weights};
    const Packed packed(sequences_);
    Var streams;
    net.run(model_.weights(), packed.batch(), &recording, &streams);
    const MtpRows rows(packed.ids, packed.slices);
    const Var hidden = net.run_mtp(model_.weights(), rows.batch(streams, gradient), &recording);
    for (int64_t i = 0; i < hidden.v.size(); ++i) hidden.g[i] = 1;
    tape.backward();
    double block = 0, rest = 0;
    struct Sum {
      double &block, &rest;
      void operator()(const std::string& name, const Tensor& t, Role) {
        double& sum = name.starts_with("mtp.") ? block : rest;
        for (int64_t i = 0; i < t.size(); ++i) sum += std::abs(static_cast<double>(t.data[i]));
      }
      void operator()(const std::string&, const IntTensor&) {}
    } sum{block, rest};
    visit(grads.weights, sum);
    EXPECT_GT(block, 1);
    EXPECT_EQ(rest > 0, gradient == MtpGradient::kAll);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, NetworkMtpTest,
                         ::testing::Values(AttentionKind::kSliding, AttentionKind::kCsa,
                                           AttentionKind::kHca),
                         [](const auto& param) {
                           return std::string(param.param == AttentionKind::kSliding ? "sliding"
                                              : param.param == AttentionKind::kCsa   ? "csa"
                                                                                     : "hca");
                         });

}  // namespace
}  // namespace amalgam::model
