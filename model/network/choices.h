// The discrete choices of forward passes, kept to be made again by a later pass under other weights
// (POST_TRAINING.md §3, keep routing; MODEL.md §2.5, anticipatory routing): experts of the learned
// MoE layers, and entries that the indexers of the CSA layers selected. Hash layers choose nothing.
//
// A record is what one sequence's tokens chose, from the first on, token after token. It may be
// shorter than the sequence: a pass that is given it makes the other tokens' choices itself.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/network/network.h"

namespace amalgam::model {

// Layers before `end` (all, by default) that choose.
int64_t num_learned_moe(const ModelConfig& config, int64_t end = INT64_MAX);
int64_t num_csa(const ModelConfig& config, int64_t end = INT64_MAX);

struct ChoiceRecord {
  // [tokens, learned MoE layers, K] ascending, one byte each; two, the low one first, in a model of
  // more than 256 experts.
  std::string experts;
  // [tokens that leave entries out, CSA layers, index_topk] ascending. Tokens see one entry more
  // every csa_rate tokens: the first ones leave none out.
  std::vector<uint32_t> entries;

  bool operator==(const ChoiceRecord&) const = default;
};

// The same, kept elsewhere.
struct ChoiceView {
  std::string_view experts = {};
  std::span<const uint32_t> entries = {};
};

// Bytes that a token's experts take in a record.
size_t expert_bytes(const ModelConfig& config);

// What passes choose, for records: the arrays of Batch::chosen_experts and chosen_entries.
class ChosenRows {
 public:
  enum Kinds { kExperts = 1, kEntries = 2, kBoth = 3 };

  // Room for the next pass, of T tokens; `batch` asks for the kinds.
  void ask(const ModelConfig& config, int kinds, Batch* batch);
  // What the pass chose for rows [row, row + n), which follow those that the record holds.
  void append(int64_t row, int64_t n, ChoiceRecord* record) const;

 private:
  const ModelConfig* config_ = nullptr;
  int64_t T_ = 0;
  std::vector<int32_t> experts_, entries_;
};

// Keeps the choices of the first `tokens` tokens.
void truncate(const ModelConfig& config, int64_t tokens, ChoiceRecord* record);

// Whether a pass of these tokens can be given it: of the kinds asked for it holds all that they
// chose, in order, and nothing of the others.
bool is_record_of(const ModelConfig& config, int64_t tokens, int kinds, const ChoiceView& record);

// Records of a batch's sequences as Batch::given_experts and given_entries, each empty where no
// sequence has any.
struct GivenRows {
  GivenRows(const ModelConfig& config, std::span<const SequenceSlice> sequences,
            std::span<const ChoiceView> records);
  std::vector<int32_t> experts, entries;

 private:
  void give_experts(const ModelConfig& config, int64_t T, const SequenceSlice& s,
                    std::string_view record);
  void give_entries(const ModelConfig& config, int64_t T, const SequenceSlice& s,
                    std::span<const uint32_t> record);
};

}  // namespace amalgam::model
