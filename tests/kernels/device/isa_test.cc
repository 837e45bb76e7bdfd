#include "kernels/device/isa.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "configs/error.h"
#include "kernels/head/softmax.h"
#include "tests/kernels/kernel_case.h"

namespace amalgam::kernels {
namespace {

// Leaves the choice as it was found, whatever a test does.
class IsaTest : public ::testing::Test {
 protected:
  ~IsaTest() override { select_isa("auto"); }
};

TEST_F(IsaTest, UnknownNamesAreRefused) {
  for (const char* name : {"", "sse", "AVX2", "avx-512"}) EXPECT_THROW(select_isa(name), Error);
}

// On a machine that is said to have both (nothing is run on it).
TEST_F(IsaTest, Avx2TurnsAvx512Off) {
  hwy::SetSupportedTargetsForTest(HWY_AVX2 | HWY_AVX3);
  select_isa("avx2");
  EXPECT_EQ(hwy::SupportedTargets(), HWY_AVX2);
  select_isa("avx512");
  EXPECT_EQ(hwy::SupportedTargets(), HWY_AVX2 | HWY_AVX3);
  hwy::SetSupportedTargetsForTest(0);
}

TEST_F(IsaTest, BitsDoNotDependOnIt) {
  const auto z = random_floats(1003, 1, 8);
  select_isa("avx2");
  const float avx2 = log_sum_exp(z.data(), 1003);
  select_isa("auto");
  EXPECT_EQ(log_sum_exp(z.data(), 1003), avx2);
  if (!(hwy::SupportedTargets() & HWY_AVX3)) {
    EXPECT_THROW(select_isa("avx512"), Error);
    return;
  }
  select_isa("avx512");
  EXPECT_EQ(log_sum_exp(z.data(), 1003), avx2);
}

// A machine that only has AVX2 must not be told that it runs AVX-512.
TEST_F(IsaTest, MissingAvx512IsAnError) {
  hwy::SetSupportedTargetsForTest(HWY_AVX2);
  EXPECT_THROW(select_isa("avx512"), Error);
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace
}  // namespace amalgam::kernels
