#include "sandbox/images/top_index.h"

#include <sys/random.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "configs/check.h"
#include "configs/error.h"
#include "sandbox/files/file_tree.h"

namespace amalgam::sandbox {
namespace {

constexpr uint64_t kPrime = (uint64_t{1} << 61) - 1;
constexpr size_t kWordBytes = 7;  // a word is smaller than the prime

int64_t nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// It stands still for a tick. What is changed later never gets an earlier time.
int64_t stamping_clock_ns() {
  timespec now;
  CHECK_EQ(clock_gettime(CLOCK_REALTIME_COARSE, &now), 0);
  return nanoseconds(now);
}

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

struct TopIndex::Changes {
  std::vector<TopChange> removed, set;
  // A folder that replaces what was there takes all that is in it along, changed or not.
  std::string replaced;

  std::vector<TopChange> take() {
    std::sort(removed.begin(), removed.end(),
              [](const TopChange& a, const TopChange& b) { return a.path > b.path; });
    std::sort(set.begin(), set.end(),
              [](const TopChange& a, const TopChange& b) { return a.path < b.path; });
    removed.insert(removed.end(), std::make_move_iterator(set.begin()),
                   std::make_move_iterator(set.end()));
    return std::move(removed);
  }
};

TopIndex::Stamp TopIndex::stamp_of(const struct stat& status) {
  // Only what can be mapped needs the access time; to read a link sets that of the link.
  return {status.st_ino, status.st_size, nanoseconds(status.st_ctim),
          S_ISREG(status.st_mode) ? nanoseconds(status.st_atim) : 0};
}

// What a file takes when it is put into another sandbox.
int64_t TopIndex::in_pages(int64_t size) {
  constexpr int64_t kPage = 4096;
  return (size + kPage - 1) / kPage * kPage;
}

// Whether to look into it.
bool TopIndex::visit(const TreeEntry& entry, int64_t max_bytes, Changes* changes) {
  if (is_overlay_ && entry.path == "dev") return false;
  if (S_ISSOCK(entry.status.st_mode)) return false;
  if (entry.path.size() > kMaxPathBytes) throw Error("a path of more than 4096 bytes");
  const auto [place, is_new] = seen_.try_emplace(entry.path);
  const Seen before = place->second;
  Seen& now = place->second;
  now.mode = entry.status.st_mode;
  now.stamp = stamp_of(entry.status);
  now.is_settled = std::max(now.stamp.changed_ns, now.stamp.accessed_ns) < look_ns_;
  now.look = look_;
  if (S_ISREG(now.mode)) num_bytes_ += in_pages(now.stamp.size);
  if (num_bytes_ > max_bytes)
    throw Error("files of more than " + std::to_string(max_bytes) +
                " bytes, holes included and each name by itself");

  const bool is_below = !changes->replaced.empty() && entry.path.starts_with(changes->replaced);
  std::string content;
  if (S_ISDIR(now.mode)) {
    now.is_opaque = is_overlay_ && is_opaque(entry);
  } else {
    now.is_opaque = false;
    const bool is_same =
        !is_new && before.is_settled && before.stamp == now.stamp && before.mode == now.mode;
    if (is_same && !is_below) return false;
    if (S_ISREG(now.mode)) {
      content.reserve(static_cast<size_t>(now.stamp.size));
      read_content(entry, [&](std::string_view bytes) { content += bytes; });
    } else if (S_ISLNK(now.mode)) {
      content = read_link(entry);
    }
  }
  now.hash = hash(content);

  const bool was_opaque = !is_new && before.is_opaque;
  const bool is_replaced = now.is_opaque && !was_opaque;
  if (is_replaced && !is_below) changes->replaced = entry.path + "/";
  if (!is_new && !is_below && before.mode == now.mode && before.hash == now.hash &&
      before.is_opaque == now.is_opaque)
    return true;
  const bool was_there = !is_new && !S_ISCHR(before.mode);
  if (S_ISCHR(now.mode) || is_replaced ||
      (was_there && (before.mode & S_IFMT) != (now.mode & S_IFMT)))
    changes->removed.push_back({entry.path, 0, ""});
  if (!S_ISCHR(now.mode)) changes->set.push_back({entry.path, now.mode, std::move(content)});
  return true;
}

std::vector<TopChange> TopIndex::update(int top, int64_t max_bytes) {
  ++look_;
  look_ns_ = stamping_clock_ns();
  num_bytes_ = 0;
  Changes changes;
  walk_tree(top, [&](const TreeEntry& entry) { return visit(entry, max_bytes, &changes); });
  for (auto it = seen_.begin(); it != seen_.end();) {
    if (it->second.look == look_) {
      ++it;
      continue;
    }
    if (!S_ISCHR(it->second.mode)) changes.removed.push_back({it->first, 0, ""});
    it = seen_.erase(it);
  }
  return changes.take();
}

std::vector<TopChange> TopIndex::update_file(int top, const std::string& path, int64_t max_bytes) {
  look_ns_ = stamping_clock_ns();
  Changes changes;
  bool has_other_names = false;
  walk_path(top, path, [&](const TreeEntry& entry) {
    has_other_names |= S_ISREG(entry.status.st_mode) && entry.status.st_nlink > 1;
  });
  if (has_other_names) return update(top, max_bytes);
  walk_path(top, path, [&](const TreeEntry& entry) {
    const auto before = seen_.find(entry.path);
    if (before != seen_.end() && S_ISREG(before->second.mode))
      num_bytes_ -= in_pages(before->second.stamp.size);
    visit(entry, max_bytes, &changes);
  });
  return changes.take();
}

}  // namespace amalgam::sandbox
