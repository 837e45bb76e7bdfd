#include "model/checkpoint/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "kernels/quantize/quantize.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/init.h"
#include "model/tensors/durable_file.h"
#include "model/tensors/safetensors.h"
#include "tests/paths.h"
#include "tests/temp_dir.h"

namespace amalgam::model {
namespace {

using tests::reference_model;

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Name → "dtype [shape]" and raw bytes of every tensor of a directory that has one file.
std::map<std::string, std::pair<std::string, std::string>> tensors(const std::string& directory) {
  const SafetensorsFile file(directory + "/model.safetensors");
  std::map<std::string, std::pair<std::string, std::string>> all;
  for (const StoredTensor& t : file.tensors())
    all[t.name] = {describe(t.dtype, t.shape), std::string(reinterpret_cast<const char*>(t.data),
                                                           static_cast<size_t>(t.num_bytes()))};
  return all;
}

// The bits of every f32 that the network computes from.
std::vector<uint32_t> loaded_bits(const std::string& directory) {
  const Model m = load_model(directory);
  std::vector<uint32_t> bits(m.floats.size());
  std::memcpy(bits.data(), m.floats.data(), bits.size() * 4);
  return bits;
}

class Convert : public ::testing::Test {
 protected:
  ConvertReport convert(const std::string& from, Precision to, const std::string& out,
                        int64_t max_shard_bytes = 1'000'000'000) {
    return convert_model(from, tmp_ / out, pool_,
                         {.to = to, .save = {.max_shard_bytes = max_shard_bytes}});
  }
  std::string error_of(const std::string& from, Precision to) {
    try {
      convert(from, to, "refused");
    } catch (const Error& e) {
      EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
      EXPECT_FALSE(fs::exists(tmp_ / "refused"));
      EXPECT_FALSE(fs::exists(tmp_ / "refused.tmp"));
      return e.what();
    }
    return "(no error)";
  }
  std::string bytes(const std::string& name) {
    return read_file(tmp_ / (name + "/model.safetensors"), 1 << 24);
  }

