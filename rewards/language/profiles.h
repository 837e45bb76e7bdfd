// How often each language has each run of one to three characters.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rewards/text/chars.h"

namespace amalgam::rewards {

class Profiles {
 public:
  static const Profiles& get();  // read at the first call

  struct Share {
    uint8_t language;  // an index of names()
    double share;      // of that language's runs of the same length
  };
  static constexpr uint32_t kNone = ~0u;

  const std::vector<std::string>& names() const { return names_; }
  // gram: one to three characters. kNone: no language has it.
  uint32_t find(Chars gram) const;
  std::span<const Share> shares(uint32_t gram) const {
    return {shares_.data() + begins_[gram], begins_[gram + 1] - begins_[gram]};
  }

  // The one of a group of Chinese characters that the profiles count all of it as.
  char32_t representative(char32_t c) const;
  // A Vietnamese letter with this combining mark; 0: there is none.
  char32_t with_mark(char32_t letter, char32_t mark) const;

 private:
  explicit Profiles(std::string_view bytes);

  std::vector<std::string> names_;
  std::vector<uint64_t> grams_;   // sorted
  std::vector<uint32_t> begins_;  // of each gram's shares
  std::vector<Share> shares_;
  std::vector<std::pair<char32_t, char32_t>> groups_;  // sorted
  std::u32string letters_, marks_;
  std::vector<std::u32string> marked_;
};

}  // namespace amalgam::rewards
