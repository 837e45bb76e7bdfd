// What a model costs: parameters, FLOPs and KV bytes at any context, as exact integers.
//
// FLOPs are FP8-equivalent, one multiply-add = 2: products in FP8 or FP4 × FP8 count once, those in
// BF16 or F32 twice, the FP4 dot product of V4's indexer half. These weights reproduce the
// published ratios between V4-Pro, V4-Flash and V3.2. The MTP block counts nowhere. One decode step
// is the last position with n tokens visible, itself included; prefill of N tokens is the sum of
// the steps n = 1 … N; training costs 3 times that.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/network/model_config.h"

namespace amalgam::model {

// The sum over a long context needs more than 64 bits.
using Int128 = __int128;
std::string decimal(Int128 value);  // of any value above -2^127

// per_entry · min(max_entries, ⌊n / rate⌋): what n visible tokens cost that are kept in entries of
// `rate` tokens, of which at most max_entries are looked at.
struct ContextTerm {
  static constexpr int64_t kAll = INT64_MAX;
  Int128 per_entry = 0;
  int64_t rate = 1;
  int64_t max_entries = kAll;

  Int128 at(int64_t n) const;         // n >= 0
  Int128 sum_up_to(int64_t n) const;  // at(1) + … + at(n), in closed form
};

// One part of a cost: fixed + Σ terms.
struct CostPart {
  const char* key;    // "attention"
  const char* label;  // "core attention (BF16)"
  Int128 fixed = 0;
  std::vector<ContextTerm> terms = {};

  Int128 at(int64_t n) const;
  Int128 sum_up_to(int64_t n) const;
};
Int128 total_at(const std::vector<CostPart>& parts, int64_t n);
Int128 total_up_to(const std::vector<CostPart>& parts, int64_t n);

inline constexpr int kTrainingPerPrefill = 3;  // forward, and twice that backward

struct CostModel {
  int64_t num_layers = 0;
  std::vector<CostPart> params;    // fixed parts: elements of all float tensors
  int64_t params_total = 0;        // their sum
  int64_t params_active = 0;       // read for one token: without embedding and unused experts
  std::vector<CostPart> flops;     // of one decode step
  std::vector<CostPart> kv_bytes;  // held for a sequence of n tokens
};

// How a KV entry is stored.
enum class KvStorage {
  kF32,  // 4 bytes a channel: what SequenceCache holds
  // The released form. Entries: rope channels BF16, the others FP8 with one scale byte per 64,
  // scales padded to 8 bytes; indexer keys: packed FP4 with one scale byte per 32.
  kFp8
};

CostModel cost_model(const ModelConfig& config, KvStorage storage);
// DeepSeek-V3.2 (MLA with a lightning indexer over every token), to compare with; KV as released.
CostModel deepseek_v32_cost_model();

// A BF16 cache of grouped-query attention, 8 groups of head dim 128, of the same depth.
Int128 gqa8_kv_bytes(const CostModel& model, int64_t n);

}  // namespace amalgam::model
