// Whether the kernel's virtual machine monitor can be used here.
#pragma once
#include <string>

namespace amalgam::sandbox {

inline constexpr const char* kKvmDevice = "/dev/kvm";

// Makes an empty virtual machine to find out: the device alone says little. So does that machine
// where the processor itself cannot virtualise (a KVM without hardware runs only kernels that were
// changed for it). "" or one line that says why not.
std::string why_no_kvm(const char* device = kKvmDevice);

}  // namespace amalgam::sandbox
