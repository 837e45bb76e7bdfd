#include "model/tokenizer/added_tokens.h"

#include "configs/check.h"

namespace amalgam::model {

uint32_t AddedTokens::child(uint32_t node, unsigned char byte) const {
  for (const auto& [key, next] : nodes_[node].children) {
    if (key == byte) return next;
  }
  return 0;
}

void AddedTokens::add(std::string_view content, int32_t id) {
  CHECK(!content.empty());
  uint32_t node = 0;
  for (const char c : content) {
    const auto byte = static_cast<unsigned char>(c);
    uint32_t next = child(node, byte);
    if (next == 0) {
      next = static_cast<uint32_t>(nodes_.size());
      nodes_[node].children.emplace_back(byte, next);
      nodes_.emplace_back();
      if (node == 0) first_[byte] = next;
    }
    node = next;
  }
  nodes_[node].id = id;
}

void AddedTokens::split(std::string_view text, TextRange range, std::span<const TextRange> literal,
                        const std::function<void(TextRange)>& plain,
                        const std::function<void(int32_t)>& token) const {
  size_t done = range.begin;
  size_t next_literal = 0;  // the first literal range that ends after `at`
  for (size_t at = range.begin; at < range.end; ++at) {
    uint32_t node = first_[static_cast<unsigned char>(text[at])];
    if (node == 0) continue;
    while (next_literal < literal.size() && literal[next_literal].end <= at) ++next_literal;
    const size_t limit = next_literal < literal.size()
                             ? std::min(range.end, literal[next_literal].begin)
                             : range.end;
    int32_t best = -1;
    size_t best_end = at;
    for (size_t end = at + 1; node != 0 && end <= limit; ++end) {
      if (nodes_[node].id >= 0) {
        best = nodes_[node].id;
        best_end = end;
      }
      node = end < limit ? child(node, static_cast<unsigned char>(text[end])) : 0;
    }
    if (best < 0) continue;
    if (done < at) plain({done, at});
    token(best);
    done = best_end;
    at = best_end - 1;
  }
  if (done < range.end) plain({done, range.end});
}

}  // namespace amalgam::model
