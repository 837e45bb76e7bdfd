// The words that config.json uses for the kinds of layers (the layer_types spelling).
#pragma once
#include <array>
#include <string_view>
#include <utility>

#include "model/network/model_config.h"

namespace amalgam::model {

inline constexpr std::array<std::pair<AttentionKind, const char*>, 3> kAttentionNames{{
    {AttentionKind::kSliding, "sliding_attention"},
    {AttentionKind::kCsa, "compressed_sparse_attention"},
    {AttentionKind::kHca, "heavily_compressed_attention"},
}};
inline constexpr std::array<std::pair<MlpKind, const char*>, 2> kMlpNames{{
    {MlpKind::kHashMoe, "hash_moe"},
    {MlpKind::kMoe, "moe"},
}};

inline const char* name_of(AttentionKind kind) {
  return kAttentionNames[static_cast<size_t>(kind)].second;
}
inline const char* name_of(MlpKind kind) { return kMlpNames[static_cast<size_t>(kind)].second; }

}  // namespace amalgam::model
