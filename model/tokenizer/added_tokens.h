// Finds added tokens (special strings such as <｜User｜>) in text: leftmost, longest.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::model {

// Bytes [begin, end) of a text.
struct TextRange {
  size_t begin = 0, end = 0;
};

class AddedTokens {
 public:
  // `content` must not be empty.
  void add(std::string_view content, int32_t id);
  bool empty() const { return nodes_.size() == 1; }

  // Calls `plain` with each non-empty range between tokens and `token` with each token's id, in
  // order. A token that touches one of `literal` (sorted, disjoint) is plain text.
  void split(std::string_view text, TextRange range, std::span<const TextRange> literal,
             const std::function<void(TextRange)>& plain,
             const std::function<void(int32_t)>& token) const;

 private:
  struct Node {
    int32_t id = -1;  // of the token that ends here
    std::vector<std::pair<unsigned char, uint32_t>> children;
  };
  uint32_t child(uint32_t node, unsigned char byte) const;  // 0 = none

  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::array<uint32_t, 256> first_{};  // child(0, byte): almost every byte stops here
};

}  // namespace amalgam::model
