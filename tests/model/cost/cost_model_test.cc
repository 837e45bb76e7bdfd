#include "model/cost/cost_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "model/checkpoint/presets.h"
#include "model/checkpoint/tensor_catalogue.h"
#include "model/network/sequence_cache.h"
#include "tests/paths.h"

namespace amalgam::model {
namespace {

constexpr int64_t kMillion = int64_t{1} << 20;

CostModel preset(const char* name) { return cost_model(*preset_config(name), KvStorage::kFp8); }

std::string decode(const CostModel& m, int64_t n) { return decimal(total_at(m.flops, n)); }
std::string kv(const CostModel& m, int64_t n) { return decimal(total_at(m.kv_bytes, n)); }

// The values of COST_MODEL.md, which reproduce the published figures.
TEST(CostModelTest, PublishedModels) {
  const CostModel flash = preset("deepseek-v4-flash"), pro = preset("deepseek-v4-pro"),
                  v32 = deepseek_v32_cost_model();
  EXPECT_EQ(flash.params_total, 284'332'240'471);
  EXPECT_EQ(pro.params_total, 1'572'997'201'763);
  EXPECT_EQ(flash.params_active, 13'270'101'591);
  EXPECT_EQ(pro.params_active, 48'852'402'019);
  EXPECT_EQ(decode(flash, kMillion), "120680873984");
  EXPECT_EQ(decode(pro, kMillion), "319407456256");
  EXPECT_EQ(decode(v32, kMillion), "1194638311424");
  EXPECT_EQ(kv(flash, kMillion), "3688172544");
  EXPECT_EQ(kv(pro, kMillion), "5280404480");
  EXPECT_EQ(kv(v32, kMillion), "50402951168");
  const auto share = [](Int128 a, Int128 b) {
    return static_cast<double>(a) / static_cast<double>(b);
  };
  EXPECT_NEAR(share(total_at(flash.kv_bytes, kMillion), gqa8_kv_bytes(flash, kMillion)), .0200,
              5e-5);
  EXPECT_NEAR(share(total_at(pro.kv_bytes, kMillion), gqa8_kv_bytes(pro, kMillion)), .0202, 5e-5);
  // DeepSeek-V3 is V3.2 without its indexer: 671.0 billion parameters, 37 of them active.
  const auto indexer = std::find_if(v32.params.begin(), v32.params.end(), [](const CostPart& p) {
    return std::string(p.key) == "indexer";
  });
  EXPECT_NEAR(static_cast<double>(v32.params_total - indexer->fixed), 671.0e9, 0.05e9);
  EXPECT_NEAR(static_cast<double>(v32.params_active - indexer->fixed), 37e9, 0.5e9);
  EXPECT_FALSE(preset_config("deepseek-v4"));
}

// COST_MODEL.md's formulas line by line, in plain integers.
struct Formulas {
  int64_t L, Lc, Lh, d, dc, H, c, g, dg, I, E, k, nI, cI, m, m2, w, topk, V, hc;

  int64_t decode(int64_t n) const {
    const int64_t M8 =
        L * (d * dc + dc * H * c + d * c + H * c * dg + g * dg * d + 3 * d * I) + Lc * dc * nI * cI;
    const int64_t M4 = L * k * 3 * d * I;
    const int64_t M16 = Lc * (4 * d * c + 4 * d * cI + d * nI) + Lh * 2 * d * c + L * E * d +
                        V * d + 2 * L * (2 + hc) * hc * hc * d + hc * hc * d;
    const int64_t Mi = Lc * nI * cI * (n / m);
    const int64_t Mc =
        H * 2 * c * (L * std::min(w, n) + Lc * std::min(topk, n / m) + Lh * (n / m2));
    return 2 * (M8 + M4 + 2 * M16 + 2 * Mc) + Mi;
  }
  int64_t kv(int64_t n, int64_t entry, int64_t key) const {
    return Lc * (n / m) * (entry + key) + Lh * (n / m2) * entry + L * std::min(w, n) * entry;
  }
};

Formulas formulas(const ModelConfig& c) {
  int64_t Lc = 0, Lh = 0;
  for (const Layer& l : c.layers) {
    Lc += l.attention == AttentionKind::kCsa;
    Lh += l.attention == AttentionKind::kHca;
  }
  return {static_cast<int64_t>(c.layers.size()),
          Lc,
          Lh,
          c.hidden_size,
          c.q_lora_rank,
          c.num_attention_heads,
          c.head_dim,
          c.o_groups,
          c.o_lora_rank,
          c.moe_intermediate_size,
          c.n_routed_experts,
          c.num_experts_per_tok,
          c.index_n_heads,
          c.index_head_dim,
          c.csa_rate,
          c.hca_rate,
          c.sliding_window,
          c.index_topk,
          c.vocab_size,
          c.hc_mult};
}

ModelConfig golden_config(const std::string& file) {
  return load_model_config(tests::golden(file));
}

TEST(CostModelTest, EqualsTheFormulasAtEveryContext) {
  const std::pair<ModelConfig, KvStorage> cases[] = {
      {*preset_config("deepseek-v4-flash"), KvStorage::kFp8},
      {*preset_config("deepseek-v4-pro"), KvStorage::kFp8},
      {golden_config("sizes/tiny.json"), KvStorage::kF32},
      {golden_config("reference/odd/config.json"), KvStorage::kF32}};
  for (const auto& [config, storage] : cases) {
    const CostModel model = cost_model(config, storage);
    const Formulas f = formulas(config);
    const bool fp8 = storage == KvStorage::kFp8;
    const int64_t entry = fp8 ? 584 : 4 * f.c, key = fp8 ? 68 : 4 * f.cI;
    Int128 prefill = 0;
    for (int64_t n = 1; n <= 10000; ++n) {
      prefill += f.decode(n);
      ASSERT_TRUE(total_at(model.flops, n) == f.decode(n)) << n;
      ASSERT_TRUE(total_up_to(model.flops, n) == prefill) << n;
      ASSERT_TRUE(total_at(model.kv_bytes, n) == f.kv(n, entry, key)) << n;
    }
  }
}

TEST(CostModelTest, PrefillOfAMillionTokensIsTheSumOfItsSteps) {
  for (const char* name : {"deepseek-v4-flash", "deepseek-v4-pro"}) {
    const CostModel model = preset(name);
    const Formulas f = formulas(*preset_config(name));
    Int128 sum = 0;
    for (int64_t n = 1; n <= kMillion; ++n) sum += f.decode(n);
    EXPECT_EQ(decimal(total_up_to(model.flops, kMillion)), decimal(sum));
  }
  const CostModel v32 = deepseek_v32_cost_model();
  Int128 sum = 0;
  for (int64_t n = 1; n <= kMillion; ++n) sum += total_at(v32.flops, n);
  EXPECT_EQ(decimal(total_up_to(v32.flops, kMillion)), decimal(sum));
}

TEST(CostModelTest, TermsByHand) {
  const ContextTerm capped{.per_entry = 10, .rate = 3, .max_entries = 2};
  // ⌊n/3⌋, at most 2: 0 0 1 1 1 2 2 2 2
  const int64_t at[] = {0, 0, 1, 1, 1, 2, 2, 2, 2}, sum[] = {0, 0, 1, 2, 3, 5, 7, 9, 11};
  for (int64_t n = 1; n <= 9; ++n) {
    EXPECT_TRUE(capped.at(n) == 10 * at[n - 1]) << n;
    EXPECT_TRUE(capped.sum_up_to(n) == 10 * sum[n - 1]) << n;
  }
  // Σ n up to 2^32, times 2^60, needs 124 bits.
  const ContextTerm all{.per_entry = Int128{1} << 60};
  EXPECT_EQ(decimal(all.sum_up_to(int64_t{1} << 32)), "10633823968755207061801217032041005056");
}

TEST(CostModelTest, Decimal) {
  EXPECT_EQ(decimal(0), "0");
  EXPECT_EQ(decimal(-1070), "-1070");
  EXPECT_EQ(decimal(Int128{1'000'000'000'000'000'000} * 1'000'000'000 + 5),
            "1000000000000000000000000005");
}

// The elements that the files hold: without MTP, scales and hash tables, FP4 unpacked.
TEST(CostModelTest, ParametersAreTheTensorsOfTheModel) {
  int num_cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(tests::golden("reference"))) {
    const TensorCatalogue files(entry.path());
    int64_t elements = 0;
    for (const auto& [name, t] : files.tensors()) {
      if (name.find("mtp.") == name.npos && name.find("tid2eid") == name.npos &&
          t->dtype != DType::kF8E8M0)
        elements += t->num_elements * (t->dtype == DType::kI8 ? 2 : 1);
    }
    const ModelConfig config = load_model_config(entry.path() / "config.json");
    EXPECT_EQ(cost_model(config, KvStorage::kF32).params_total, elements) << entry.path();
    ++num_cases;
  }
  EXPECT_GE(num_cases, 17);
}

// What SequenceCache allocates for exactly n tokens: all entries that n tokens make, the windows,
// and, beyond the model, the compressors' tails (of a fixed size) and padding.
TEST(CostModelTest, AllocatorAgreesWithinHalfAPercent) {
  for (const char* size : {"tiny", "small"}) {
    const ModelConfig config = golden_config("sizes/" + std::string(size) + ".json");
    const CostModel model = cost_model(config, KvStorage::kF32);
    for (const int64_t n : {int64_t{1} << 16, int64_t{100'001}, kMillion}) {
      const auto layout = std::make_shared<const CacheLayout>(config, n);
      const double expected = static_cast<double>(total_at(model.kv_bytes, n));
      EXPECT_GE(static_cast<double>(layout->num_floats * 4), expected) << size << " " << n;
      EXPECT_LT(static_cast<double>(layout->num_floats * 4), 1.005 * expected) << size << " " << n;
      if (n == kMillion) continue;  // the layout only
      EXPECT_EQ(SequenceCache(layout).bytes(), layout->num_floats * 4);
    }
  }
}

}  // namespace
}  // namespace amalgam::model
