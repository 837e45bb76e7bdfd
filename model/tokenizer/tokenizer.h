// Byte-level BPE tokenizer, read from a tokenizer.json of the tokenizers library (the family of
// DeepSeek's: Split patterns + ByteLevel, BPE, added tokens). Equal ids to that library's, without
// the tokens that a post-processor would add.
//
// Immutable; copies share one table; every function is thread-safe and deterministic.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/tokenizer/added_tokens.h"

namespace amalgam::model {

// What a special string in the text to encode means. Text written by users, tools or web pages is
// kAsText: there "<｜Assistant｜>" is 13 harmless characters.
enum class SpecialText { kAsTokens, kAsText };
// Whether decoding shows the tokens that tokenizer.json marks as special (BOS, EOS, padding …).
enum class SpecialIds { kKeep, kSkip };

struct TokenizerImpl;

class Tokenizer {
 public:
  // `path`: a tokenizer.json, or a folder that holds one. Throws Error with one line for a file
  // that is missing, is no JSON, or uses a feature outside the family (named).
  static Tokenizer load(const std::string& path);
  // `origin` is the file name used in messages.
  static Tokenizer from_json(const std::string& json_text, const std::string& origin);

  // Bytes that are not UTF-8 are encoded byte by byte: decode_bytes(encode(x)) == x for any x.
  std::vector<int32_t> encode(std::string_view text, SpecialText special) const;
  // Special strings are tokens except where they touch one of `literal` (sorted, disjoint).
  std::vector<int32_t> encode(std::string_view text, std::span<const TextRange> literal) const;

  // Ids without a token (a model's vocabulary may be padded) decode to nothing.
  std::string decode_bytes(std::span<const int32_t> ids, SpecialIds special) const;
  // Always valid UTF-8: invalid bytes become U+FFFD.
  std::string decode(std::span<const int32_t> ids, SpecialIds special) const;

  // The bytes of one token; empty for an id without a token.
  std::string_view token_bytes(int32_t id) const;
  // The id of an added token (<｜User｜> …), if there is one of exactly this content.
  std::optional<int32_t> added_token(std::string_view content) const;
  // The same for one that must exist: throws Error naming the tokenizer file and the token.
  int32_t require_added_token(std::string_view content) const;
  bool is_special(int32_t id) const;
  int64_t vocab_size() const;  // largest id + 1

  // The first way in which another one is not the same, one line: "token 7 is "a", not "b""; empty:
  // there is none. Compared are tokens, added tokens, merges and patterns, however they are
  // written.
  std::string first_difference(const Tokenizer& other) const;

 private:
  explicit Tokenizer(std::shared_ptr<const TokenizerImpl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const TokenizerImpl> impl_;
};

// Text of a growing id sequence, for streaming: never half a character. The concatenation of all
// that push() and finish() return is decode() of all ids. One object per stream; not thread-safe.
class StreamDecoder {
 public:
  StreamDecoder(Tokenizer tokenizer, SpecialIds special)
      : tokenizer_(std::move(tokenizer)), special_(special) {}
  std::string push(int32_t id);
  std::string finish();  // what a last, unfinished character leaves: U+FFFD or nothing

 private:
  Tokenizer tokenizer_;
  SpecialIds special_;
  std::string held_;  // the start of a character
};

}  // namespace amalgam::model
