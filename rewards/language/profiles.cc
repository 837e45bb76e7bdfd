#include "rewards/language/profiles.h"

#include <zlib.h>

#include <algorithm>

#include "configs/check.h"
#include "rewards/text/embedded.h"

namespace amalgam::rewards {
namespace {

std::string inflated(std::string_view compressed) {
  z_stream stream = {};
  CHECK_EQ(inflateInit(&stream), Z_OK);
  std::string source(compressed), out, part(1 << 16, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(source.data());
  stream.avail_in = static_cast<uInt>(source.size());
  for (int state = Z_OK; state != Z_STREAM_END;) {
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = static_cast<uInt>(part.size());
    state = inflate(&stream, Z_NO_FLUSH);
    CHECK(state == Z_OK || state == Z_STREAM_END);
    out.append(part, 0, part.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  return out;
}

// Reads data/make_profiles.py's numbers and texts.
class ProfileReader {
 public:
  explicit ProfileReader(std::string_view bytes) : rest_(bytes) {}
  bool at_end() const { return rest_.empty(); }
  uint32_t number() {
    uint32_t value = 0;
    for (int shift = 0;; shift += 7) {
      CHECK(!rest_.empty() && shift < 32);
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint32_t>(byte & 127) << shift;
      if (byte < 128) return value;
    }
  }
  std::string_view text() {
    const uint32_t size = number();
    CHECK(size <= rest_.size());
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }

 private:
  std::string_view rest_;
};

// 21 bits a character.
uint64_t packed(Chars gram) {
  uint64_t key = 0;
  for (const char32_t c : gram) key = key << 21 | c;
  return key;
}

}  // namespace

Profiles::Profiles(std::string_view bytes) {
  ProfileReader reader(bytes);
  letters_ = decoded(reader.text());
  marks_ = decoded(reader.text());
  for (size_t i = 0; i < marks_.size(); ++i) marked_.push_back(decoded(reader.text()));
  for (uint32_t n = reader.number(); n > 0; --n) {
    const std::u32string group = decoded(reader.text());
    for (const char32_t c : group) groups_.emplace_back(c, group[0]);
  }
  std::sort(groups_.begin(), groups_.end());
  std::vector<double> totals;  // [language, length - 1]
  for (uint32_t n = reader.number(); n > 0; --n) {
    names_.emplace_back(reader.text());
    for (int length = 1; length <= 3; ++length) totals.push_back(reader.number());
  }
  struct Entry {
    uint64_t key;
    uint32_t begin, end;
  };
  std::vector<Entry> entries;
  std::vector<Share> shares;
  while (!reader.at_end()) {
    const std::u32string gram = decoded(reader.text());
    Entry entry = {packed(gram), static_cast<uint32_t>(shares.size()), 0};
    for (uint32_t n = reader.number(); n > 0; --n) {
      const uint32_t language = reader.number(), count = reader.number();
      shares.push_back(
          {static_cast<uint8_t>(language), count / totals.at(language * 3 + gram.size() - 1)});
    }
    entry.end = static_cast<uint32_t>(shares.size());
    entries.push_back(entry);
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.key < b.key; });
  for (const Entry& entry : entries) {
    grams_.push_back(entry.key);
    begins_.push_back(static_cast<uint32_t>(shares_.size()));
    shares_.insert(shares_.end(), shares.begin() + entry.begin, shares.begin() + entry.end);
  }
  begins_.push_back(static_cast<uint32_t>(shares_.size()));
}

const Profiles& Profiles::get() {
  static const Profiles profiles(inflated(language_profiles()));
  return profiles;
}

uint32_t Profiles::find(Chars gram) const {
  const uint64_t key = packed(gram);
  const auto found = std::lower_bound(grams_.begin(), grams_.end(), key);
  if (found == grams_.end() || *found != key) return kNone;
  return static_cast<uint32_t>(found - grams_.begin());
}

char32_t Profiles::representative(char32_t c) const {
  const auto found = std::lower_bound(groups_.begin(), groups_.end(), std::pair(c, char32_t{0}));
  return found != groups_.end() && found->first == c ? found->second : c;
}

char32_t Profiles::with_mark(char32_t letter, char32_t mark) const {
  const size_t row = marks_.find(mark), column = letters_.find(letter);
  return row == kNoChar || column == kNoChar ? U'\0' : marked_[row][column];
}

}  // namespace amalgam::rewards
