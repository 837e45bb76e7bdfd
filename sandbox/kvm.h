// Whether the kernel's virtual machine monitor can be used here.
#pragma once
#include <string>

namespace amalgam::sandbox {

// Makes an empty virtual machine to find out: the device alone says little. "" or one line that
// says why not.
std::string why_no_kvm(const char* device = "/dev/kvm");

}  // namespace amalgam::sandbox
