#include "model/dequantize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/safetensors.h"

namespace amalgam::model {
namespace {

const uint8_t* bytes(const StoredTensor& t) { return reinterpret_cast<const uint8_t*>(t.data); }

// Golden values: torch's e4m3 cast, and E2M1 from its definition.
TEST(Dequantize, EqualsTheReference) {
  const SafetensorsFile file(std::string(AMALGAM_GOLDEN) + "/quant/vectors.safetensors");
  const auto check = [&](const std::string& name, const StoredTensor& expected, auto dequantize) {
    const int64_t rows = expected.shape[0], cols = expected.shape[1], half = rows / 2 + 1;
    std::vector<float> want(static_cast<size_t>(rows * cols)), got(want.size());
    copy_floats(expected, 0, rows * cols, want.data());
    const uint8_t* w = bytes(file.at(name));
    const uint8_t* s = bytes(file.at(name + "_scale"));
    dequantize(w, s, cols, 0, half, got.data());  // in two pieces, as a loader with threads does
    dequantize(w, s, cols, half, rows, got.data() + half * cols);
    EXPECT_EQ(got, want) << name;
  };
  check("w.e4m3", file.at("w.e4m3_dequant"), dequantize_e4m3);
  check("x.e2m1", file.at("x.e2m1_dequant"), dequantize_e2m1);
}

TEST(Dequantize, ScalesArePowersOfTwo) {
  EXPECT_EQ(ue8m0_value(127), 1.0f);
  EXPECT_EQ(ue8m0_value(0), 0x1p-127f);
  EXPECT_EQ(ue8m0_value(1), 0x1p-126f);
  EXPECT_EQ(ue8m0_value(254), 0x1p127f);
  EXPECT_TRUE(std::isnan(ue8m0_value(255)));
}

TEST(Dequantize, E4M3HasNoInfinity) {
  EXPECT_EQ(e4m3_value(0x7e), 448.0f);
  EXPECT_EQ(e4m3_value(0xfe), -448.0f);
  EXPECT_TRUE(std::isnan(e4m3_value(0x7f)));
  EXPECT_EQ(e4m3_value(0x38), 1.0f);
  EXPECT_EQ(e4m3_value(0x08), 0x1p-6f);
  EXPECT_EQ(e4m3_value(0x01), 0x1p-9f);
  EXPECT_TRUE(std::signbit(e4m3_value(0x80)));
}

}  // namespace
}  // namespace amalgam::model
