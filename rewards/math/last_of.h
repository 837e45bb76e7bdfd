// The last place of a character, at the speed of memory: solutions may be 100 kB long.
#pragma once
#include <cstring>
#include <string_view>

namespace amalgam::rewards {

// Before `end`; npos: there is none.
inline size_t last_of(std::string_view text, char c, size_t end = std::string_view::npos) {
  if (end > text.size()) end = text.size();
  const void* found = end == 0 ? nullptr : memrchr(text.data(), c, end);
  if (found == nullptr) return std::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

}  // namespace amalgam::rewards
