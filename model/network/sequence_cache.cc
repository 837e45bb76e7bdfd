#include "model/network/sequence_cache.h"

#include "kernels/attention/indexer.h"

namespace amalgam::model {

CacheLayout::CacheLayout(const ModelConfig& c, int64_t max) : CacheLayout(c, c.layers, max) {}

CacheLayout CacheLayout::mtp(const ModelConfig& c, int64_t max) {
  const Layer layer{c.mtp_attention, MlpKind::kMoe};
  return CacheLayout(c, {&layer, 1}, max);
}

CacheLayout::CacheLayout(const ModelConfig& c, std::span<const Layer> of, int64_t max)
    : max_positions(max) {
  const auto take = [&](int64_t floats) {
    const int64_t at = num_floats;
    num_floats += (floats + 15) / 16 * 16;
    return at;
  };
  for (const Layer& layer : of) {
    LayerCacheLayout l;
    l.window = take(c.sliding_window * c.head_dim);
    if (layer.attention != AttentionKind::kSliding) {
      const bool overlap = layer.attention == AttentionKind::kCsa;
      const int64_t rate = c.compress_rate(layer.attention);
      const auto compressor = [&](int64_t channels, int64_t entry_floats) {
        CompressorCacheLayout k;
        k.tail_rows = overlap ? 2 * rate : rate;
        k.width = overlap ? 2 * channels : channels;
        k.tail_kv = take(k.tail_rows * k.width);
        k.tail_gate = take(k.tail_rows * k.width);
        k.entries = take(entry_floats);
        return k;
      };
      l.compressor = compressor(c.head_dim, max / rate * c.head_dim);
      if (overlap)
        l.indexer =
            compressor(c.index_head_dim, kernels::index_keys_size(max / rate, c.index_head_dim));
    }
    layers.push_back(l);
  }
}

SequenceCache::SequenceCache(std::shared_ptr<const CacheLayout> layout)
    : layout_(std::move(layout)) {
  // Zeroed: blocks of index keys are read whole, their unused lanes included.
  buffer_.resize(static_cast<size_t>(layout_->num_floats));
  std::memset(buffer_.data(), 0, buffer_.size() * sizeof(float));
}

SequenceCache::SequenceCache(const SequenceCache& other)
    : layout_(other.layout_), position_(other.position_), taken_back_(other.taken_back_) {
  buffer_.resize(other.buffer_.size());
  std::memcpy(buffer_.data(), other.buffer_.data(), buffer_.size() * sizeof(float));
}

}  // namespace amalgam::model
