#include "sandbox/machine/guest_kernel.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string_view>

#include "configs/error.h"
#include "proto/append_file.h"

namespace amalgam::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kImagePrefix = "vmlinuz-";
// Both machine types' buses, and the port itself.
const char* const kPortModules[] = {"virtio_mmio", "virtio_pci", "virtio_console"};

// Release names in order of preference, the best first.
bool is_better(const std::string& a, const std::string& b) {
  const auto is_cloud = [](const std::string& s) { return s.find("cloud") != std::string::npos; };
  if (is_cloud(a) != is_cloud(b)) return is_cloud(a);
  return strverscmp(a.c_str(), b.c_str()) > 0;
}

// "drivers/virtio/virtio-rng.ko.xz" -> "virtio_rng"; empty for another kind of file.
std::string module_name(const fs::path& path) {
  std::string name = path.filename();
  const size_t end = name.find(".ko");
  if (end == std::string::npos) return {};
  name.resize(end);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// A file, decompressed when it is compressed.
std::string read_module(const std::string& path) {
  const std::unique_ptr<archive, int (*)(archive*)> holder(archive_read_new(), archive_read_free);
  archive* const a = holder.get();
  archive_read_support_format_raw(a);
  archive_read_support_filter_gzip(a);
  archive_read_support_filter_xz(a);
  archive_read_support_filter_zstd(a);
  archive_entry* entry = nullptr;
  std::string content;
  std::vector<char> buffer(128 << 10);
  bool ok = archive_read_open_filename(a, path.c_str(), buffer.size()) == ARCHIVE_OK &&
            archive_read_next_header(a, &entry) == ARCHIVE_OK;
  while (ok) {
    const la_ssize_t n = archive_read_data(a, buffer.data(), buffer.size());
    if (n == 0) break;
    ok = n > 0;
    if (ok) content.append(buffer.data(), static_cast<size_t>(n));
  }
  if (!ok || !content.starts_with("\x7f"
                                  "ELF"))
    throw Error("kernel module " + path + " is damaged; install its package again");
  return content;
}

// The names in a module's "depends=a,b".
std::vector<std::string> dependencies(const std::string& content) {
  constexpr std::string_view kKey("\0depends=", 9);
  const size_t at = content.find(kKey);
  if (at == std::string::npos) return {};
  std::vector<std::string> names(1);
  for (size_t i = at + kKey.size(); i < content.size() && content[i]; ++i) {
    if (content[i] == ',')
      names.emplace_back();
    else
      names.back() += content[i] == '-' ? '_' : content[i];
  }
  std::erase(names, "");
  return names;
}

class ModuleReader {
 public:
  explicit ModuleReader(const GuestKernel& kernel) : kernel_(kernel) {
    std::error_code error;
    for (fs::recursive_directory_iterator it(kernel.modules, error), end; !error && it != end;
         it.increment(error))
      if (const std::string name = module_name(it->path()); !name.empty())
        paths_.emplace(name, it->path());
    std::string builtin = proto::read_file(kernel.modules + "/modules.builtin");
    for (size_t begin = 0; begin < builtin.size();) {
      const size_t end = std::min(builtin.find('\n', begin), builtin.size());
      builtin_.insert(module_name(builtin.substr(begin, end - begin)));
      begin = end + 1;
    }
  }

  void add(const std::string& name) {
    if (builtin_.contains(name) || !done_.insert(name).second) return;
    const auto path = paths_.find(name);
    if (path == paths_.end())
      throw Error("kernel " + kernel_.image + " has no module " + name + " in " + kernel_.modules +
                  "; install linux-image-cloud-amd64");
    KernelModule module{name, read_module(path->second)};
    for (const std::string& needed : dependencies(module.content)) add(needed);
    modules_.push_back(std::move(module));
  }

  std::vector<KernelModule> take() { return std::move(modules_); }

 private:
  const GuestKernel& kernel_;
  std::map<std::string, std::string> paths_;
  std::set<std::string> builtin_, done_;
  std::vector<KernelModule> modules_;
};

}  // namespace

GuestKernel find_guest_kernel(const std::vector<std::string>& roots) {
  for (const std::string& root : roots) {
    std::vector<std::string> releases;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(root + "/boot", ignored)) {
      const std::string name = entry.path().filename();
      if (!name.starts_with(kImagePrefix) || access(entry.path().c_str(), R_OK)) continue;
      const std::string release = name.substr(kImagePrefix.size());
      if (fs::is_directory(root + "/lib/modules/" + release, ignored)) releases.push_back(release);
    }
    if (releases.empty()) continue;
    const std::string best = *std::min_element(releases.begin(), releases.end(), is_better);
    return {root + "/boot/vmlinuz-" + best, root + "/lib/modules/" + best};
  }
  throw Error(
      "a virtual machine needs a Linux kernel and there is none in /boot; as root run "
      "tools/install_deps.sh, or apt-get install linux-image-cloud-amd64");
}

std::vector<KernelModule> read_port_modules(const GuestKernel& kernel) {
  ModuleReader reader(kernel);
  for (const char* name : kPortModules) reader.add(name);
  return reader.take();
}

}  // namespace amalgam::sandbox
