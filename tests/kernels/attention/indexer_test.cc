#include "kernels/attention/indexer.h"

#include "tests/kernels/kernel_case.h"

namespace amalgam::kernels {
namespace {

using Doubles = std::vector<double>;

// Multiples of 1/4 of small size: all scores are exact in f32, and many are equal.
std::vector<float> coarse(int64_t n, uint64_t stream) {
  auto x = random_floats(n, stream);
  for (float& v : x) v = std::round(4 * v) / 4;
  return x;
}

// Whole sequences one after the other.
struct Case {
  Case(int64_t heads, int64_t channels, int64_t rate, int64_t topk,
       const std::vector<int64_t>& lengths, bool exact)
      : op{.heads = heads, .channels = channels, .rate = rate, .topk = topk, .sequences = {}} {
    for (const int64_t n : lengths) {
      IndexerSequence& s = sequences.emplace_back();
      s.row = T, s.num_rows = n, s.keys_row = entries;
      T += n;
      entries += n / rate;
    }
    const auto draw = [&](int64_t n, uint64_t stream) {
      return exact ? coarse(n, stream) : random_floats(n, stream);
    };
    q = draw(T * heads * channels, 1);
    w = draw(T * heads, 2);
    key_rows = draw(entries * channels, 3);
    for (const IndexerSequence& s : sequences) {
      auto& k = keys.emplace_back(index_keys_size(s.num_rows / rate, channels));
      store_index_keys(key_rows.data() + s.keys_row * channels, s.num_rows / rate, channels, 0,
                       k.data());
    }
    mass = random_floats(T * topk, 4);
    for (float& m : mass) m = m * m;
  }
  IndexerOp bound() const {
    list = sequences;
    for (size_t i = 0; i < list.size(); ++i) list[i].keys = keys[i].data();
    IndexerOp o = op;
    o.sequences = list;
    return o;
  }
  double score(const Doubles& qd, const Doubles& wd, const Doubles& kd, const IndexerSequence& s,
               int64_t t, int64_t entry) const {
    double sum = 0;
    for (int64_t h = 0; h < op.heads; ++h) {
      double a = 0;
      for (int64_t c = 0; c < op.channels; ++c)
        a += qd[((s.row + t) * op.heads + h) * op.channels + c] *
             kd[(s.keys_row + entry) * op.channels + c];
      sum += wd[(s.row + t) * op.heads + h] * std::max(a, 0.0);
    }
    return sum;
  }
  // The order's definition: sort all visible entries by (score descending, index ascending).
  std::vector<int32_t> chosen(const IndexerSequence& s, int64_t t) const {
    const auto qd = to_double(q), wd = to_double(w), kd = to_double(key_rows);
    std::vector<std::pair<double, int32_t>> order;
    for (int32_t e = 0; e < (t + 1) / op.rate; ++e)
      order.push_back({-score(qd, wd, kd, s, t, e), e});
    std::sort(order.begin(), order.end());
    order.resize(std::min<size_t>(order.size(), op.topk));
    std::vector<int32_t> ids;
    for (const auto& [minus_score, e] : order) ids.push_back(e);
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  struct Selection {
    std::vector<int32_t> entries, count;
  };
  Selection select(ThreadPool& pool) const {
    Selection s{std::vector<int32_t>(T * op.topk, -1), std::vector<int32_t>(T)};
    index_select(pool, bound(), q.data(), w.data(), s.entries.data(), s.count.data());
    return s;
  }
  struct Gradients {
    double loss = 0;
    std::vector<float> dq, dw, dkeys;
  };
  Gradients loss_backward(ThreadPool& pool, const Selection& s, float coefficient) const {
    Arena arena;
    Gradients g{0, std::vector<float>(q.size(), 5), std::vector<float>(w.size(), 5),
                std::vector<float>(key_rows.size())};
    g.loss = index_loss_backward(pool, arena, bound(), q.data(), w.data(), key_rows.data(),
                                 s.entries.data(), s.count.data(), mass.data(), coefficient,
                                 g.dq.data(), g.dw.data(), g.dkeys.data());
    return g;
  }
  // Σ_t KL(p_t ‖ softmax of the selected scores)
  double loss(const Selection& sel, const Doubles& qd, const Doubles& wd, const Doubles& kd) const {
    double kl = 0;
    for (const IndexerSequence& s : sequences)
      for (int64_t t = 0; t < s.num_rows; ++t) {
        const int64_t row = s.row + t, n = sel.count[row];
        double total = 0, sum = 0;
        Doubles z;
        for (int64_t i = 0; i < n; ++i) {
          total += static_cast<double>(mass[row * op.topk + i]);
          z.push_back(score(qd, wd, kd, s, t, sel.entries[row * op.topk + i]));
          sum += std::exp(z.back());
        }
        for (int64_t i = 0; i < n; ++i) {
          const double p = static_cast<double>(mass[row * op.topk + i]) / total;
          if (p > 0) kl += p * (std::log(p) - (z[i] - std::log(sum)));
        }
      }
    return kl;
  }

  IndexerOp op;
  int64_t T = 0, entries = 0;
  std::vector<IndexerSequence> sequences;
  mutable std::vector<IndexerSequence> list;
  std::vector<float> q, w, key_rows, mass;
  std::vector<std::vector<float>> keys;
};

TEST(IndexerTest, HandCase) {
  // Two heads of one channel, rate 1, top 2. Token 3 sees keys 1, -1, 2, 3 with q = (1, -1) and
  // w = (1, 4): scores 1, 4, 2, 3.
  const std::vector<float> rows = {1, -1, 2, 3};
  std::vector<float> keys(index_keys_size(4, 1));
  store_index_keys(rows.data(), 4, 1, 0, keys.data());
  const float q[] = {1, -1}, w[] = {1, 4};
  const IndexerSequence s{.num_rows = 1, .position = 3, .keys = keys.data()};
  const IndexerOp op{.heads = 2, .channels = 1, .rate = 1, .topk = 2, .sequences = {&s, 1}};
  int32_t selected[2], count;
  ThreadPool pool(1);
  index_select(pool, op, q, w, selected, &count);
  EXPECT_EQ(count, 2);
  EXPECT_EQ(selected[0], 1);
  EXPECT_EQ(selected[1], 3);
}

// Scores 1, 1 + 2^-9, 1 + 2^-7 and 0.5, top 2: f32 takes entries 1 and 2; rounded to bf16 the first
// two are equal, so the smaller index wins.
TEST(IndexerTest, Bf16ScoresTieAndAreCounted) {
  const std::vector<float> rows = {1, 1 + 0x1p-9f, 1 + 0x1p-7f, 0.5f};
  std::vector<float> keys(index_keys_size(4, 1));
  store_index_keys(rows.data(), 4, 1, 0, keys.data());
  const float q[] = {1}, w[] = {1};
  const IndexerSequence s{.num_rows = 1, .position = 3, .keys = keys.data()};
  IndexerOp op{.heads = 1, .channels = 1, .rate = 1, .topk = 2, .sequences = {&s, 1}};
  int32_t selected[2], count, agreed;
  ThreadPool pool(1);
  index_select(pool, op, q, w, selected, &count, &agreed);
  EXPECT_EQ(selected[0], 1);
  EXPECT_EQ(selected[1], 2);
  EXPECT_EQ(agreed, 2);
  op.compare = CompareAs::kBf16;
  index_select(pool, op, q, w, selected, &count, &agreed);
  EXPECT_EQ(selected[0], 0);
  EXPECT_EQ(selected[1], 2);
  EXPECT_EQ(agreed, 1);
}

TEST(IndexerTest, KeysAreStoredWhereTheyAreRead) {
  for (const int64_t channels : {1, 5}) {
    const auto rows = random_floats(50 * channels, 1);
    std::vector<float> keys(index_keys_size(50, channels), NAN);
    store_index_keys(rows.data(), 13, channels, 0, keys.data());
    store_index_keys(rows.data() + 13 * channels, 37, channels, 13, keys.data());
    for (int64_t e = 0; e < 50; ++e)
      for (int64_t c = 0; c < channels; ++c) {
        EXPECT_EQ(index_key_at(keys.data(), e, channels)[c * kIndexBlock], rows[e * channels + c]);
        EXPECT_EQ(keys[e / 16 * 16 * channels + c * 16 + e % 16], rows[e * channels + c]);
      }
  }
}

TEST(IndexerTest, SelectsTheLargestOfTheVisible) {
  ThreadPool pool(1);
  for (const int64_t heads : {1, 2, 4, 5, 7}) {
    for (const int64_t channels : {1, 8, 22}) {
      for (const int64_t topk : {1, 3, 16, 17}) {
        const Case k(heads, channels, 2, topk, {75, 3, 40}, true);
        const auto got = k.select(pool);
        for (const IndexerSequence& s : k.sequences)
          for (int64_t t = 0; t < s.num_rows; ++t) {
            const auto want = k.chosen(s, t);
            const auto begin = got.entries.begin() + (s.row + t) * topk;
            ASSERT_EQ(std::vector<int32_t>(begin, begin + got.count[s.row + t]), want)
                << heads << " " << channels << " " << topk << " " << t;
          }
      }
    }
  }
}

// Tokens that see too few entries to leave one out take all, those without given ones choose.
TEST(IndexerTest, GivenEntriesReplaceTheChoice) {
  ThreadPool pool(1);
  const Case k(2, 3, 2, 4, {20, 33}, false);
  const auto chosen = k.select(pool);
  std::vector<int32_t> given(static_cast<size_t>(k.T * 4), -1);
  auto want = chosen;
  int64_t others = 0;
  for (const IndexerSequence& s : k.sequences)
    for (int64_t t = 0; t < s.num_rows; ++t) {
      const int64_t visible = (t + 1) / 2;
      if (t % 5 == 0) continue;
      for (int64_t i = 0; i < 4; ++i) {  // the last ones that it sees
        const auto at = static_cast<size_t>((s.row + t) * 4 + i);
        given[at] = static_cast<int32_t>(std::max<int64_t>(0, visible - 4) + i);
        if (visible > 4) others += want.entries[at] != given[at], want.entries[at] = given[at];
      }
    }
  EXPECT_GT(others, 20);
  IndexerOp op = k.bound();
  op.given = given.data();
  std::vector<int32_t> entries(static_cast<size_t>(k.T * 4), -1), count(static_cast<size_t>(k.T));
  index_select(pool, op, k.q.data(), k.w.data(), entries.data(), count.data());
  EXPECT_EQ(count, want.count);
  EXPECT_EQ(entries, want.entries);
}

TEST(IndexerTest, TiesGoToTheSmallerIndex) {
  ThreadPool pool(1);
  Case k(2, 3, 1, 5, {40}, true);
  std::fill(k.w.begin(), k.w.end(), 0.0f);  // all scores are 0
  const auto got = k.select(pool);
  for (int64_t t = 0; t < 40; ++t)
    for (int32_t i = 0; i < got.count[t]; ++i) EXPECT_EQ(got.entries[t * 5 + i], i);
}

// Nothing needs choosing: q and w may be null.
TEST(IndexerTest, AllFit) {
  ThreadPool pool(1);
  const Case k(2, 3, 4, 6, {24}, true);
  std::vector<int32_t> selected(24 * 6), count(24);
  index_select(pool, k.bound(), nullptr, nullptr, selected.data(), count.data());
  for (int64_t t = 0; t < 24; ++t) {
    EXPECT_EQ(count[t], (t + 1) / 4);
    for (int32_t i = 0; i < count[t]; ++i) EXPECT_EQ(selected[t * 6 + i], i);
  }
}

// A token at position p is chosen for alike whether its sequence arrives whole or from p on.
TEST(IndexerTest, DecodeSelectsAsTraining) {
  ThreadPool pool(1);
  const Case k(3, 6, 2, 4, {50}, false);
  const auto all = k.select(pool);
  for (int64_t t = 0; t < 50; ++t) {
    IndexerOp op = k.bound();
    IndexerSequence s = op.sequences[0];
    s.num_rows = 1, s.position = t;
    op.sequences = {&s, 1};
    std::vector<int32_t> selected(4, -1);
    int32_t count = 0;
    index_select(pool, op, k.q.data() + t * 18, k.w.data() + t * 3, selected.data(), &count);
    EXPECT_EQ(count, all.count[t]);
    EXPECT_TRUE(std::equal(selected.begin(), selected.end(), all.entries.begin() + t * 4)) << t;
  }
}

TEST(IndexerTest, LossHandCase) {
  // Scores (log 1, log 3) after one head of weight 1: softmax (1/4, 3/4), targets (3/4, 1/4).
  const float keys[] = {0, std::log(3.0f)}, q[] = {1}, w[] = {1}, mass[] = {6, 2};
  const int32_t selected[] = {0, 1}, count[] = {2};
  const IndexerSequence s{.num_rows = 1, .position = 1};
  const IndexerOp op{.heads = 1, .channels = 1, .rate = 1, .topk = 2, .sequences = {&s, 1}};
  float dq[1], dw[1], dkeys[2] = {10, 10};
  ThreadPool pool(1);
  Arena arena;
  const double kl =
      index_loss_backward(pool, arena, op, q, w, keys, selected, count, mass, 2, dq, dw, dkeys);
  EXPECT_NEAR(kl, 0.75 * std::log(3.0) + 0.25 * std::log(1 / 3.0), 1e-6);
  // dL/dscore = 2·(1/4 - 3/4, 3/4 - 1/4) = (-1, 1); relu stops at the score of 0.
  EXPECT_NEAR(dkeys[0], 10, 1e-6);
  EXPECT_NEAR(dkeys[1], 11, 1e-6);
  EXPECT_NEAR(dq[0], std::log(3.0), 1e-6);
  EXPECT_NEAR(dw[0], std::log(3.0), 1e-6);
}

TEST(IndexerTest, FiniteDifferences) {
  ThreadPool pool(2);
  for (const auto& [heads, channels, topk] :
       {std::array<int64_t, 3>{1, 1, 2}, {2, 8, 4}, {3, 7, 17}, {5, 9, 3}}) {
    const Case k(heads, channels, 2, topk, {17, 1, 38}, false);
    const auto selection = k.select(pool);
    const auto g = k.loss_backward(pool, selection, 1);
    const auto q = to_double(k.q), w = to_double(k.w), keys = to_double(k.key_rows);
    EXPECT_NEAR(g.loss, k.loss(selection, q, w, keys), 1e-5 * (1 + g.loss));
    EXPECT_LT(gradient_error(q, g.dq, [&](const auto& v) { return k.loss(selection, v, w, keys); }),
              1e-5)
        << heads;
    EXPECT_LT(gradient_error(w, g.dw, [&](const auto& v) { return k.loss(selection, q, v, keys); }),
              1e-5)
        << heads;
    EXPECT_LT(
        gradient_error(keys, g.dkeys, [&](const auto& v) { return k.loss(selection, q, w, v); }),
        1e-5)
        << heads;
  }
}

// An entry that was not selected gets no gradient and does not move the loss, however large its
// score has become.
TEST(IndexerTest, LossIsOverTheSelected) {
  ThreadPool pool(1);
  Case k(2, 4, 1, 3, {12}, false);
  auto selection = k.select(pool);
  for (int64_t t = 0; t < 12; ++t)  // nobody selects entry 4
    for (int32_t i = 0; i < selection.count[t]; ++i)
      if (selection.entries[t * 3 + i] >= 4) selection.entries[t * 3 + i] = i;
  const auto before = k.loss_backward(pool, selection, 1);
  for (int64_t c = 0; c < 4; ++c) {
    EXPECT_EQ(before.dkeys[4 * 4 + c], 0);
    k.key_rows[4 * 4 + c] = 50;
  }
  const auto after = k.loss_backward(pool, selection, 1);
  EXPECT_EQ(after.loss, before.loss);
  EXPECT_TRUE(same_bits(after.dq, before.dq));
}

TEST(IndexerTest, NoEntriesNoLoss) {
  ThreadPool pool(1);
  Case k(2, 3, 4, 2, {9}, false);
  const auto selection = k.select(pool);
  for (int64_t i = 5 * 2; i < 6 * 2; ++i) k.mass[i] = 0;  // token 5 attends to none of its entries
  const auto g = k.loss_backward(pool, selection, 1);
  EXPECT_TRUE(std::isfinite(g.loss));
  for (const int64_t t : {0, 1, 2, 5})
    for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(g.dq[t * 6 + i], 0) << t;
  EXPECT_NE(g.dq[8 * 6], 0);
}

TEST(IndexerTest, SameBitsOnAnyNumberOfThreads) {
  const Case k(5, 22, 2, 7, {200, 3, 77, 90}, false);
  expect_same_bits_everywhere([&](ThreadPool& pool) {
    const auto selection = k.select(pool);
    auto g = k.loss_backward(pool, selection, 0.3f);
    std::vector<float> all(selection.entries.begin(), selection.entries.end());
    append(&all, g.dq), append(&all, g.dw), append(&all, g.dkeys);
    all.push_back(static_cast<float>(g.loss));
    return all;
  });
}

}  // namespace
}  // namespace amalgam::kernels
