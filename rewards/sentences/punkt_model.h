// What punkt learned of English.
#pragma once
#include <cstdint>
#include <string_view>

#include "rewards/text/chars.h"

namespace amalgam::rewards {

// Where and in which case a word was seen: bits of its orthographic context.
enum Seen : uint8_t {
  kMiddleUpper = 1 << 2,
  kAnyUpper = 1 << 1 | 1 << 2 | 1 << 3,
  kBeginLower = 1 << 4,
  kAnyLower = 1 << 4 | 1 << 5 | 1 << 6
};

// Types are words in lower case; an abbreviation is without its last period.
bool is_abbreviation(Chars type);
bool is_collocation(Chars first, Chars second);  // the first with a period, no sentence between
bool starts_sentences(Chars type);
uint8_t seen(Chars type);

}  // namespace amalgam::rewards
