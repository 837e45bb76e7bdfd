#include "sandbox/machine/qemu.h"

#include <time.h>
#include <x86intrin.h>

#include "sandbox/machine/guest/boot.h"

namespace amalgam::sandbox {
namespace {

constexpr double kCalibrationSeconds = 0.02;

double seconds_now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// The frequency of the time stamp counter, which QEMU's emulation passes on. A microvm has no other
// clock by which its kernel could measure it.
int64_t tsc_khz() {
  static const int64_t khz = [] {
    const uint64_t begin = __rdtsc();
    const double begin_seconds = seconds_now();
    const timespec wait{0, static_cast<long>(kCalibrationSeconds * 1e9)};
    nanosleep(&wait, nullptr);
    const uint64_t ticks = __rdtsc() - begin;
    return static_cast<int64_t>(static_cast<double>(ticks) / (seconds_now() - begin_seconds) / 1e3);
  }();
  return khz;
}

}  // namespace

std::vector<std::string> qemu_command(MachineType type, Accelerator accelerator,
                                      int64_t memory_bytes, const std::string& folder) {
  const bool is_microvm = type == MachineType::kMicrovm, is_kvm = accelerator == Accelerator::kKvm;
  // Of hostile code's doing, an oops must not leave a kernel that half works.
  std::string kernel_options = "quiet panic=-1 oops=panic reboot=t";
  if (!is_kvm) kernel_options += " tsc_early_khz=" + std::to_string(tsc_khz());
  return {kQemu,
          "-machine",
          is_microvm ? "microvm,isa-serial=off,rtc=on"
                     : "q35,smbus=off,sata=off,usb=off,vmport=off,i8042=off",
          "-accel",
          is_kvm ? "kvm" : "tcg,tb-size=64",
          "-cpu",
          is_kvm ? "host" : "qemu64",
          "-m",
          std::to_string(memory_bytes >> 20) + "M",
          "-nodefaults",
          "-no-user-config",
          "-no-reboot",
          "-display",
          "none",
          "-kernel",
          folder + "/" + kKernelFile,
          "-initrd",
          folder + "/" + kInitrdFile,
          "-append",
          kernel_options,
          "-chardev",
          "stdio,id=owner,signal=off",
          "-device",
          is_microvm ? "virtio-serial-device" : "virtio-serial-pci",
          "-device",
          std::string("virtserialport,chardev=owner,name=") + guest::kPortName};
}

}  // namespace amalgam::sandbox
