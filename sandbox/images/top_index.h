// What is in a sandbox's top (top.h), to tell which files a command changed.
//
// Contents decide, not times: they are remembered as values of a polynomial at a random point, so
// that hostile code cannot make two that look the same. Times only tell which files need not be
// read again, and here they cannot be forged: whatever sets one sets the change time too, which is
// the clock's. The mistakes this invites:
//   a write through a memory map leaves no change time on an older kernel's tmpfs. But to make a
//     map leaves an access time: the top is mounted so (Journaled.EveryUseLeavesAnAccessTime) and
//     nobody may open a file otherwise (access_times.py).
//   two changes within one tick of the clock may have one time. A time is therefore trusted only
//     when it was in the past at the look that found it.
//   a file may be written under another name (Journaled.AFileWithTwoNamesIsOne).
#pragma once
#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::sandbox {

struct TreeEntry;

// One entry that is no longer as it was.
struct TopChange {
  std::string path;
  unsigned mode = 0;    // file type and permissions as in stat; 0: removed
  std::string content;  // of a file, or the target of a link
  bool operator==(const TopChange&) const = default;
};

class TopIndex {
 public:
  // is_overlay: the top is an overlay's upper directory, whose dev/ belongs to every sandbox.
  explicit TopIndex(bool is_overlay);

  // The changes since the last call (since the empty directory at the first one): removals, the
  // deepest first, then the others, folders before what is in them. Applied in this order to a copy
  // of the earlier state they give the later one. Sockets are left out. Error when the files could
  // not be put back where max_bytes fit: holes are written out, and a file with two names becomes
  // two; or when a path is too long. The index is then of no further use.
  std::vector<TopChange> update(int top, int64_t max_bytes);
  // The same when only this file was written, with the folders on the way to it. Path in the top.
  std::vector<TopChange> update_file(int top, const std::string& path, int64_t max_bytes);

 private:
  // When one of these is another, so may be the content.
  struct Stamp {
    uint64_t inode = 0;
    int64_t size = 0;
    int64_t changed_ns = 0, accessed_ns = 0;  // since 1970
    bool operator==(const Stamp&) const = default;
  };
  struct Seen {
    unsigned mode = 0;  // S_IFCHR: a whiteout
    uint64_t hash = 0;
    bool is_opaque = false;
    Stamp stamp;
    bool is_settled = false;  // a change after the last look gives another stamp
    int64_t look = 0;         // the last one that found it
  };
  struct Changes;

  static Stamp stamp_of(const struct stat& status);
  static int64_t in_pages(int64_t size);
  uint64_t hash(std::string_view content) const;
  bool visit(const TreeEntry& entry, int64_t max_bytes, Changes* changes);

  const bool is_overlay_;
  uint64_t point_;
  std::map<std::string, Seen> seen_;
  int64_t num_bytes_ = 0;  // of all files, as of the last look
  int64_t look_ = 0;
  int64_t look_ns_ = 0;  // the clock that stamps files, when this look began
};

}  // namespace amalgam::sandbox
