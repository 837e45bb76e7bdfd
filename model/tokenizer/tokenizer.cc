#include "model/tokenizer/tokenizer.h"

#include <algorithm>

#include "configs/error.h"
#include "configs/printable.h"
#include "configs/utf8.h"
#include "model/tokenizer/tokenizer_impl.h"
#include "model/tokenizer/word_cache.h"

namespace amalgam::model {
namespace {

// Shorter texts are encoded before a table of their words would pay.
constexpr size_t kCacheFromBytes = 256;

}  // namespace

std::vector<int32_t> Tokenizer::encode(std::string_view text, SpecialText special) const {
  const TextRange all{0, text.size()};
  return encode(text, std::span<const TextRange>(&all, special == SpecialText::kAsText ? 1 : 0));
}

std::vector<int32_t> Tokenizer::encode(std::string_view text,
                                       std::span<const TextRange> literal) const {
  const TokenizerImpl& impl = *impl_;
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 4 + 8);
  WordCache cache;
  const bool cached = text.size() >= kCacheFromBytes;
  const auto merge = [&](std::string_view word, std::vector<int32_t>& out) {
    impl.bpe.encode(word, out);
  };
  const std::function<void(std::string_view)> on_word = [&](std::string_view word) {
    if (cached) {
      cache.append(word, ids, merge);
    } else {
      merge(word, ids);
    }
  };
  const std::function<void(TextRange)> on_plain = [&](TextRange range) {
    std::string_view rest = text.substr(range.begin, range.end - range.begin);
    while (!rest.empty()) {
      const size_t valid = valid_utf8_prefix(rest);
      impl.pretokenizer.split(rest.substr(0, valid), on_word);
      rest.remove_prefix(valid);
      if (rest.empty()) break;
      const size_t invalid = decode_utf8(rest).length;
      impl.bpe.encode(rest.substr(0, invalid), ids);
      rest.remove_prefix(invalid);
    }
  };
  const std::function<void(int32_t)> on_token = [&](int32_t id) { ids.push_back(id); };
  const std::function<void(TextRange)> on_rest = [&](TextRange range) {
    impl.normalized_tokens.split(text, range, literal, on_plain, on_token);
  };
  impl.raw_tokens.split(text, {0, text.size()}, literal, on_rest, on_token);
  return ids;
}

std::string Tokenizer::decode_bytes(std::span<const int32_t> ids, SpecialIds special) const {
  std::string out;
  for (const int32_t id : ids) {
    if (special == SpecialIds::kSkip && is_special(id)) continue;
    out += token_bytes(id);
  }
  return out;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, SpecialIds special) const {
  return replace_invalid_utf8(decode_bytes(ids, special));
}

std::string_view Tokenizer::token_bytes(int32_t id) const {
  if (id < 0 || id >= vocab_size()) return {};
  return impl_->bytes[static_cast<size_t>(id)];
}

std::optional<int32_t> Tokenizer::added_token(std::string_view content) const {
  const auto found = impl_->added_ids.find(content);
  if (found == impl_->added_ids.end()) return std::nullopt;
  return found->second;
}

int32_t Tokenizer::require_added_token(std::string_view content) const {
  if (const auto id = added_token(content)) return *id;
  throw Error(impl_->origin + ": no added token '" + std::string(content) +
              "'; use a tokenizer with DeepSeek-V4's special tokens");
}

bool Tokenizer::is_special(int32_t id) const {
  return id >= 0 && id < vocab_size() && impl_->special[static_cast<size_t>(id)];
}

int64_t Tokenizer::vocab_size() const { return static_cast<int64_t>(impl_->bytes.size()); }

std::string Tokenizer::first_difference(const Tokenizer& other) const {
  const TokenizerImpl &a = *impl_, &b = *other.impl_;
  const auto quoted = [](std::string_view text) { return "\"" + printable(text) + "\""; };
  const auto token = [&](const Tokenizer& t, int32_t id) {
    const std::string_view bytes = t.token_bytes(id);
    return bytes.empty() ? std::string("none") : quoted(bytes);
  };
  const auto ids = static_cast<int32_t>(std::max(vocab_size(), other.vocab_size()));
  for (int32_t id = 0; id < ids; ++id) {
    const std::string name = "token " + std::to_string(id) + " is ";
    if (token_bytes(id) != other.token_bytes(id))
      return name + token(*this, id) + ", not " + token(other, id);
    if (is_special(id) != other.is_special(id))
      return name + (is_special(id) ? "special, not plain" : "plain, not special");
    const std::string content(token_bytes(id));
    if ((added_token(content) == id) != (other.added_token(content) == id))
      return name + (added_token(content) == id ? "added, not learned" : "learned, not added");
  }
  const auto merge = [&](const TokenizerImpl& t, size_t rank) {
    const Merge& m = t.merges[rank];
    return quoted(t.bytes[static_cast<size_t>(m.left)]) + " + " +
           quoted(t.bytes[static_cast<size_t>(m.right)]);
  };
  const auto pattern = [&](const TokenizerImpl& t, size_t i) { return quoted(t.patterns[i]); };
  const auto first = [&](const char* what, const auto& mine, const auto& its, const auto& name) {
    size_t i = 0;
    while (i < mine.size() && i < its.size() && mine[i] == its[i]) ++i;
    if (i == mine.size() && i == its.size()) return std::string();
    return std::string(what) + " " + std::to_string(i) + " is " +
           (i < mine.size() ? name(a, i) : "none") + ", not " +
           (i < its.size() ? name(b, i) : "none");
  };
  const std::string merges = first("merge", a.merges, b.merges, merge);
  return merges.empty() ? first("pattern", a.patterns, b.patterns, pattern) : merges;
}

std::string StreamDecoder::push(int32_t id) {
  held_ += tokenizer_.decode_bytes({&id, 1}, special_);
  const size_t complete = complete_utf8_prefix(held_);
  std::string out = replace_invalid_utf8(std::string_view(held_).substr(0, complete));
  held_.erase(0, complete);
  return out;
}

std::string StreamDecoder::finish() {
  std::string out = replace_invalid_utf8(held_);
  held_.clear();
  return out;
}

}  // namespace amalgam::model