  TempDir tmp_;
  kernels::ThreadPool pool_{2};
};

TEST_F(Convert, Fp4HasTheReleasedLayoutAndKeepsReleasedBytes) {
  convert(reference_model("released_quant"), Precision::kFp4, "fp4");
  EXPECT_EQ(tensors(tmp_ / "fp4"), tensors(reference_model("released_quant")));
  // The same names, dtypes and shapes when it is made from f32; the same quantization_config.
  convert(reference_model("released_quant"), Precision::kF32, "f32");
  convert(tmp_ / "f32", Precision::kFp4, "again");
  auto want = tensors(reference_model("released_quant")), got = tensors(tmp_ / "again");
  for (auto* all : {&want, &got})
    for (auto& [name, t] : *all) t.second.clear();
  EXPECT_EQ(got, want);
  const auto config = [](const std::string& directory) {
    return nlohmann::json::parse(read_file(directory + "/config.json", 1 << 20));
  };
  for (const char* key : {"quantization_config", "expert_dtype"})
    EXPECT_EQ(config(tmp_ / "again")[key], config(reference_model("released_quant"))[key]);
  EXPECT_FALSE(config(tmp_ / "f32").contains("quantization_config"));
}

TEST_F(Convert, ValuesSurviveEveryRoundTripAndBytesFromTheSecondOn) {
  const auto want = loaded_bits(reference_model("released_quant"));
  convert(reference_model("released_quant"), Precision::kF32, "f32");
  EXPECT_EQ(loaded_bits(tmp_ / "f32"), want);
  convert(tmp_ / "f32", Precision::kFp4, "a");
  convert(tmp_ / "a", Precision::kF32, "a32");
  convert(tmp_ / "a32", Precision::kFp4, "b");
  EXPECT_EQ(loaded_bits(tmp_ / "a"), want);
  EXPECT_EQ(bytes("a32"), bytes("f32"));
  EXPECT_EQ(bytes("b"), bytes("a"));
}

// The codes of the golden case's f32 parent are not given; ours come from the tested kernels.
TEST_F(Convert, QuantisesLinearWeightsAndExperts) {
  convert(reference_model("released_quant"), Precision::kF32, "f32");
  const Model m = load_model(tmp_ / "f32");
  const Matrix& w2 = m.weights.blocks[1].moe.experts[3].w2;
  const Matrix& wq_b = m.weights.blocks[2].attn.wq_b;
  for (const auto to : {Precision::kFp4, Precision::kFp8}) {
    convert(tmp_ / "f32", to, "out");
    auto got = tensors(tmp_ / "out");
    const auto expect = [&](const std::string& name, const std::vector<uint8_t>& want) {
      EXPECT_EQ(got.at(name).second, std::string(want.begin(), want.end())) << name;
    };
    const auto e4m3 = [&](const std::string& name, const Matrix& w) {
      std::vector<uint8_t> codes(static_cast<size_t>(w.size())), scales(4);
      kernels::quantize_e4m3(w.data, w.cols, kernels::kFp8WeightTile, 0, w.rows, codes.data(),
                             scales.data());
      scales.resize(
          static_cast<size_t>(kernels::num_tiles(w.rows, 128) * kernels::num_tiles(w.cols, 128)));
      expect(name + ".weight", codes);
      expect(name + ".scale", scales);
    };
    e4m3("layers.2.attn.wq_b", wq_b);
    if (to == Precision::kFp8) {
      e4m3("layers.1.ffn.experts.3.w2", w2);
    } else {
      std::vector<uint8_t> codes(static_cast<size_t>(w2.size() / 2)),
          scales(static_cast<size_t>(w2.rows * kernels::num_tiles(w2.cols, 32)));
      kernels::quantize_e2m1(w2.data, w2.cols, 0, w2.rows, codes.data(), scales.data());
      expect("layers.1.ffn.experts.3.w2.weight", codes);
      expect("layers.1.ffn.experts.3.w2.scale", scales);
    }
  }
}

TEST_F(Convert, Fp4ToFp8IsLosslessAndSaysSo) {
  const ConvertReport report = convert(reference_model("released_quant"), Precision::kFp8, "fp8");
  EXPECT_EQ(loaded_bits(tmp_ / "fp8"), loaded_bits(reference_model("released_quant")));
  EXPECT_EQ(report.num_fp4_tiles, 4 * 4 * 3 * 2);  // layers, experts, matrices, tiles of each
  EXPECT_TRUE(report.lossy.empty());
}

// With more than ten experts, names in a file are in another order than experts ("experts.10"
// before "experts.2"), so a shard that ends between a scale and its weight holds others in between.
TEST_F(Convert, ShardsCountTilesOnce) {
  ModelConfig config = load_model_config(reference_model("released_quant") + "/config.json");
  config.n_routed_experts = 12;
  Model m = allocate_model(config);
  init_weights(config, 1, m.weights);
  save_model(tmp_ / "many", config, m.weights);
  convert(tmp_ / "many", Precision::kFp4, "fp4");
  const ConvertReport whole = convert(tmp_ / "fp4", Precision::kFp8, "whole");
  const ConvertReport shards = convert(tmp_ / "fp4", Precision::kFp8, "shards", 50'000);
  EXPECT_EQ(whole.num_fp4_tiles, 4 * 12 * 3 * 2);  // layers, experts, matrices, tiles of each
  EXPECT_EQ(shards.num_fp4_tiles, whole.num_fp4_tiles);
  EXPECT_EQ(shards.lossy.size(), whole.lossy.size());
  EXPECT_EQ(loaded_bits(tmp_ / "shards"), loaded_bits(tmp_ / "whole"));
}

TEST_F(Convert, NamesTheTilesThatAreNotLossless) {
  convert(reference_model("released_quant"), Precision::kFp4, "fp4");
  const std::string path = tmp_ / "fp4/model.safetensors";
  std::vector<uint8_t> scales;
  {
    const SafetensorsFile file(path);
    std::vector<StoredTensor> edited = file.tensors();
    for (StoredTensor& t : edited)
      if (t.name == "layers.2.ffn.experts.1.w3.scale") {
        const auto* p = reinterpret_cast<const uint8_t*>(t.data);
        scales.assign(p, p + t.num_elements);
        scales[130 * 4] = static_cast<uint8_t>(scales[130 * 4] + 14);  // row 130: the second tile
        t.data = reinterpret_cast<const std::byte*>(scales.data());
      }
    write_safetensors(path, edited);
  }
  const ConvertReport report = convert(tmp_ / "fp4", Precision::kFp8, "fp8");
  ASSERT_EQ(report.lossy.size(), 1u);
  EXPECT_EQ(report.lossy[0].tensor, "layers.2.ffn.experts.1.w3.weight");
  EXPECT_EQ(report.lossy[0].tile.row, 1);
  EXPECT_EQ(report.lossy[0].tile.col, 0);
}

TEST_F(Convert, ReadsEverySpellingAndShards) {
  convert(reference_model("mixed"), Precision::kBF16, "mixed");
  for (const char* name : {"hf_saved", "hf_memory"}) {
    convert(reference_model(name), Precision::kBF16, name);
    EXPECT_EQ(bytes(name), bytes("mixed"));
  }
  convert(reference_model("mixed"), Precision::kBF16, "shards", 50'000);
  EXPECT_FALSE(fs::exists(tmp_ / "shards/model.safetensors"));
  EXPECT_EQ(loaded_bits(tmp_ / "shards"), loaded_bits(tmp_ / "mixed"));
  convert(reference_model("released_quant"), Precision::kFp4, "fp4 shards", 100'000);
  EXPECT_EQ(loaded_bits(tmp_ / "fp4 shards"), loaded_bits(reference_model("released_quant")));
}

TEST_F(Convert, Bf16RoundsMatricesAndKeepsWhatIsExact) {
  convert(reference_model("mixed"), Precision::kBF16, "bf16");
  const Model before = load_model(reference_model("mixed")), after = load_model(tmp_ / "bf16");
  const auto& [a, b] = std::pair(before.weights.blocks[1], after.weights.blocks[1]);
  for (int64_t i = 0; i < a.attn.wq_a.size(); ++i)
    ASSERT_EQ(b.attn.wq_a.data[i], kernels::round_to_bf16(a.attn.wq_a.data[i]));
  EXPECT_NE(std::memcmp(a.attn.wq_a.data, b.attn.wq_a.data, 4 * a.attn.wq_a.size()), 0);
  EXPECT_EQ(std::memcmp(a.hc_attn.fn.data, b.hc_attn.fn.data, 4 * a.hc_attn.fn.size()), 0);
}

TEST_F(Convert, ThreadsChangeNoByte) {
  kernels::ThreadPool one(1);
  convert(reference_model("released_quant"), Precision::kF32, "f32");
  for (const auto to : {Precision::kF32, Precision::kBF16, Precision::kFp8, Precision::kFp4}) {
    convert(tmp_ / "f32", to, "two");
    convert_model(tmp_ / "f32", tmp_ / "one", one, {.to = to, .save = {}});
    EXPECT_EQ(bytes("one"), bytes("two"));
  }
}

TEST_F(Convert, RefusesWhatTheNewFormCannotHold) {
  EXPECT_THAT(error_of(reference_model("odd"), Precision::kFp4), HasSubstr("use --to fp8"));
  convert(reference_model("released_quant"), Precision::kF32, "f32");
  Model m = load_model(tmp_ / "f32");
  float& weight = m.weights.blocks[0].moe.experts[1].w1.data[77];
  const float old = weight;
  for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    weight = bad;
    save_model(tmp_ / "edited", m.config, m.weights);
    for (const auto to : {Precision::kF32, Precision::kBF16, Precision::kFp8, Precision::kFp4})
      EXPECT_THAT(error_of(tmp_ / "edited", to),
                  HasSubstr("experts.1.w1.weight holds a number that is not finite"));
  }
  weight = 3.4e38f;
  save_model(tmp_ / "edited", m.config, m.weights);
  EXPECT_THAT(error_of(tmp_ / "edited", Precision::kBF16), HasSubstr("too large for BF16"));
  weight = old;
  save_model(tmp_ / "edited", m.config, m.weights);
  convert(tmp_ / "edited", Precision::kFp4, "accepted");
  EXPECT_TRUE(fs::exists(tmp_ / "accepted"));
}

}  // namespace
}  // namespace amalgam::model
