// The command line of a virtual machine.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/machine/guest_image.h"

namespace amalgam::sandbox {

inline constexpr const char* kQemu = "/usr/bin/qemu-system-x86_64";

enum class MachineType {
  kMicrovm,  // as little of a machine as Linux needs: no PCI, no firmware to speak of
  kPc        // QEMU's q35: a PC with BIOS, ACPI and PCI
};

// What runs the machine's processor.
enum class Accelerator { kKvm, kEmulation };

// The guest's port is QEMU's stdin and stdout. folder: where QEMU finds the image's files.
std::vector<std::string> qemu_command(MachineType type, Accelerator accelerator,
                                      int64_t memory_bytes, const std::string& folder);

}  // namespace amalgam::sandbox
