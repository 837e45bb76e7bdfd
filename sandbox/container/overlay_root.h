// The root of a sandbox that was started on an image: overlayfs over the image's layers, with a
// private top on a tmpfs of limited size. Used by init (init.h) before it gives up its rights.
#pragma once
#include <cstdint>
#include <string>

namespace amalgam::sandbox {

// Where a slot shows the layers of its store.
inline constexpr const char* kLayersFolder = "/layers";

// Makes it the root of this mount namespace, with the present /dev and /proc, /work and /tmp, and
// enters /work. layers: digests, the highest first, with ":" between. Returns the open top
// directory (what the sandbox changes, in overlayfs's upper format); -1 with errno set and *what
// naming the step that failed.
int enter_overlay_root(const std::string& layers, int64_t disk_bytes, const char** what);

}  // namespace amalgam::sandbox
