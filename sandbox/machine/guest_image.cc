#include "sandbox/machine/guest_image.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "configs/error.h"
#include "sandbox/files/file_tree.h"
#include "sandbox/images/debian_packages.h"
#include "sandbox/machine/guest/boot.h"
#include "sandbox/machine/guest_kernel.h"
#include "sandbox/machine/guest_program.h"

namespace amalgam::sandbox {
namespace {

// A cpio archive as the kernel unpacks it into its first root.
class InitramfsWriter {
 public:
  explicit InitramfsWriter(const std::string& path)
      : path_(path), archive_(archive_write_new(), archive_write_free) {
    archive_write_set_format_cpio_newc(archive_.get());
    archive_write_set_bytes_in_last_block(archive_.get(), 1);
    check(archive_write_open_filename(archive_.get(), path.c_str()));
  }

  void add_directory(const std::string& path, unsigned mode) { begin(path, AE_IFDIR, mode, 0); }
  void add_file(const std::string& path, unsigned mode, std::string_view content) {
    begin(path, AE_IFREG, mode, static_cast<int64_t>(content.size()));
    append(content);
  }
  void add_link(const std::string& path, const std::string& target) {
    begin(path, AE_IFLNK, 0777, 0, target.c_str());
  }
  void add_tree(int directory) {
    walk_tree(directory, [&](const TreeEntry& entry) {
      const unsigned mode = entry.status.st_mode & 07777;
      if (S_ISDIR(entry.status.st_mode)) add_directory(entry.path, mode);
      if (S_ISLNK(entry.status.st_mode)) add_link(entry.path, read_link(entry));
      if (S_ISREG(entry.status.st_mode)) {
        begin(entry.path, AE_IFREG, mode, entry.status.st_size);
        read_content(entry, [&](std::string_view bytes) { append(bytes); });
      }
      return true;
    });
  }
  void finish() { check(archive_write_close(archive_.get())); }

 private:
  void begin(const std::string& path, unsigned type, unsigned mode, int64_t size,
             const char* target = nullptr) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                         archive_entry_free);
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_filetype(entry.get(), type);
    archive_entry_set_perm(entry.get(), static_cast<mode_t>(mode));
    archive_entry_set_size(entry.get(), size);
    archive_entry_set_mtime(entry.get(), kLayerTime, 0);
    archive_entry_set_nlink(entry.get(), 1);
    archive_entry_set_ino64(entry.get(), ++num_entries_);
    if (target) archive_entry_set_symlink(entry.get(), target);
    check(archive_write_header(archive_.get(), entry.get()));
  }
  void append(std::string_view bytes) {
    while (!bytes.empty()) {
      const la_ssize_t n = archive_write_data(archive_.get(), bytes.data(), bytes.size());
      check(n > 0 ? ARCHIVE_OK : ARCHIVE_FATAL);
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  void check(int status) {
    if (status == ARCHIVE_OK) return;
    const char* const why = archive_error_string(archive_.get());
    throw Error(path_ + ": cannot be written: " + (why ? why : "unknown error"));
  }

  const std::string path_;
  const std::unique_ptr<archive, int (*)(archive*)> archive_;
  int64_t num_entries_ = 0;
};

void copy_file(const std::string& from, const std::string& to) {
  const Fd in(open(from.c_str(), O_RDONLY | O_CLOEXEC));
  const Fd out(open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  struct stat s {};
  bool ok = in && out && fstat(in.get(), &s) == 0;
  for (off_t at = 0; ok && at < s.st_size;)
    ok = copy_file_range(in.get(), &at, out.get(), nullptr, static_cast<size_t>(s.st_size - at),
                         0) > 0;
  if (!ok) throw Error("cannot copy " + from + " to " + to + ": " + std::strerror(errno));
}

// What the content depends on, without reading all of it.
std::string name_of(const GuestKernel& kernel) {
  struct stat s {};
  if (stat(kernel.image.c_str(), &s)) throw Error(kernel.image + ": " + std::strerror(errno));
  std::string parts = sha256_hex(guest_program()) + "\n" + kernel.image + " " +
                      std::to_string(s.st_size) + " " + std::to_string(s.st_mtime) + "\n";
  for (const std::string& package : python_image_versions()) parts += package + "\n";
  return sha256_hex(parts);
}

void write_initramfs(ImageStore* store, const GuestKernel& kernel, const std::string& path) {
  const std::string layer =
      store->folder() + "/layers/" + store->add_layer(Links::kAny, add_python_image);
  const Fd tree(open(layer.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!tree) throw Error(layer + ": " + std::strerror(errno));
  InitramfsWriter writer(path);
  writer.add_tree(tree.get());
  writer.add_file("init", 0755, guest_program());
  writer.add_directory(guest::kModulesFolder + 1, 0700);
  int number = 0;
  for (const KernelModule& module : read_port_modules(kernel)) {
    char order[16];
    std::snprintf(order, sizeof order, "%02d-", number++);
    writer.add_file(std::string(guest::kModulesFolder + 1) + "/" + order + module.name, 0600,
                    module.content);
  }
  writer.finish();
}

}  // namespace

GuestImage prepare_guest_image(ImageStore* store) {
  const GuestKernel kernel = find_guest_kernel();
  const std::string name = name_of(kernel);
  const std::string folder = store->make_machine(name, [&](const std::string& empty) {
    copy_file(kernel.image, empty + "/" + kKernelFile);
    write_initramfs(store, kernel, empty + "/" + kInitrdFile);
  });
  struct stat s {};
  const std::string initrd = folder + "/" + kInitrdFile;
  if (stat(initrd.c_str(), &s)) throw Error(initrd + ": " + std::strerror(errno));
  return {name, s.st_size};
}

}  // namespace amalgam::sandbox
