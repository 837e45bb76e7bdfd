// The private top of a sandbox: all that its commands have changed. In a sandbox on an image it is
// the upper directory of its overlay, otherwise the writable directory itself. This is init's part
// of it; the owner reads it in snapshot.h and top_index.h.
#pragma once
#include <sys/mount.h>

#include <string>

namespace amalgam::sandbox {

// Of its mounts. Each use of a file is to leave an access time, which top_index.h relies on.
inline constexpr unsigned long kTopMountFlags = MS_NOSUID | MS_NODEV | MS_STRICTATIME;

struct Top {
  int writable = -1;  // what only this sandbox has, in overlayfs's upper format
  int visible = -1;   // the same place as commands see it: the root or the writable directory
};

// Makes one entry below `visible` be what it was in another sandbox. mode: file type and permission
// bits as in stat; a directory keeps what is in it, S_IFCHR removes the entry if it is there.
// content: of a file, or the target of a link. Never follows a link. Returns an errno, 0 on
// success.
int apply_change(int visible, const std::string& path, unsigned mode, const std::string& content);

}  // namespace amalgam::sandbox
