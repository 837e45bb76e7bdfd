#include "rewards/text/unicode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "configs/check.h"
#include "rewards/text/embedded.h"

namespace amalgam::rewards {
namespace {

constexpr char32_t kCodes = 0x110000;
constexpr char32_t kBlock = 128;  // characters that share one entry of the first level

using Mapping = std::vector<std::pair<char32_t, char32_t>>;  // sorted

struct Table {
  std::array<uint16_t, kCodes / kBlock> block_of = {};
  std::vector<std::array<uint16_t, kBlock>> blocks;  // equal ones are stored once
  Mapping lower, fold;
};

// The next word of a line, as a hexadecimal number.
char32_t take_hex(std::string_view& line) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value, 16);
  CHECK(error == std::errc());
  line.remove_prefix(static_cast<size_t>(end - line.data()));
  line.remove_prefix(std::min<size_t>(1, line.size()));
  return value;
}

Table read_table() {
  Table table;
  std::vector<uint16_t> flat(kCodes);
  std::string_view rest = unicode_table();
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.starts_with('#')) continue;
    const size_t space = line.find(' ');
    if (line.starts_with("lower ") || line.starts_with("fold ")) {
      Mapping& mapping = line[0] == 'l' ? table.lower : table.fold;
      line.remove_prefix(space + 1);
      const char32_t from = take_hex(line);
      mapping.emplace_back(from, take_hex(line));
    } else {
      const char32_t begin = take_hex(line), last = take_hex(line);
      CHECK(last < kCodes);
      std::fill(flat.begin() + begin, flat.begin() + last + 1,
                static_cast<uint16_t>(take_hex(line)));
    }
  }
  std::map<std::array<uint16_t, kBlock>, uint16_t> known;
  for (char32_t b = 0; b < kCodes / kBlock; ++b) {
    std::array<uint16_t, kBlock> block;
    std::copy_n(flat.begin() + b * kBlock, kBlock, block.begin());
    const auto [found, is_new] = known.emplace(block, table.blocks.size());
    if (is_new) table.blocks.push_back(block);
    table.block_of[b] = found->second;
  }
  return table;
}

const Table& table() {
  static const Table read = read_table();
  return read;
}

char32_t mapped(const Mapping& mapping, char32_t c) {
  const auto found = std::lower_bound(mapping.begin(), mapping.end(), std::pair(c, char32_t{0}));
  return found != mapping.end() && found->first == c ? found->second : c;
}

}  // namespace

uint16_t properties(char32_t c) {
  if (c >= kCodes) return 0;
  const Table& t = table();
  return t.blocks[t.block_of[c / kBlock]][c % kBlock];
}

char32_t lower(char32_t c) {
  if (c < 128) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  return is(c, kLowers) ? mapped(table().lower, c) : c;
}

char32_t fold(char32_t c) { return is(c, kFolds) ? mapped(table().fold, c) : c; }

}  // namespace amalgam::rewards
