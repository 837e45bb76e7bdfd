// The three spellings of a checkpoint's tensor names (MODEL.md §7).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace amalgam::model {

enum class Spelling {
  kReleased,  // embed.weight, layers.0.attn.wq_a.weight: our own names
  kSaved,     // model.embed_tokens.weight, model.layers.0.attn.wq_a.weight: save_pretrained
  kMemory     // model.embed_tokens.weight, model.layers.0.self_attn.q_a_proj.weight
};

// Where a tensor of ours is in a file.
struct StoredName {
  std::string name;
  // In kMemory the experts of a layer are stacked: ours is rows [half * rows, (half + 1) * rows) of
  // element `expert` of a stored [E, num_halves * rows, cols]. expert = -1: the tensor as it is.
  int64_t expert = -1;
  int64_t half = 0, num_halves = 1;
};

// `released` is a name as visit() (model/network/weights.h) gives it.
StoredName stored_name(Spelling spelling, const std::string& released);

}  // namespace amalgam::model
