// Reading a tree that hostile code wrote: by open directories, never through a link.
#pragma once
#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace amalgam::sandbox {

// Closes what it holds.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  ~Fd();
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

inline constexpr int kMaxTreeDepth = 200;  // folders in each other, each an open descriptor

struct TreeEntry {
  int parent = -1;        // its open directory
  std::string name;       // in it
  std::string path;       // from the root of the tree
  struct stat status {};  // of itself: a link is not followed
  bool is_whiteout() const { return S_ISCHR(status.st_mode) && status.st_rdev == 0; }
};

// Visits everything below `directory`: a directory before what is in it, names in byte order.
// Enters a directory only if `visit` returns true for it. Throws Error when it cannot be read.
void walk_tree(int directory, const std::function<bool(const TreeEntry&)>& visit);

// The target of a link.
std::string read_link(const TreeEntry& entry);
// Whether overlayfs hides what lower layers have in this directory.
bool is_opaque(const TreeEntry& entry);
// Calls visit(bytes) for all of a regular file, which has entry.status.st_size bytes, in pieces.
void read_content(const TreeEntry& entry, const std::function<void(std::string_view)>& visit);

// For error lines: control characters of hostile names are replaced.
std::string printable(std::string_view text);
// rm -r of a tree of our own; what cannot be removed stays.
void remove_tree(int parent, const std::string& name);

}  // namespace amalgam::sandbox
