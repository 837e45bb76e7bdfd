// The bits of the network: prefill, decode, batches and forks equal the learner's packed forward.
#include "model/network/network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/model/network/network_case.h"

namespace amalgam::model {
namespace {

class NetworkTest : public ::testing::Test {
 protected:
  // Lengths around the compression rates (3, 7), their previous windows and the top-k.
  static std::vector<Ids> sequences(const ModelConfig& c) {
    std::vector<Ids> s;
    for (const int64_t n : {1, 2, 6, 7, 20, 43, 71}) s.push_back(random_ids(c, n, 7 + n));
    return s;
  }
  const PackedModel model_ = odd_model(odd_config(), 3);
  const std::vector<Ids> sequences_ = sequences(model_.config());
  const std::vector<Rows> want_ = training_hidden(model_, sequences_, 1);
};

TEST_F(NetworkTest, OutputsDifferFromTokenToToken) {
  // What the other tests compare must not be constant.
  const Rows& h = want_.back();
  const int64_t D = model_.config().hidden_size;
  for (int64_t t = 1; t < 71; ++t)
    EXPECT_FALSE(std::equal(h.begin() + t * D, h.begin() + (t + 1) * D, h.begin())) << t;
}

TEST_F(NetworkTest, ThreadsDoNotChangeTrainingBits) {
  EXPECT_EQ(training_hidden(model_, sequences_, 2), want_);
}

TEST_F(NetworkTest, PackedSequencesDoNotLeak) {
  for (size_t i = 0; i < sequences_.size(); ++i)
    EXPECT_EQ(training_hidden(model_, {sequences_[i]}, 1)[0], want_[i]) << i;
  // In another order, beside other sequences.
  std::vector<Ids> reversed(sequences_.rbegin(), sequences_.rend());
  reversed.push_back(random_ids(model_.config(), 33, 1));
  const auto got = training_hidden(model_, reversed, 2);
  for (size_t i = 0; i < sequences_.size(); ++i)
    EXPECT_EQ(got[sequences_.size() - 1 - i], want_[i]) << i;
}

TEST_F(NetworkTest, LaterTokensDoNotChangeEarlierOnes) {
  const Ids& whole = sequences_.back();
  const int64_t D = model_.config().hidden_size;
  for (const int64_t n : {1, 3, 5, 20, 21, 48, 70}) {
    Ids other(whole.begin(), whole.begin() + n);
    other.resize(whole.size(), 11);
    const Rows got = training_hidden(model_, {other}, 1)[0];
    EXPECT_TRUE(std::equal(got.begin(), got.begin() + n * D, want_.back().begin())) << n;
  }
}

TEST_F(NetworkTest, WithoutTapeTheSameBits) {
  kernels::ThreadPool pool(2);
  Network net(model_.config(), pool);
  const Packed packed(sequences_);
  for (int round = 0; round < 2; ++round) {  // the second run finds a used arena
    net.arena().reset();
    const Var hidden = net.run(model_.weights(), packed.batch(), nullptr);
    EXPECT_EQ(split_rows(hidden.v, packed.slices), want_);
  }
}

TEST_F(NetworkTest, PrefillInChunks) {
  for (const int threads : {1, 2})
    for (const int64_t chunk : {1, 3, 64})
      for (size_t i = 0; i < sequences_.size(); ++i)
        EXPECT_EQ(cached_hidden(model_, {sequences_[i]}, {chunk}, threads)[0], want_[i])
            << "chunks of " << chunk << ", sequence " << i << ", threads " << threads;
}

TEST_F(NetworkTest, ManySequencesSideBySide) {
  for (const int threads : {1, 2}) {
    const std::vector<int64_t> decode(sequences_.size(), 1), mixed = {1, 2, 1, 5, 3, 1, 16};
    EXPECT_EQ(cached_hidden(model_, sequences_, decode, threads), want_);
    EXPECT_EQ(cached_hidden(model_, sequences_, mixed, threads), want_);
  }
}

// Batch::num_read, with each kind of layer as the last one. What the caches keep is whole: every
// later row finds it.
TEST_F(NetworkTest, RowsThatAreReadHaveTheBitsOfAll) {
  for (size_t turn = 0; turn < 4; ++turn) {
    ModelConfig config = odd_config();
    std::rotate(config.layers.begin(), config.layers.begin() + static_cast<long>(turn),
                config.layers.end());
    const PackedModel model = odd_model(config, 3);
    const std::vector<Rows> want = training_hidden(model, sequences_, 1);
    const int64_t D = config.hidden_size;
    kernels::ThreadPool pool(2);
    Network net(config, pool);
    const auto layout = std::make_shared<CacheLayout>(config, kMaxPositions);
    std::vector<std::unique_ptr<SequenceCache>> caches;
    for (size_t i = 0; i < sequences_.size(); ++i)
      caches.push_back(std::make_unique<SequenceCache>(layout));
    int64_t num_passes_without_rows = 0, pass = 0;
    for (bool any = true; any; ++pass) {
      any = false;
      Ids ids;
      std::vector<SequenceSlice> slices;
      std::vector<int64_t> num_read;
      std::vector<size_t> sequence;
      for (size_t i = 0; i < sequences_.size(); ++i) {
        const int64_t position = caches[i]->position(),
                      left = static_cast<int64_t>(sequences_[i].size()) - position;
        if (left == 0) continue;
        any = true;
        const int64_t rows = std::min(left, (pass + static_cast<int64_t>(i)) % 9 + 1);
        slices.push_back({static_cast<int64_t>(ids.size()), rows, caches[i].get()});
        num_read.push_back(pass % 3 == 2 ? 0 : std::min(rows, (pass + 2 * rows) % 4));
        sequence.push_back(i);
        ids.insert(ids.end(), sequences_[i].begin() + position,
                   sequences_[i].begin() + position + rows);
      }
      if (!any) break;
      net.arena().reset();
      const Var h = net.run(model.weights(),
                            {.ids = ids, .sequences = slices, .num_read = num_read}, nullptr);
      ASSERT_EQ(h.v.rows, std::accumulate(num_read.begin(), num_read.end(), int64_t{0}));
      num_passes_without_rows += h.v.rows == 0;
      int64_t row = 0;
      for (size_t i = 0; i < slices.size(); row += num_read[i], ++i) {
        const int64_t end = caches[sequence[i]]->position();
        const Rows got(h.v.row(row), h.v.row(row + num_read[i]));
        const float* rows = want[sequence[i]].data();
        EXPECT_EQ(got, Rows(rows + (end - num_read[i]) * D, rows + end * D))
            << "turn " << turn << ", pass " << pass << ", sequence " << sequence[i];
      }
    }
    EXPECT_GT(num_passes_without_rows, 0);
  }
}

TEST_F(NetworkTest, ForkedCachesGoTheirOwnWay) {
  const Ids& whole = sequences_.back();
  kernels::ThreadPool pool(1);
  Network net(model_.config(), pool);
  const auto layout = std::make_shared<CacheLayout>(model_.config(), kMaxPositions);
  for (const int64_t at : {1, 4, 8, 20, 41}) {
    Ids other(whole.begin(), whole.begin() + at);
    for (const int32_t id : random_ids(model_.config(), 71 - at, 2)) other.push_back(id);
    const Rows want_other = training_hidden(model_, {other}, 1)[0];
    SequenceCache first(layout);
    Rows rows_first, rows_second;
    const auto feed = [&](SequenceCache& cache, const Ids& ids, int64_t n, Rows* rows) {
      const SequenceSlice slice{0, n, &cache};
      net.arena().reset();
      const std::span<const int32_t> span(ids.data() + cache.position(), static_cast<size_t>(n));
      const Var h = net.run(model_.weights(), {span, {&slice, 1}}, nullptr);
      rows->insert(rows->end(), h.v.data, h.v.data + h.v.size());
    };
    feed(first, whole, at, &rows_first);
    SequenceCache second(first);
    rows_second = rows_first;
    while (first.position() < 71) {  // in turns, token by token
      feed(first, whole, 1, &rows_first);
      feed(second, other, 1, &rows_second);
    }
    EXPECT_EQ(rows_first, want_.back()) << at;
    EXPECT_EQ(rows_second, want_other) << at;
  }
}

TEST_F(NetworkTest, LogitsOfRowsAreThoseOfTheHead) {
  kernels::ThreadPool pool(2);
  Network net(model_.config(), pool);
  const Packed packed({sequences_[5]});
  const Var hidden = net.run(model_.weights(), packed.batch(), nullptr);
  const int64_t V = model_.config().vocab_size, D = model_.config().hidden_size;
  const std::vector<int32_t> rows = {40, 2, 2};
  std::vector<float> z(rows.size() * static_cast<size_t>(V));
  net.logits(model_.weights(), hidden.v, rows, z.data());
  for (size_t i = 0; i < rows.size(); ++i)
    for (int64_t v = 0; v < V; ++v) {
      float sum = 0;  // the GEMM's chain
      for (int64_t d = 0; d < D; ++d)
        sum = std::fma(hidden.v.row(rows[i])[d], model_.weights().head.row(v)[d], sum);
      EXPECT_EQ(z[i * static_cast<size_t>(V) + static_cast<size_t>(v)], sum);
    }
}

TEST_F(NetworkTest, ExpertLoadCountsEveryChoice) {
  const ModelConfig& c = model_.config();
  kernels::ThreadPool pool(1);
  Network net(c, pool);
  Model grads = zero_gradients(c);
  Tape tape(net.arena());
  Recording recording{.tape = &tape, .grads = &grads.weights};
  const Packed packed(sequences_);
  net.run(model_.weights(), packed.batch(), &recording);
  ASSERT_EQ(recording.expert_load.size(), c.layers.size());
  std::vector<int64_t> hashed(5);
  for (const int32_t id : packed.ids)
    for (int64_t k = 0; k < 2; ++k)
      ++hashed[static_cast<size_t>(model_.weights().blocks[0].moe.tid2eid.row(id)[k])];
  EXPECT_EQ(recording.expert_load[0], hashed);
  for (const auto& load : recording.expert_load)
    EXPECT_EQ(std::accumulate(load.begin(), load.end(), int64_t{0}),
              static_cast<int64_t>(packed.ids.size()) * 2);
}

TEST_F(NetworkTest, IndexerCountersSayWhatIsLeftOut) {
  kernels::ThreadPool pool(1);
  Network net(model_.config(), pool);
  const Packed packed({sequences_.back()});
  net.run(model_.weights(), packed.batch(), nullptr);
  int64_t visible = 0, selected = 0;
  for (int64_t t = 0; t < 71; ++t) {
    visible += (t + 1) / 3;
    selected += std::min<int64_t>((t + 1) / 3, 4);
  }
  EXPECT_EQ(net.indexer_counters().visible, 2 * visible);  // two CSA layers
  EXPECT_EQ(net.indexer_counters().selected, 2 * selected);
}

}  // namespace
}  // namespace amalgam::model
