// The Linux kernel of virtual machines: one that a package of the distribution installed here, or
// that tools/install_deps.sh unpacked for this purpose alone.
#pragma once
#include <string>
#include <vector>

namespace amalgam::sandbox {

struct GuestKernel {
  std::string image;    // the bootable file
  std::string modules;  // its folder of modules
};

// Where tools/install_deps.sh unpacks one: boot/ and lib/modules/ below it.
inline constexpr const char* kUnpackedKernelFolder = "/usr/local/lib/amalgam/kernel";

// The newest kernel below one of `roots`, those built for virtual machines ("cloud") first. Error
// that says what to install when there is none.
GuestKernel find_guest_kernel(const std::vector<std::string>& roots = {kUnpackedKernelFolder, ""});

struct KernelModule {
  std::string name;
  std::string content;  // not compressed
};
// The modules that a guest needs for its port to the owner, each behind those that it depends on;
// without those that are built in. Error when one is missing or damaged.
std::vector<KernelModule> read_port_modules(const GuestKernel& kernel);

}  // namespace amalgam::sandbox
