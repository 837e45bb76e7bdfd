#include "model/network/choices.h"

#include <algorithm>

#include "configs/check.h"

namespace amalgam::model {
namespace {

size_t bytes_of_id(const ModelConfig& config) { return config.n_routed_experts > 256 ? 2 : 1; }

// Experts of a token, in all layers.
size_t experts_of_token(const ModelConfig& config) {
  return static_cast<size_t>(num_learned_moe(config) * config.num_experts_per_tok);
}
size_t entries_of_token(const ModelConfig& config) {
  return static_cast<size_t>(num_csa(config) * config.index_topk);
}
// The first token that sees more entries than it takes.
int64_t first_that_chooses(const ModelConfig& config) {
  return (config.index_topk + 1) * config.csa_rate - 1;
}

template <class Is>
int64_t count_layers(const ModelConfig& config, int64_t end, Is is) {
  const auto n = std::min(end, static_cast<int64_t>(config.layers.size()));
  return std::count_if(config.layers.begin(), config.layers.begin() + n, is);
}

}  // namespace

int64_t num_learned_moe(const ModelConfig& config, int64_t end) {
  return count_layers(config, end, [](const Layer& l) { return l.mlp == MlpKind::kMoe; });
}

int64_t num_csa(const ModelConfig& config, int64_t end) {
  return count_layers(config, end,
                      [](const Layer& l) { return l.attention == AttentionKind::kCsa; });
}

size_t expert_bytes(const ModelConfig& config) {
  return experts_of_token(config) * bytes_of_id(config);
}

void ChosenRows::ask(const ModelConfig& config, int kinds, Batch* batch) {
  config_ = &config;
  T_ = static_cast<int64_t>(batch->ids.size());
  experts_.resize(kinds & kExperts ? experts_of_token(config) * batch->ids.size() : 0);
  entries_.resize(kinds & kEntries ? entries_of_token(config) * batch->ids.size() : 0);
  batch->chosen_experts = experts_;
  batch->chosen_entries = entries_;
}

void ChosenRows::append(int64_t row, int64_t n, ChoiceRecord* record) const {
  const int64_t K = config_->num_experts_per_tok, topk = config_->index_topk;
  for (int64_t t = row; t < row + n; ++t) {
    for (int64_t i = t * K; i < std::ssize(experts_); i += T_ * K)
      for (int64_t k = 0; k < K; ++k)
        for (size_t byte = 0; byte < bytes_of_id(*config_); ++byte)
          record->experts.push_back(
              static_cast<char>(experts_[static_cast<size_t>(i + k)] >> (8 * byte)));
    for (int64_t i = t * topk; i < std::ssize(entries_); i += T_ * topk)
      for (int64_t k = 0; k < topk && entries_[static_cast<size_t>(i)] >= 0; ++k)
        record->entries.push_back(static_cast<uint32_t>(entries_[static_cast<size_t>(i + k)]));
  }
}

void truncate(const ModelConfig& config, int64_t tokens, ChoiceRecord* record) {
  const auto n = static_cast<size_t>(tokens);
  const auto choosing =
      static_cast<size_t>(std::max<int64_t>(0, tokens - first_that_chooses(config)));
  record->experts.resize(std::min(record->experts.size(), n * expert_bytes(config)));
  record->entries.resize(std::min(record->entries.size(), choosing * entries_of_token(config)));
}

bool is_record_of(const ModelConfig& config, int64_t tokens, int kinds, const ChoiceView& record) {
  const int64_t first = first_that_chooses(config);
  const auto choosing = static_cast<size_t>(std::max<int64_t>(0, tokens - first));
  const size_t entries = kinds & ChosenRows::kEntries ? choosing * entries_of_token(config) : 0;
  const size_t experts =
      kinds & ChosenRows::kExperts ? static_cast<size_t>(tokens) * expert_bytes(config) : 0;
  if (record.experts.size() != experts || record.entries.size() != entries) return false;
  // Each choice of a token in a layer is greater than the one before it.
  const size_t width = bytes_of_id(config);
  const auto K = static_cast<size_t>(config.num_experts_per_tok);
  for (size_t i = 0, last = 0; i < experts / width; ++i) {
    size_t id = 0;
    for (size_t byte = 0; byte < width; ++byte)
      id |= static_cast<size_t>(static_cast<uint8_t>(record.experts[i * width + byte]))
            << (8 * byte);
    if (id >= static_cast<size_t>(config.n_routed_experts) || (i % K > 0 && id <= last))
      return false;
    last = id;
  }
  const auto topk = static_cast<size_t>(config.index_topk);
  for (size_t i = 0; i < entries; ++i) {
    const auto token = static_cast<size_t>(first) + i / entries_of_token(config);
    if (record.entries[i] >= (token + 1) / static_cast<size_t>(config.csa_rate) ||
        (i % topk > 0 && record.entries[i] <= record.entries[i - 1]))
      return false;
  }
  return true;
}

GivenRows::GivenRows(const ModelConfig& config, std::span<const SequenceSlice> sequences,
                     std::span<const ChoiceView> records) {
  CHECK_EQ(sequences.size(), records.size());
  int64_t T = 0;
  for (const SequenceSlice& s : sequences) T += s.num_rows;
  for (size_t i = 0; i < sequences.size(); ++i) {
    if (!records[i].experts.empty()) give_experts(config, T, sequences[i], records[i].experts);
    if (!records[i].entries.empty()) give_entries(config, T, sequences[i], records[i].entries);
  }
}

void GivenRows::give_experts(const ModelConfig& config, int64_t T, const SequenceSlice& s,
                             std::string_view record) {
  const size_t width = bytes_of_id(config), of_token = expert_bytes(config);
  CHECK(of_token > 0 && record.size() % of_token == 0);
  const auto n = static_cast<int64_t>(record.size() / of_token);
  CHECK_LE(n, s.num_rows);
  if (experts.empty()) experts.assign(experts_of_token(config) * static_cast<size_t>(T), -1);
  const int64_t layers = num_learned_moe(config), K = config.num_experts_per_tok;
  size_t at = 0;
  for (int64_t t = s.row; t < s.row + n; ++t)
    for (int64_t layer = 0; layer < layers; ++layer)
      for (int64_t k = 0; k < K; ++k) {
        int32_t id = 0;
        for (size_t byte = 0; byte < width; ++byte)
          id |= static_cast<uint8_t>(record[at++]) << (8 * byte);
        CHECK_LT(id, config.n_routed_experts);
        experts[static_cast<size_t>((layer * T + t) * K + k)] = id;
      }
}

void GivenRows::give_entries(const ModelConfig& config, int64_t T, const SequenceSlice& s,
                             std::span<const uint32_t> record) {
  const size_t of_token = entries_of_token(config);
  CHECK(of_token > 0 && record.size() % of_token == 0);
  const auto n = static_cast<int64_t>(record.size() / of_token);
  const int64_t first = first_that_chooses(config);
  CHECK_LE(first + n, s.num_rows);
  if (entries.empty()) entries.assign(of_token * static_cast<size_t>(T), -1);
  const int64_t layers = num_csa(config), topk = config.index_topk;
  size_t at = 0;
  for (int64_t t = first; t < first + n; ++t)
    for (int64_t layer = 0; layer < layers; ++layer)
      for (int64_t k = 0; k < topk; ++k) {
        const auto entry = static_cast<int64_t>(record[at++]);
        CHECK_LT(entry, (t + 1) / config.csa_rate);  // it sees no other
        entries[static_cast<size_t>((layer * T + s.row + t) * topk + k)] =
            static_cast<int32_t>(entry);
      }
}

}  // namespace amalgam::model
