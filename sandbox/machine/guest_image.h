// What a virtual machine boots: a kernel and an initramfs with the default Python image
// (debian_packages.h), the guest program and the kernel modules of its port. Made once per content
// and kept in the image store as machines/NAME; NAME is a digest of what they are made of.
#pragma once
#include <cstdint>
#include <string>

#include "sandbox/images/image_store.h"

namespace amalgam::sandbox {

struct GuestImage {
  std::string name;          // of its folder in store.machines_folder()
  int64_t initrd_bytes = 0;  // of the initramfs; its files take as much memory again
};
inline constexpr const char* kKernelFile = "kernel";
inline constexpr const char* kInitrdFile = "initrd";

// Takes some seconds the first time. Error when a package or the kernel is missing.
GuestImage prepare_guest_image(ImageStore* store);

}  // namespace amalgam::sandbox
