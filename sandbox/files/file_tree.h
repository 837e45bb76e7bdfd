// Reading and writing a tree that hostile code wrote: by open directories, never through a link.
#pragma once
#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "sandbox/files/fd.h"

namespace amalgam::sandbox {

// The machine, not the tree, is why it cannot be read: no descriptors, no memory, a broken disk.
struct HostError : Error {
  using Error::Error;
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

// Visits only what lies on the way to `path`, from its first folder to its end, as far as it
// exists.
void walk_path(int directory, const std::string& path,
               const std::function<void(const TreeEntry&)>& visit);

// The target of a link.
std::string read_link(const TreeEntry& entry);
// Whether overlayfs hides what lower layers have in this directory.
bool is_opaque(const TreeEntry& entry);
// Calls visit(bytes) for all of a regular file, which has entry.status.st_size bytes, in pieces.
// Leaves no access time where that is allowed: to the file's owner, and to root.
void read_content(const TreeEntry& entry, const std::function<void(std::string_view)>& visit);

// Of the path of a file that is put into a sandbox.
inline constexpr size_t kMaxPathBytes = 4096;

// The open parent of a path below `directory`, and the path's last part; empty with errno set when
// there is none.
enum class MakeFolders { kNo, kYes };
Fd open_parent(int directory, const std::string& path, MakeFolders make_folders, std::string* name);
// Returns an errno, 0 on success.
int write_all(int fd, std::string_view content);

// rm -r of a tree of our own; what cannot be removed stays.
void remove_tree(int parent, const std::string& name);

}  // namespace amalgam::sandbox
