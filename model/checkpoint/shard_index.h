// model.safetensors.index.json: which file of a sharded checkpoint holds which tensor.
#pragma once
#include <cstdint>
#include <map>
#include <string>

namespace amalgam::model {

// Tensor name → file name (a plain name in the same directory; checked).
using ShardIndex = std::map<std::string, std::string>;

// Throws Error for a file that is not an index, `path` in the message.
ShardIndex read_shard_index(const std::string& path);
std::string shard_index_json(const ShardIndex& index, int64_t total_bytes);

}  // namespace amalgam::model
