#include "model/network/sequence_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "kernels/attention/indexer.h"
#include "tests/model/network/network_case.h"

namespace amalgam::model {
namespace {

struct Part {
  int64_t begin, size;
};

// Every part with the size its use needs (MODEL.md §5).
std::vector<Part> parts(const CacheLayout& layout, const ModelConfig& c) {
  std::vector<Part> all;
  for (size_t i = 0; i < layout.layers.size(); ++i) {
    const LayerCacheLayout& l = layout.layers[i];
    const AttentionKind kind = c.layers[i].attention;
    all.push_back({l.window, c.sliding_window * c.head_dim});
    EXPECT_EQ(l.compressor.entries >= 0, kind != AttentionKind::kSliding);
    EXPECT_EQ(l.indexer.entries >= 0, kind == AttentionKind::kCsa);
    if (kind == AttentionKind::kSliding) continue;
    const bool overlap = kind == AttentionKind::kCsa;
    const int64_t rate = c.compress_rate(kind), entries = layout.max_positions / rate;
    const auto add = [&](const CompressorCacheLayout& k, int64_t channels, int64_t entry_floats) {
      EXPECT_EQ(k.tail_rows, overlap ? 2 * rate : rate);
      EXPECT_EQ(k.width, overlap ? 2 * channels : channels);
      all.push_back({k.tail_kv, k.tail_rows * k.width});
      all.push_back({k.tail_gate, k.tail_rows * k.width});
      all.push_back({k.entries, entry_floats});
    };
    add(l.compressor, c.head_dim, entries * c.head_dim);
    if (overlap)
      add(l.indexer, c.index_head_dim, kernels::index_keys_size(entries, c.index_head_dim));
  }
  return all;
}

TEST(SequenceCacheTest, PartsAreAlignedAndApart) {
  const ModelConfig c = odd_config();
  for (const int64_t max : {1, 2, 3, 20, 21, 100, 4096}) {
    const CacheLayout layout(c, max);
    EXPECT_EQ(layout.layers.size(), c.layers.size());
    auto all = parts(layout, c);
    std::sort(all.begin(), all.end(), [](const Part& a, const Part& b) {
      return std::pair(a.begin, a.size) < std::pair(b.begin, b.size);
    });
    int64_t end = 0;
    for (const Part& p : all) {
      EXPECT_EQ(p.begin % 16, 0);
      EXPECT_GE(p.begin, end);
      EXPECT_LT(p.begin - end, 16);  // no gaps but for the alignment
      end = p.begin + p.size;
    }
    EXPECT_LE(end, layout.num_floats);
    EXPECT_LT(layout.num_floats - end, 16);
  }
}

TEST(SequenceCacheTest, StartsAtZero) {
  const auto layout = std::make_shared<CacheLayout>(odd_config(), 50);
  SequenceCache cache(layout);
  EXPECT_EQ(cache.position(), 0);
  EXPECT_EQ(cache.max_positions(), 50);
  EXPECT_EQ(cache.bytes(), layout->num_floats * 4);
  EXPECT_TRUE(
      std::all_of(cache.at(0), cache.at(0) + layout->num_floats, [](float x) { return x == 0; }));
}

TEST(SequenceCacheTest, ForksAreIndependent) {
  const auto layout = std::make_shared<CacheLayout>(odd_config(), 50);
  SequenceCache a(layout);
  for (int64_t i = 0; i < layout->num_floats; ++i) a.at(0)[i] = static_cast<float>(i);
  a.advance(7);
  SequenceCache b(a);
  EXPECT_EQ(b.position(), 7);
  EXPECT_TRUE(std::equal(a.at(0), a.at(layout->num_floats), b.at(0)));
  b.at(0)[3] = -1;
  b.advance(2);
  EXPECT_EQ(a.at(0)[3], 3);
  EXPECT_EQ(a.position(), 7);
  EXPECT_EQ(b.position(), 9);
}

TEST(SequenceCacheTest, OneTokenCanBeTakenBack) {
  SequenceCache cache(std::make_shared<CacheLayout>(odd_config(), 50));
  EXPECT_DEATH(cache.take_back(), "CHECK failed");
  cache.advance(7);
  cache.take_back();
  EXPECT_EQ(cache.position(), 6);
  EXPECT_DEATH(cache.take_back(), "CHECK failed");
  EXPECT_DEATH(SequenceCache(cache).take_back(), "CHECK failed");
  cache.advance(1);
  cache.take_back();
  EXPECT_EQ(cache.position(), 6);
}

TEST(SequenceCacheTest, MtpHasOneLayerOfItsKind) {
  ModelConfig c = odd_config();
  for (const AttentionKind kind :
       {AttentionKind::kSliding, AttentionKind::kCsa, AttentionKind::kHca}) {
    c.mtp_attention = kind;
    const CacheLayout layout = CacheLayout::mtp(c, 50);
    c.layers = {{kind, MlpKind::kMoe}};
    const CacheLayout want(c, 50);
    ASSERT_EQ(layout.layers.size(), 1u);
    EXPECT_EQ(layout.num_floats, want.num_floats);
    EXPECT_EQ(layout.max_positions, 50);
  }
}

}  // namespace
}  // namespace amalgam::model
