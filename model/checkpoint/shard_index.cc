// Parsed by events, like the safetensors header: no tree of a hostile file is ever built.
#include "model/checkpoint/shard_index.h"

#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/printable.h"
#include "model/tensors/durable_file.h"
#include "model/tensors/safetensors.h"

namespace amalgam::model {
namespace {

using nlohmann::json;

constexpr size_t kMaxIndexBytes = size_t{64} << 20;
constexpr size_t kMaxTensors = size_t{1} << 20;

// Keeps weight_map, skips everything else whatever its form.
class IndexParser : public nlohmann::json_sax<json> {
 public:
  ShardIndex index;
  bool found = false;
  const std::string& error() const { return error_; }

  bool key(string_t& k) override {
    if (depth_ == 1) in_map_ = k == "weight_map";
    if (depth_ == 2 && in_map_) name_ = std::move(k);
    return true;
  }
  bool string(string_t& file) override {
    if (!in_map_) return true;
    if (depth_ != 2) return fail("weight_map must be an object of file names");
    const bool plain =
        !file.empty() && file[0] != '.' && file.find('/') == file.npos && printable(file) == file;
    if (!plain) return fail("names the file " + printable(file) + ", which is no plain file name");
    if (index.size() == kMaxTensors) return fail("names more than 2^20 tensors");
    if (!index.emplace(name_, file).second) return fail("names " + printable(name_) + " twice");
    return true;
  }
  bool start_object(size_t) override {
    if (in_map_ && depth_ != 1) return other();
    if (in_map_ && found) return fail("has weight_map twice");
    if (in_map_) found = true;
    ++depth_;
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1) in_map_ = false;
    return true;
  }
  bool start_array(size_t) override {
    if (in_map_ || depth_ == 0) return other();
    ++depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool null() override { return other(); }
  bool boolean(bool) override { return other(); }
  bool number_integer(number_integer_t) override { return other(); }
  bool number_unsigned(number_unsigned_t) override { return other(); }
  bool number_float(number_float_t, const string_t&) override { return other(); }
  bool binary(binary_t&) override { return other(); }
  bool parse_error(size_t position, const std::string&, const json::exception&) override {
    return fail("is not valid JSON (at byte " + std::to_string(position) + ")");
  }

 private:
  bool fail(const std::string& what) {
    error_ = what;
    return false;
  }
  bool other() { return in_map_ ? fail("weight_map must be an object of file names") : true; }

  std::string error_, name_;
  int depth_ = 0;
  bool in_map_ = false;
};

}  // namespace

ShardIndex read_shard_index(const std::string& path) {
  const std::string text = read_file(path, kMaxIndexBytes);
  IndexParser parser;
  if (!json::sax_parse(text, &parser)) throw Error(path + ": " + parser.error());
  if (!parser.found || parser.index.empty()) throw Error(path + ": has no weight_map");
  return std::move(parser.index);
}

std::string shard_index_json(const ShardIndex& index, int64_t total_bytes) {
  return json{{"metadata", {{"total_size", total_bytes}}}, {"weight_map", index}}.dump(2) + "\n";
}

}  // namespace amalgam::model
