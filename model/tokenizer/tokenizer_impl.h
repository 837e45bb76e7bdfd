// What a Tokenizer is made of; shared by its loader and its functions, nobody else's business.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "model/tokenizer/added_tokens.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/pretokenizer.h"
#include "model/tokenizer/tokenizer.h"

namespace amalgam::model {

struct TokenizerImpl {
  std::string origin;
  Pretokenizer pretokenizer;
  Bpe bpe;
  // Searched one after the other: tokens with "normalized": false first, as the tokenizers library
  // does.
  AddedTokens raw_tokens, normalized_tokens;
  std::map<std::string, int32_t, std::less<>> added_ids;
  std::vector<std::string> bytes;  // by id; empty = no such token
  std::vector<bool> special;       // by id
  std::vector<Merge> merges;       // in rank order, as the bpe has them
  std::vector<std::string> patterns;
};

}  // namespace amalgam::model
