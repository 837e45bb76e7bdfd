#include "model/checkpoint/init.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "model/checkpoint/checkpoint.h"
#include "tests/paths.h"

namespace amalgam::model {
namespace {

ModelConfig config_of(const std::string& name) { return load_model_config(tests::golden(name)); }

Model random_model(const std::string& name, uint64_t seed) {
  Model m = allocate_model(config_of(name));
  init_weights(m.config, seed, m.weights);
  return m;
}

bool same_bits(const Model& a, const Model& b) {
  return std::memcmp(a.floats.data(), b.floats.data(), a.floats.size() * sizeof(float)) == 0 &&
         std::memcmp(a.ints.data(), b.ints.data(), a.ints.size() * sizeof(int32_t)) == 0;
}

TEST(Init, IsAFunctionOfTheSeed) {
  const Model a = random_model("sizes/tiny.json", 7);
  EXPECT_TRUE(same_bits(a, random_model("sizes/tiny.json", 7)));
  EXPECT_FALSE(same_bits(a, random_model("sizes/tiny.json", 8)));
}

// Values from a separate Python program: Philox4x32-10 and the sum of eight 16-bit uniforms.
TEST(Init, HasTheDocumentedBits) {
  const Model m = random_model("reference/mtp/config.json", 7);
  ASSERT_EQ(m.weights.embed.size(), 3072);
  EXPECT_EQ(m.weights.embed.data[0], 0x1.07f4fep-7f);
  EXPECT_EQ(m.weights.embed.data[1], 0x1.f1e21ep-6f);
  EXPECT_EQ(m.weights.embed.data[3071], -0x1.19cd32p-6f);
}

TEST(Init, MatricesAreNormalAndTheRestIsOnesAndZeros) {
  const Model m = random_model("sizes/tiny.json", 1);
  struct Check {
    std::map<std::string, int> kinds;
    void operator()(const std::string& name, const Tensor& t, Role) {
      double sum = 0, squares = 0, fourth = 0, largest = 0;
      std::set<float> values;
      for (int64_t i = 0; i < t.size(); ++i) {
        const double x = t.data[i];
        sum += x, squares += x * x, fourth += x * x * x * x;
        largest = std::max(largest, std::abs(x));
        if (values.size() < 3) values.insert(t.data[i]);
      }
      const double n = static_cast<double>(t.size());
      if (values.size() == 3) {
        ++kinds["normal"];
        EXPECT_NEAR(sum / n, 0, 5 * 0.02 / std::sqrt(n)) << name;
        EXPECT_NEAR(std::sqrt(squares / n), 0.02, 5 * 0.02 / std::sqrt(2 * n)) << name;
        EXPECT_LT(largest, 0.02 * 4.9) << name;
        if (n > 1e5) {
          EXPECT_NEAR(fourth / n / std::pow(squares / n, 2), 2.85, 0.05) << name;
        }
      } else {
        ASSERT_EQ(values.size(), 1u) << name;
        const bool one =
            name.find("norm.") != std::string::npos || name.find("_scale") != std::string::npos;
        EXPECT_EQ(*values.begin(), one ? 1.0f : 0.0f) << name;
        ++kinds[one ? "one" : "zero"];
      }
    }
    void operator()(const std::string&, const IntTensor&) {}
  } check;
  visit(m.weights, check);
  EXPECT_GT(check.kinds["normal"], 200);
  EXPECT_GT(check.kinds["one"], 40);
  EXPECT_GT(check.kinds["zero"], 20);
}

TEST(Init, HashTablesAreDistinctBalancedAndSeeded) {
  const Model m = random_model("reference/odd/config.json", 3);  // V 101, E 5, K 3
  const IntTensor& table = m.weights.blocks[0].moe.tid2eid;
  ASSERT_EQ(table.cols, 3);
  std::set<std::vector<int32_t>> rows;
  std::map<int32_t, int> load;
  for (int64_t t = 0; t < 100; ++t) {
    const std::set<int32_t> chosen(table.row(t), table.row(t) + 3);
    ASSERT_EQ(chosen.size(), 3u);
    rows.insert({table.row(t), table.row(t) + 3});
    for (const int32_t e : chosen) ++load[e];
  }
  for (int32_t e = 0; e < 5; ++e) EXPECT_EQ(load[e], 60);
  EXPECT_GT(rows.size(), 20u);  // of 60 ordered triples: not one permutation repeated
}

}  // namespace
}  // namespace amalgam::model
