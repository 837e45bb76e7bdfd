// SequenceCache: the KV state of one sequence (MODEL.md §5): per layer the last w window entries,
// the uncompressed tail of each compressor (CSA also the previous window) and all compressed
// entries. One allocation, planned for the longest length the sequence may reach. Copying forks the
// sequence.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "configs/check.h"
#include "kernels/attention/key_rows.h"
#include "kernels/device/arena.h"
#include "model/network/model_config.h"

namespace amalgam::model {

// Offsets (in floats) of one layer's parts inside a sequence's buffer; -1 = absent.
struct CompressorCacheLayout {
  int64_t tail_kv = -1, tail_gate = -1;  // rings of tail_rows rows of `width`
  int64_t tail_rows = 0, width = 0;
  int64_t entries = -1;  // [capacity, c], or index keys in blocks of 16
};
struct LayerCacheLayout {
  int64_t window = -1;  // ring of w rows of C
  CompressorCacheLayout compressor, indexer;
};
struct CacheLayout {
  CacheLayout(const ModelConfig& config, int64_t max_positions);
  // Of the MTP block alone, whose rows have positions of their own.
  static CacheLayout mtp(const ModelConfig& config, int64_t max_positions);
  std::vector<LayerCacheLayout> layers;
  int64_t num_floats = 0;
  int64_t max_positions = 0;

 private:
  CacheLayout(const ModelConfig& config, std::span<const Layer> layers, int64_t max_positions);
};

class SequenceCache {
 public:
  explicit SequenceCache(std::shared_ptr<const CacheLayout> layout);
  SequenceCache(const SequenceCache& other);
  SequenceCache& operator=(const SequenceCache&) = delete;

  int64_t position() const { return position_; }  // tokens seen
  void advance(int64_t tokens) {
    position_ += tokens;
    taken_back_ &= tokens == 0;
  }
  // Forgets the last token; what is fed next gets the bits it would have got without it. The rows
  // that the rings lost to it are older than any token from its place on reads, so one token can be
  // taken back, and no second one before another has been fed.
  void take_back() {
    CHECK(position_ > 0 && !taken_back_);
    --position_;
    taken_back_ = true;
  }
  int64_t max_positions() const { return layout_->max_positions; }
  int64_t bytes() const { return layout_->num_floats * 4; }
  const LayerCacheLayout& layer(int64_t i) const { return layout_->layers[static_cast<size_t>(i)]; }
  float* at(int64_t offset) { return buffer_.data() + offset; }

 private:
  std::shared_ptr<const CacheLayout> layout_;
  kernels::Buffer<float> buffer_;
  int64_t position_ = 0;
  bool taken_back_ = false;
};

}  // namespace amalgam::model
