// Quantised compute of a pass (MODEL.md §3): values are rounded where they are made, so prefill,
// decode and the training forward read the same ones.
#include <algorithm>
#include <bit>

#include "configs/error.h"
#include "kernels/quantize/hadamard.h"
#include "kernels/quantize/quantize.h"
#include "model/network/network_pass.h"

namespace amalgam::model {

void check_numerics(const configs::NumericsConfig& numerics, const ModelConfig& config) {
  const bool has_indexer =
      (config.num_nextn_predict_layers > 0 && config.mtp_attention == AttentionKind::kCsa) ||
      std::any_of(config.layers.begin(), config.layers.end(),
                  [](const Layer& l) { return l.attention == AttentionKind::kCsa; });
  if (numerics.indexer_fp4 && has_indexer &&
      !std::has_single_bit(static_cast<uint64_t>(config.index_head_dim)))
    throw Error(
        "indexer_fp4 transforms keys of a power of two of channels, and this model's "
        "index_head_dim is " +
        std::to_string(config.index_head_dim) + "; switch indexer_fp4 off");
}

void Network::Pass::quantize_entries(const Tensor& entries) const {
  if (!numerics().kv_cache_fp8) return;
  again([entries, C = entries.cols, rotated = c().qk_rope_head_dim, p = &pool()] {
    p->ranges(entries.rows, 16, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        float* row = entries.row(r);
        kernels::fake_quantize_e4m3(row, C - rotated, kernels::kFp8CacheTile.cols, row);
        for (int64_t i = C - rotated; i < C; ++i) row[i] = kernels::round_to_bf16(row[i]);
      }
    });
  });
}

void Network::Pass::quantize_index(const Var& x, Life life) const {
  if (!numerics().indexer_fp4) return;
  const int64_t channels = c().index_head_dim, rows = x.v.size() / channels;
  const auto quantize = [x = x.v.data, rows, channels, p = &pool()] {
    kernels::hadamard(*p, x, rows, channels);
    p->ranges(rows, 16, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        float* row = x + r * channels;
        kernels::fake_quantize_e2m1(row, channels, row);
      }
    });
  };
  if (life == Life::kCheap)
    again(quantize);
  else
    quantize();
  record([p = &pool(), g = x.g, rows, channels] { kernels::hadamard(*p, g, rows, channels); });
}

void Network::Pass::round_activations(kernels::ThreadPool& pool, const Tensor& x, int64_t width,
                                      float* out) {
  pool.ranges(x.size() / width, 16, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      kernels::fake_quantize_e4m3(x.data + r * width, width, kernels::kFp8ActivationTile.cols,
                                  out + r * width);
  });
}

Tensor Network::Pass::rounded_activations(const Tensor& x) const {
  const Tensor out = value(x.rows, x.cols, Life::kCheap);
  again([x, out, p = &pool()] { round_activations(*p, x, x.cols, out.data); });
  return out;
}

}  // namespace amalgam::model
