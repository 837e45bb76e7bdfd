// Attention with sinks, window and compressed entries in double, and random cases for its tests.
#pragma once
#include <cmath>
#include <set>
#include <vector>

#include "kernels/attention/attention.h"
#include "tests/kernels/kernel_case.h"

namespace amalgam::kernels {

struct AttentionShape {
  int64_t heads = 1, channels = 1, window = 4, rate = 0;
  int64_t topk = 0;  // 0: all visible entries
  std::vector<int64_t> lengths = {1};
};

// Whole sequences one after the other (as in training).
struct AttentionCase {
  explicit AttentionCase(const AttentionShape& s, double scale = 1) : shape(s) {
    int64_t entries_row = 0;
    for (const int64_t n : s.lengths) {
      AttentionSequence& added = sequences.emplace_back();
      added.row = T, added.num_rows = n, added.entries_row = entries_row;
      T += n;
      if (s.rate) entries_row += n / s.rate;
    }
    q = random_floats(T * s.heads * s.channels, 1, 2 * scale);
    kv = random_floats(T * s.channels, 2, scale);
    entries = random_floats(entries_row * s.channels, 3, scale);
    sink = random_floats(s.heads, 4);
    d_o = random_floats(T * s.heads * s.channels, 5);
    select();
  }
  // Every token picks topk of its visible entries, by a rule that differs from token to token.
  void select() {
    if (!shape.topk) return;
    selected.assign(T * shape.topk, -7);
    for (const AttentionSequence& s : sequences)
      for (int64_t t = 0; t < s.num_rows; ++t) {
        const int64_t visible = (t + 1) / shape.rate;
        std::set<int32_t> chosen;
        for (int64_t i = 0; static_cast<int64_t>(chosen.size()) < std::min(visible, shape.topk);
             ++i)
          chosen.insert(static_cast<int32_t>((t * 5 + i * 3 + i / visible) % visible));
        std::copy(chosen.begin(), chosen.end(), selected.begin() + (s.row + t) * shape.topk);
        num_selected.push_back(static_cast<int32_t>(chosen.size()));
      }
  }
  AttentionOp op() const {
    bound = sequences;
    for (AttentionSequence& s : bound) {
      s.window = {.now = kv.data() + s.row * shape.channels, .width = shape.channels};
      s.entries = entries.data() + s.entries_row * shape.channels;
    }
    return {.heads = shape.heads,
            .head_dim = shape.channels,
            .window = shape.window,
            .compress_rate = shape.rate,
            .selected = shape.topk ? selected.data() : nullptr,
            .num_selected = shape.topk ? num_selected.data() : nullptr,
            .topk = shape.topk,
            .sink = sink.data(),
            .sequences = bound};
  }

  struct Result {
    std::vector<float> o, stats, mass, dq, dkv, dentries, dsink;
    std::vector<float> all() const {
      std::vector<float> a;
      for (const auto* part : {&o, &stats, &mass, &dq, &dkv, &dentries, &dsink}) append(&a, *part);
      return a;
    }
  };
  Result run(ThreadPool& pool) const {
    Arena arena;
    Result r{std::vector<float>(q.size()),       std::vector<float>(T * shape.heads * 2),
             std::vector<float>(T * shape.topk), std::vector<float>(q.size()),
             std::vector<float>(kv.size()),      std::vector<float>(entries.size()),
             std::vector<float>(sink.size())};
    attention(pool, op(), q.data(), r.o.data(), r.stats.data(),
              shape.topk ? r.mass.data() : nullptr);
    attention_backward(pool, arena, op(), q.data(), r.stats.data(), d_o.data(), r.dq.data(),
                       r.dkv.data(), r.dentries.data(), r.dsink.data());
    return r;
  }

  // o, and in *masses the probability of every selected entry summed over heads.
  std::vector<double> oracle(const std::vector<double>& qd, const std::vector<double>& kvd,
                             const std::vector<double>& entriesd, const std::vector<double>& sinkd,
                             std::vector<double>* masses = nullptr) const {
    const int64_t H = shape.heads, C = shape.channels;
    std::vector<double> o(qd.size()), p;
    if (masses) masses->assign(T * shape.topk, 0);
    for (const AttentionSequence& s : sequences)
      for (int64_t t = 0; t < s.num_rows; ++t) {
        std::vector<const double*> keys;
        for (int64_t j = std::max<int64_t>(0, t - shape.window + 1); j <= t; ++j)
          keys.push_back(kvd.data() + (s.row + j) * C);
        const size_t num_window = keys.size();
        const int64_t count = !shape.rate  ? 0
                              : shape.topk ? num_selected[s.row + t]
                                           : (t + 1) / shape.rate;
        for (int64_t i = 0; i < count; ++i) {
          const int64_t e = shape.topk ? selected[(s.row + t) * shape.topk + i] : i;
          keys.push_back(entriesd.data() + (s.entries_row + e) * C);
        }
        for (int64_t h = 0; h < H; ++h) {
          const int64_t at = ((s.row + t) * H + h) * C;
          p.clear();
          double top = sinkd[h];
          for (const double* k : keys) {
            double score = 0;
            for (int64_t c = 0; c < C; ++c) score += qd[at + c] * k[c];
            p.push_back(score / std::sqrt(static_cast<double>(C)));
            top = std::max(top, p.back());
          }
          double sum = std::exp(sinkd[h] - top);
          for (double& x : p) sum += x = std::exp(x - top);
          for (size_t j = 0; j < keys.size(); ++j) {
            for (int64_t c = 0; c < C; ++c) o[at + c] += p[j] / sum * keys[j][c];
            if (masses && shape.topk && j >= num_window)
              (*masses)[(s.row + t) * shape.topk + static_cast<int64_t>(j - num_window)] +=
                  p[j] / sum;
          }
        }
      }
    return o;
  }

  AttentionShape shape;
  int64_t T = 0;
  std::vector<AttentionSequence> sequences;
  mutable std::vector<AttentionSequence> bound;
  std::vector<float> q, kv, entries, sink, d_o;
  std::vector<int32_t> selected, num_selected;
};

}  // namespace amalgam::kernels
