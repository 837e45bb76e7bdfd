// What is in a sandbox's top (top.h), to tell which files a command changed. Contents are compared,
// not times: a write through a memory map leaves none on a tmpfs. Contents are remembered as values
// of a polynomial at a random point, so that hostile code cannot make two that look the same.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::sandbox {

// One entry that is no longer as it was.
struct TopChange {
  std::string path;
  unsigned mode = 0;    // file type and permissions as in stat; 0: removed
  std::string content;  // of a file, or the target of a link
  bool operator==(const TopChange&) const = default;
};

// Files may have holes, which cost nothing in a sandbox but would be written out by a journal or a
// layer. In disk sizes.
inline constexpr int64_t kMaxDiskSizes = 2;

class TopIndex {
 public:
  // is_overlay: the top is an overlay's upper directory, whose dev/ belongs to every sandbox.
  explicit TopIndex(bool is_overlay);

  // The changes since the last call (since the empty directory at the first one): removals, the
  // deepest first, then the others, folders before what is in them. Applied in this order to a copy
  // of the earlier state they give the later one. Sockets are left out. Error when the files,
  // holes included, have more than max_bytes; the index is then of no further use.
  std::vector<TopChange> update(int top, int64_t max_bytes);

 private:
  struct Seen {
    unsigned mode = 0;  // S_IFCHR: a whiteout
    uint64_t hash = 0;
    bool is_opaque = false;
    bool operator==(const Seen&) const = default;
  };
  uint64_t hash(std::string_view content) const;
  // All entries; into *changed the contents of those that are new or other than before.
  std::map<std::string, Seen> scan(int top, int64_t max_bytes,
                                   std::map<std::string, std::string>* changed) const;

  const bool is_overlay_;
  uint64_t point_;
  std::map<std::string, Seen> seen_;
};

}  // namespace amalgam::sandbox
