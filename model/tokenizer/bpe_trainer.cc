#include "model/tokenizer/bpe_trainer.h"

#include <algorithm>
#include <array>
#include <map>
#include <queue>
#include <set>
#include <string_view>

#include "configs/error.h"
#include "configs/utf8.h"
#include "model/tokenizer/added_tokens.h"
#include "model/tokenizer/byte_level.h"
#include "model/tokenizer/pretokenizer.h"
#include "model/tokenizer/special_tokens.h"

namespace amalgam::model {
namespace {

// DeepSeek's patterns, with \p{N} for \p{N}{1,3}: small models learn arithmetic on single digits.
const std::vector<std::string>& split_patterns() {
  static const std::vector<std::string> patterns = {
      "\\p{N}", "[一-龥぀-ゟ゠-ヿ]+",
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?"
      "[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"};
  return patterns;
}

// All bytes in the order of their spelling in tokenizer.json ('!' first), which is the order of the
// ids that the tokenizers library and the released tokenizer give them.
std::string alphabet() {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  std::sort(bytes.begin(), bytes.end(), [](char a, char b) {
    return bytes_to_byte_level({&a, 1}) < bytes_to_byte_level({&b, 1});
  });
  return bytes;
}

// A distinct word of the texts: its symbols so far and how often it occurs.
struct Word {
  std::vector<int32_t> ids;
  int64_t count;
};

std::map<std::string, int64_t> count_words(std::span<const std::string> texts) {
  const Pretokenizer pretokenizer(split_patterns(), "the trainer");
  AddedTokens special;
  for (size_t id = 0; id < kSpecialTokens.size(); ++id) {
    special.add(kSpecialTokens[id], static_cast<int32_t>(id));
  }
  std::map<std::string, int64_t> counts;
  for (const std::string& text : texts) {
    const auto count_plain = [&](TextRange range) {
      const std::string valid =
          replace_invalid_utf8(std::string_view(text).substr(range.begin, range.end - range.begin));
      pretokenizer.split(valid, [&](std::string_view word) { ++counts[std::string(word)]; });
    };
    special.split(text, {0, text.size()}, {}, count_plain, [](int32_t) {});
  }
  return counts;
}

using Pair = std::pair<int32_t, int32_t>;

// All words, and for each pair of neighbours its count and the words that hold it.
class PairCounts {
 public:
  explicit PairCounts(std::vector<Word> words) : words_(std::move(words)) {
    for (size_t i = 0; i < words_.size(); ++i) change(i, +1);
    for (const auto& [pair, entry] : pairs_) queue_.push({entry.count, pair});
  }

  // The most frequent pair, the smallest of equals; count 0 when there is none.
  std::pair<Pair, int64_t> best() {
    while (!queue_.empty()) {
      const Candidate top = queue_.top();
      const auto found = pairs_.find(top.pair);
      // Counts of a pair change while it waits; a changed one was queued again with its new count.
      if (found != pairs_.end() && found->second.count == top.count) return {top.pair, top.count};
      queue_.pop();
    }
    return {{}, 0};
  }

  void merge(const Pair& pair, int32_t result) {
    std::vector<size_t> holders = pairs_[pair].words;
    std::sort(holders.begin(), holders.end());
    holders.erase(std::unique(holders.begin(), holders.end()), holders.end());
    touched_.clear();
    for (const size_t i : holders) {
      change(i, -1);
      std::vector<int32_t>& ids = words_[i].ids;
      size_t to = 0;
      for (size_t from = 0; from < ids.size(); ++from, ++to) {
        const bool merged =
            from + 1 < ids.size() && ids[from] == pair.first && ids[from + 1] == pair.second;
        ids[to] = merged ? result : ids[from];
        if (merged) ++from;
      }
      ids.resize(to);
      change(i, +1);
    }
    for (const Pair& changed : touched_) {
      const int64_t count = pairs_[changed].count;
      if (count > 0) {
        queue_.push({count, changed});
      } else {
        pairs_.erase(changed);
      }
    }
  }

 private:
  struct Entry {
    int64_t count = 0;
    std::vector<size_t> words;  // may repeat, may be out of date
  };
  struct Candidate {
    int64_t count;
    Pair pair;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };

  void change(size_t i, int64_t sign) {
    const Word& word = words_[i];
    for (size_t k = 0; k + 1 < word.ids.size(); ++k) {
      const Pair pair{word.ids[k], word.ids[k + 1]};
      Entry& entry = pairs_[pair];
      entry.count += sign * word.count;
      if (sign > 0 && (entry.words.empty() || entry.words.back() != i)) entry.words.push_back(i);
      touched_.insert(pair);
    }
  }

  std::vector<Word> words_;
  std::map<Pair, Entry> pairs_;
  std::set<Pair> touched_;  // by the merge under way
  std::priority_queue<Candidate> queue_;
};

}  // namespace

TrainedBpe train_bpe(std::span<const std::string> texts, const BpeTrainerOptions& options) {
  TrainedBpe bpe;
  bpe.patterns = split_patterns();
  bpe.tokens.assign(kSpecialTokens.begin(), kSpecialTokens.end());
  bpe.num_special = static_cast<int64_t>(bpe.tokens.size());
  std::array<int32_t, 256> byte_ids{};
  for (const char byte : alphabet()) {
    byte_ids[static_cast<unsigned char>(byte)] = static_cast<int32_t>(bpe.tokens.size());
    bpe.tokens.emplace_back(1, byte);
  }
  const auto wanted = static_cast<size_t>(std::max<int64_t>(options.vocab_size, 0));
  if (wanted < bpe.tokens.size()) {
    throw Error("a byte-level vocabulary needs at least " + std::to_string(bpe.tokens.size()) +
                " tokens; vocab_size is " + std::to_string(options.vocab_size));
  }
  std::vector<Word> words;
  for (const auto& [text, count] : count_words(texts)) {
    Word word{{}, count};
    for (const char c : text) word.ids.push_back(byte_ids[static_cast<unsigned char>(c)]);
    words.push_back(std::move(word));
  }
  PairCounts pairs(std::move(words));
  std::map<std::string, int32_t> merged;  // two ways to the same bytes share one token
  while (bpe.tokens.size() < wanted) {
    const auto [pair, count] = pairs.best();
    if (count < std::max<int64_t>(options.min_pair_count, 1)) break;
    const std::string bytes =
        bpe.tokens[static_cast<size_t>(pair.first)] + bpe.tokens[static_cast<size_t>(pair.second)];
    const auto [token, is_new] = merged.emplace(bytes, static_cast<int32_t>(bpe.tokens.size()));
    if (is_new) bpe.tokens.push_back(bytes);
    bpe.merges.push_back(pair);
    pairs.merge(pair, token->second);
  }
  return bpe;
}

}  // namespace amalgam::model
