#include "sandbox/top_index.h"

#include <sys/random.h>

#include <algorithm>
#include <cstring>

#include "configs/check.h"
#include "configs/error.h"
#include "sandbox/file_tree.h"

namespace amalgam::sandbox {
namespace {

constexpr uint64_t kPrime = (uint64_t{1} << 61) - 1;
constexpr size_t kWordBytes = 7;  // a word is smaller than the prime

}  // namespace

TopIndex::TopIndex(bool is_overlay) : is_overlay_(is_overlay) {
  CHECK_EQ(getrandom(&point_, sizeof point_, 0), static_cast<ssize_t>(sizeof point_));
  point_ %= kPrime;
}

// Σ word_i · point^(n-i) mod 2^61 - 1, the length being one of the words: two contents of n bytes
// agree at a random point with probability ≤ n / (7 · 2^61).
uint64_t TopIndex::hash(std::string_view content) const {
  const auto step = [this](uint64_t h, uint64_t word) {
    const auto product = static_cast<unsigned __int128>(h) * point_ + word;
    const uint64_t folded =
        static_cast<uint64_t>(product & kPrime) + static_cast<uint64_t>(product >> 61);
    return folded >= kPrime ? folded - kPrime : folded;
  };
  uint64_t h = step(1, content.size());
  while (!content.empty()) {
    uint64_t word = 0;
    const size_t n = std::min(content.size(), kWordBytes);
    std::memcpy(&word, content.data(), n);
    h = step(h, word);
    content.remove_prefix(n);
  }
  return h;
}

std::map<std::string, TopIndex::Seen> TopIndex::scan(
    int top, int64_t max_bytes, std::map<std::string, std::string>* changed) const {
  std::map<std::string, Seen> found;
  int64_t num_bytes = 0;
  // A folder that replaces what was there takes all that is in it along, changed or not.
  std::string replaced;
  walk_tree(top, [&](const TreeEntry& entry) {
    if (is_overlay_ && entry.path == "dev") return false;
    if (S_ISSOCK(entry.status.st_mode)) return false;
    Seen seen;
    seen.mode = entry.status.st_mode;
    std::string content;
    if (S_ISREG(seen.mode)) {
      num_bytes += entry.status.st_size;
      if (num_bytes > max_bytes)
        throw Error("files of more than " + std::to_string(max_bytes) + " bytes, holes included");
      content.reserve(static_cast<size_t>(entry.status.st_size));
      read_content(entry, [&](std::string_view bytes) { content += bytes; });
    } else if (S_ISLNK(seen.mode)) {
      content = read_link(entry);
    } else if (S_ISDIR(seen.mode)) {
      seen.is_opaque = is_overlay_ && is_opaque(entry);
    }
    seen.hash = hash(content);
    const auto before = seen_.find(entry.path);
    const bool is_below = !replaced.empty() && entry.path.starts_with(replaced);
    if (seen.is_opaque && !is_below && !(before != seen_.end() && before->second.is_opaque))
      replaced = entry.path + "/";
    if (is_below || before == seen_.end() || !(before->second == seen))
      (*changed)[entry.path] = std::move(content);
    found[entry.path] = seen;
    return true;
  });
  return found;
}

std::vector<TopChange> TopIndex::update(int top, int64_t max_bytes) {
  std::map<std::string, std::string> changed;
  std::map<std::string, Seen> now = scan(top, max_bytes, &changed);
  std::vector<TopChange> removed, set;
  for (const auto& [path, seen] : seen_)
    if (!now.contains(path) && !S_ISCHR(seen.mode)) removed.push_back({path, 0, ""});
  for (auto& [path, content] : changed) {
    const Seen& seen = now[path];
    const auto before = seen_.find(path);
    const bool was_there = before != seen_.end() && !S_ISCHR(before->second.mode);
    const bool was_opaque = before != seen_.end() && before->second.is_opaque;
    if (S_ISCHR(seen.mode) || (seen.is_opaque && !was_opaque) ||
        (was_there && (before->second.mode & S_IFMT) != (seen.mode & S_IFMT)))
      removed.push_back({path, 0, ""});
    if (!S_ISCHR(seen.mode)) set.push_back({path, seen.mode, std::move(content)});
  }
  std::sort(removed.begin(), removed.end(),
            [](const TopChange& a, const TopChange& b) { return a.path > b.path; });
  seen_ = std::move(now);
  removed.insert(removed.end(), std::make_move_iterator(set.begin()),
                 std::make_move_iterator(set.end()));
  return removed;
}

}  // namespace amalgam::sandbox
