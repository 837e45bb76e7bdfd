// Trains a byte-level BPE tokenizer on texts and writes it as Hugging Face files.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace amalgam::model {

struct BpeTrainerOptions {
  // Special tokens (ids 0 …), then the 256 bytes, then one token per merge. Fewer when the texts
  // hold no further pair that occurs min_pair_count times.
  int64_t vocab_size = 1024;
  int64_t min_pair_count = 2;
};

// A trained tokenizer: what tokenizer.json says, before it is written.
struct TrainedBpe {
  int64_t num_special = 0;
  std::vector<std::string> tokens;                  // bytes by id: special, the 256 bytes, merged
  std::vector<std::string> patterns;                // of the pre-tokenizer
  std::vector<std::pair<int32_t, int32_t>> merges;  // ids of the two tokens, in rank order
};

// Splits texts as DeepSeek's tokenizer does, but every digit alone; special strings in the texts
// are left out. Merges the most frequent pair first; of equals the one with the smallest (left id,
// right id): the result depends on the texts only, not on their order. Throws Error when vocab_size
// has no room for the special tokens and bytes.
TrainedBpe train_bpe(std::span<const std::string> texts, const BpeTrainerOptions& options);

// tokenizer.json for the tokenizers library and for Tokenizer::from_json.
std::string tokenizer_json(const TrainedBpe& bpe);
// tokenizer_config.json for transformers: BOS, EOS, padding and the chat template.
std::string tokenizer_config_json(int64_t model_max_length);
// Writes both into `folder`, which must exist. Throws Error when it cannot.
void write_tokenizer(const TrainedBpe& bpe, int64_t model_max_length, const std::string& folder);

}  // namespace amalgam::model
