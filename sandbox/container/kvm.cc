#include "sandbox/container/kvm.h"

#include <cpuid.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

#include "sandbox/files/file_tree.h"

namespace amalgam::sandbox {

namespace {

bool has_hardware() {
  constexpr unsigned kVmx = 1 << 5, kSvm = 1 << 2;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) && (c & kVmx)) return true;
  return __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & kSvm);
}

}  // namespace

std::string why_no_kvm(const char* device) {
  const Fd kvm(open(device, O_RDWR | O_CLOEXEC));
  if (!kvm) return std::string(device) + ": " + std::strerror(errno);
  const int version = ioctl(kvm.get(), KVM_GET_API_VERSION, 0);
  if (version != KVM_API_VERSION)
    return std::string(device) + ": " +
           (version < 0 ? std::strerror(errno) : "an unknown version of its interface");
  const Fd machine(ioctl(kvm.get(), KVM_CREATE_VM, 0));
  if (!machine) return std::string(device) + ": cannot make a machine: " + std::strerror(errno);
  if (!has_hardware()) return "this processor has no virtualization";
  return {};
}

}  // namespace amalgam::sandbox
