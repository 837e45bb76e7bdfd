// The start of a virtual machine's guest, as its process 1: what a kernel with our initramfs
// (guest_image.h) leaves to do before a sandbox can be made and its owner be talked to.
#pragma once

namespace amalgam::sandbox::guest {

// The name of the virtio serial port to the owner.
inline constexpr const char* kPortName = "amalgam";
// Kernel modules in the initramfs, loaded in the order of their names.
inline constexpr const char* kModulesFolder = "/modules";

// Mounts /proc, /sys, /dev and the cgroups, and makes the initramfs a root that can be pivoted
// away. False with errno set and *what saying what failed.
bool mount_system(const char** what);
// Loads the modules and forbids any more.
bool load_modules(const char** what);
// The port, open for reading and writing; -1 when it does not appear in some seconds.
int open_port();

}  // namespace amalgam::sandbox::guest
