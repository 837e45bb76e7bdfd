#include "sandbox/machine/guest_program.h"

// AMALGAM_SANDBOX_GUEST: the executable's path, from the build.
asm(".section .rodata\n"
    ".balign 16\n"
    "amalgam_guest_program_begin:\n"
    ".incbin \"" AMALGAM_SANDBOX_GUEST
    "\"\n"
    "amalgam_guest_program_end:\n"
    ".text\n");

extern "C" const char amalgam_guest_program_begin[], amalgam_guest_program_end[];

namespace amalgam::sandbox {

std::string_view guest_program() {
  return {amalgam_guest_program_begin,
          static_cast<size_t>(amalgam_guest_program_end - amalgam_guest_program_begin)};
}

}  // namespace amalgam::sandbox
