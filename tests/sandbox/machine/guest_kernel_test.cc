// Finding the kernel of virtual machines and the modules of their port, in made-up roots.
#include "sandbox/machine/guest_kernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sandbox/test_files.h"

namespace amalgam::sandbox {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

void add_kernel(const std::string& root, const std::string& release) {
  write_text(root + "/boot/vmlinuz-" + release, "kernel");
  write_text(root + "/lib/modules/" + release + "/modules.builtin",
             "kernel/drivers/virtio/virtio_mmio.ko\n");
}

std::string module(const std::string& depends) {
  return std::string(
             "\x7f"
             "ELF\0license=GPL\0depends=",
             25) +
         depends + std::string(1, '\0') + "more";
}

TEST(GuestKernel, TheNewestForVirtualMachinesIsChosen) {
  const TempDir folder;
  const std::string root = folder.path();
  add_kernel(root, "6.1.0-9-amd64");
  EXPECT_EQ(find_guest_kernel({root}).image, root + "/boot/vmlinuz-6.1.0-9-amd64");
  add_kernel(root, "6.1.0-9-cloud-amd64");
  add_kernel(root, "6.1.0-10-cloud-amd64");
  add_kernel(root, "6.2.0-1-amd64");
  write_text(root + "/boot/vmlinuz-6.9.0-1-cloud-amd64", "a kernel without modules");
  const GuestKernel kernel = find_guest_kernel({root});
  EXPECT_EQ(kernel.image, root + "/boot/vmlinuz-6.1.0-10-cloud-amd64");
  EXPECT_EQ(kernel.modules, root + "/lib/modules/6.1.0-10-cloud-amd64");
  // The first root that has one counts.
  const TempDir other;
  EXPECT_EQ(find_guest_kernel({other.path(), root}).image, kernel.image);
  add_kernel(other.path(), "5.0.0-amd64");
  EXPECT_EQ(find_guest_kernel({other.path(), root}).image, other / "boot/vmlinuz-5.0.0-amd64");
}

TEST(GuestKernel, WithoutOneTheErrorSaysWhatToInstall) {
  const TempDir folder;
  const std::string error = error_of([&] { find_guest_kernel({folder.path()}); });
  EXPECT_THAT(error, HasSubstr("apt-get install linux-image-cloud-amd64"));
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

TEST(GuestKernel, ModulesComeBehindWhatTheyNeed) {
  const TempDir folder;
  add_kernel(folder.path(), "1");
  const std::string modules = folder / "lib/modules/1/";
  write_text(modules + "kernel/virtio_pci.ko", module("virtio_pci_legacy-dev,virtio"));
  write_text(modules + "kernel/virtio-pci-legacy-dev.ko", module("virtio_mmio"));  // built in
  write_text(modules + "kernel/deep/virtio.ko", module("virtio_ring"));
  write_text(modules + "kernel/deep/virtio_ring.ko", module(""));
  write_text(modules + "kernel/virtio_console.ko", module("virtio,virtio_ring"));
  write_text(modules + "kernel/virtio_net.ko", module("virtio"));  // nobody's
  const GuestKernel kernel = find_guest_kernel({folder.path()});
  const auto names = [&] {
    std::vector<std::string> found;
    for (const KernelModule& m : read_port_modules(kernel)) found.push_back(m.name);
    return found;
  };
  const auto expected =
      ElementsAre("virtio_pci_legacy_dev", "virtio_ring", "virtio", "virtio_pci", "virtio_console");
  EXPECT_THAT(names(), expected);

  const std::string ring = modules + "kernel/deep/virtio_ring.ko";
  ASSERT_EQ(std::system(("/bin/gzip " + ring).c_str()), 0);
  EXPECT_THAT(names(), expected);
  EXPECT_EQ(read_port_modules(kernel)[1].content, module("")) << "it has to be decompressed";

  write_text(ring + ".gz", "no archive");
  EXPECT_THAT(error_of(names), HasSubstr("virtio_ring.ko.gz is damaged"));
  std::filesystem::remove(ring + ".gz");
  EXPECT_THAT(error_of(names), HasSubstr("has no module virtio_ring"));
}

}  // namespace
}  // namespace amalgam::sandbox
