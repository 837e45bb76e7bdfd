#include "rewards/judge/literal_line.h"

#include <algorithm>
#include <map>

#include "rewards/text/chars.h"

namespace amalgam::rewards {
namespace {

struct CharRange {
  char32_t first, last;
};
// Beside what str.isspace() names. Selectors of variants (U+FE00 …) stay: they are part of emoji.
constexpr CharRange kBlank[] = {
    {0x00, 0x1F},     {0x7F, 0x9F},      // control characters
    {0xAD, 0xAD},     {0x34F, 0x34F},    // soft hyphen, grapheme joiner
    {0x61C, 0x61C},   {0x115F, 0x1160},  // Arabic letter mark, Hangul fillers
    {0x17B4, 0x17B5}, {0x180B, 0x180F},  // Khmer and Mongolian
    {0x200B, 0x200F}, {0x2028, 0x202E},  // width zero, line separators, directions
    {0x2060, 0x206F}, {0x3164, 0x3164},  // joiners, isolates; a Hangul filler
    {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0},  // byte order mark; a Hangul filler
    {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},  // tags
};

bool is_blank(char32_t c) {
  return is(c, kSpace | kRegexSpace) ||
         std::any_of(std::begin(kBlank), std::end(kBlank),
                     [&](CharRange range) { return c >= range.first && c <= range.last; });
}

// Special strings by their last character.
using Specials = std::map<char32_t, std::vector<std::u32string>>;

Specials by_last(const std::vector<std::string>& special_strings) {
  Specials specials;
  for (const std::string& utf8 : special_strings) {
    std::u32string special = decoded(utf8);
    if (std::all_of(special.begin(), special.end(), is_blank)) continue;
    specials[special.back()].push_back(std::move(special));
  }
  return specials;
}

const std::u32string* special_at_end(Chars text, const Specials& specials) {
  const auto found = text.empty() ? specials.end() : specials.find(text.back());
  if (found == specials.end()) return nullptr;
  for (const std::u32string& special : found->second)
    if (text.ends_with(special)) return &special;
  return nullptr;
}

std::u32string broken(std::u32string special) {
  if (special.size() > 1 && special[0] != U' ' && special[1] != U' ')
    special.insert(1, 1, U' ');
  else
    special.erase(special.find_first_not_of(U' '), 1);
  return special;
}

}  // namespace

std::string literal_line(std::string_view answer, const std::vector<std::string>& special_strings) {
  const Specials specials = by_last(special_strings);
  // `line` never has a special string, nor two spaces together: what completes one is taken back
  // and read again, broken. It ends: a break parts two characters that no space parted, or there is
  // one fewer of them.
  std::u32string line, unread = decoded(answer);
  std::reverse(unread.begin(), unread.end());
  while (!unread.empty()) {
    const char32_t c = is_blank(unread.back()) ? U' ' : unread.back();
    unread.pop_back();
    if (c == U' ' && (line.empty() || line.back() == U' ')) continue;
    line += c;
    const std::u32string* special = special_at_end(line, specials);
    if (!special) continue;
    line.resize(line.size() - special->size());
    const std::u32string again = broken(*special);
    unread.append(again.rbegin(), again.rend());
  }
  if (!line.empty() && line.back() == U' ') line.pop_back();
  return encoded(line);
}

}  // namespace amalgam::rewards
