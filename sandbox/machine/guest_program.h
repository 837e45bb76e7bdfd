// The program that is process 1 of a virtual machine's guest (guest/main.cc), as this program
// carries it: a static executable.
#pragma once
#include <string_view>

namespace amalgam::sandbox {

std::string_view guest_program();

}  // namespace amalgam::sandbox
