// Golden values: torch's e4m3 cast; E2M1 and the Hadamard transform from their definitions.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "kernels/quantize/hadamard.h"
#include "kernels/quantize/quantize.h"
#include "model/tensors/safetensors.h"
#include "tests/paths.h"

namespace amalgam::model {
namespace {

using kernels::Tile;

class QuantizeGolden : public ::testing::Test {
 protected:
  const uint8_t* bytes(const std::string& name) const {
    return reinterpret_cast<const uint8_t*>(file_.at(name).data);
  }
  std::vector<uint8_t> stored(const std::string& name) const {
    return {bytes(name), bytes(name) + file_.at(name).num_bytes()};
  }
  std::vector<float> floats(const std::string& name) const {
    const StoredTensor& t = file_.at(name);
    std::vector<float> v(static_cast<size_t>(t.num_elements));
    copy_floats(t, 0, t.num_elements, v.data());
    return v;
  }
  // Bits, so that the sign of a zero counts.
  void expect_same_bits(const std::vector<float>& got, const std::string& name) const {
    const std::vector<float> want = floats(name);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i)
      ASSERT_EQ(std::memcmp(&got[i], &want[i], 4), 0)
          << name << " " << i << ": " << got[i] << " and not " << want[i];
  }

  // In two pieces, as a loader with threads does.
  void check_e4m3(const std::string& name, Tile tile) {
    const StoredTensor& t = file_.at(name);
    const int64_t rows = t.shape[0], cols = t.shape[1], half = rows / 2;
    const std::vector<float> x = floats(name);
    std::vector<uint8_t> codes(x.size()), scales(stored(name + ".e4m3_scale").size());
    kernels::quantize_e4m3(x.data(), cols, tile, 0, half, codes.data(), scales.data());
    kernels::quantize_e4m3(x.data(), cols, tile, half, rows, codes.data(), scales.data());
    EXPECT_EQ(codes, stored(name + ".e4m3"));
    EXPECT_EQ(scales, stored(name + ".e4m3_scale"));
    std::vector<float> values(x.size());
    const auto dequantize = [&](int64_t begin, int64_t end) {
      kernels::dequantize_e4m3(bytes(name + ".e4m3"), bytes(name + ".e4m3_scale"), cols, tile,
                               begin, end, values.data() + begin * cols);
    };
    dequantize(0, half + 1);
    dequantize(half + 1, rows);
    expect_same_bits(values, name + ".e4m3_dequant");
    if (tile.rows > 1) return;
    for (int64_t r = 0; r < rows; ++r)
      kernels::fake_quantize_e4m3(x.data() + r * cols, cols, tile.cols, values.data() + r * cols);
    expect_same_bits(values, name + ".e4m3_dequant");
  }

  const SafetensorsFile file_{tests::golden("quant/vectors.safetensors")};
};

TEST_F(QuantizeGolden, E4M3PerWeightTile) { check_e4m3("w", kernels::kFp8WeightTile); }
TEST_F(QuantizeGolden, E4M3PerActivationTile) { check_e4m3("x", kernels::kFp8ActivationTile); }

TEST_F(QuantizeGolden, E2M1) {
  const int64_t rows = file_.at("x").shape[0], cols = file_.at("x").shape[1], half = rows / 2 + 1;
  const std::vector<float> x = floats("x");
  std::vector<uint8_t> codes(x.size() / 2), scales(x.size() / 32);
  kernels::quantize_e2m1(x.data(), cols, 0, half, codes.data(), scales.data());
  kernels::quantize_e2m1(x.data(), cols, half, rows, codes.data(), scales.data());
  EXPECT_EQ(codes, stored("x.e2m1"));
  EXPECT_EQ(scales, stored("x.e2m1_scale"));
  std::vector<float> values(x.size());
  const auto dequantize = [&](int64_t begin, int64_t end) {
    kernels::dequantize_e2m1(bytes("x.e2m1"), bytes("x.e2m1_scale"), cols, begin, end,
                             values.data() + begin * cols);
  };
  dequantize(0, half);
  dequantize(half, rows);
  expect_same_bits(values, "x.e2m1_dequant");
  kernels::fake_quantize_e2m1(x.data(), rows * cols, values.data());
  expect_same_bits(values, "x.e2m1_dequant");
}

TEST_F(QuantizeGolden, Hadamard) {
  const int64_t rows = file_.at("y").shape[0], cols = file_.at("y").shape[1];
  std::vector<float> y = floats("y");
  const std::vector<float> want = floats("y.hadamard");
  kernels::ThreadPool pool(2);
  kernels::hadamard(pool, y.data(), rows, cols);
  for (size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], want[i], 1e-6) << i;
}

}  // namespace
}  // namespace amalgam::model
