#include "sandbox/images/debian_packages.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>

#include "configs/error.h"
#include "proto/append_file.h"

namespace amalgam::sandbox {
namespace {

namespace fs = std::filesystem;

// Used by installation scripts alone; with them would come Perl.
const std::set<std::string> kNotAtRunTime = {"dpkg",     "debconf", "debconf-2.0",
                                             "cdebconf", "mailcap", "ucf"};
constexpr std::string_view kKeptFolders[] = {
    "/bin/",       "/sbin/", "/lib", "/usr/bin/", "/usr/sbin/", "/usr/lib", "/usr/share/zoneinfo/",
    "/etc/python3"};
const std::vector<std::string> kPythonImage = {"python3", "dash",      "coreutils", "grep",
                                               "sed",     "findutils", "diffutils", "mawk"};

struct Package {
  bool is_installed = false;
  std::string version;
  std::vector<std::vector<std::string>> needs;  // all of the alternatives of each
};

std::string trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1));
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(trimmed(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return parts;
}

// "libc6:any (>= 2.36)" -> "libc6"
std::string name_of(const std::string& dependency) {
  return dependency.substr(0, dependency.find_first_of(" (:["));
}

class Database {
 public:
  explicit Database(const std::string& admin) {
    const std::string text = proto::read_file(admin + "/status");
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find("\n\n", begin), text.size());
      read_stanza(std::string_view(text).substr(begin, end - begin));
      begin = end + 2;
    }
  }

  // The installed package of this name, or one that provides it; empty when there is none.
  std::string installed(const std::string& name) const {
    const auto package = packages_.find(name);
    if (package != packages_.end() && package->second.is_installed) return name;
    const auto provider = providers_.find(name);
    return provider == providers_.end() ? "" : provider->second;
  }

  const Package& at(const std::string& name) const { return packages_.at(name); }

 private:
  void read_stanza(std::string_view stanza) {
    std::map<std::string, std::string> fields;
    std::string key;
    for (size_t begin = 0; begin < stanza.size();) {
      const size_t end = std::min(stanza.find('\n', begin), stanza.size());
      const std::string_view line = stanza.substr(begin, end - begin);
      begin = end + 1;
      const size_t colon = line.find(':');
      if (line.starts_with(' ') || colon == std::string_view::npos) {
        fields[key] += line;
        continue;
      }
      key = line.substr(0, colon);
      fields[key] = trimmed(line.substr(colon + 1));
    }
    Package package;
    package.is_installed = fields["Status"].ends_with(" installed");
    package.version = fields["Version"];
    for (const char* field : {"Pre-Depends", "Depends"})
      for (const std::string& need : split(fields[field], ','))
        if (!need.empty()) package.needs.push_back(split(need, '|'));
    if (package.is_installed)
      for (const std::string& provided : split(fields["Provides"], ','))
        providers_.emplace(name_of(provided), fields["Package"]);
    // Of several architectures the first one installed counts.
    Package& known = packages_[fields["Package"]];
    if (!known.is_installed) known = std::move(package);
  }

  std::map<std::string, Package> packages_;
  std::map<std::string, std::string> providers_;
};

bool is_kept(const std::string& path) {
  return std::any_of(std::begin(kKeptFolders), std::end(kKeptFolders),
                     [&](std::string_view folder) { return path.starts_with(folder); });
}

std::vector<std::string> files_of(const std::string& package) {
  const std::string info = "/var/lib/dpkg/info/" + package;
  for (const char* suffix : {".list", ":amd64.list"})
    if (fs::exists(info + suffix)) return split(proto::read_file(info + suffix), '\n');
  throw Error("package " + package + ": its list of files is missing in /var/lib/dpkg/info");
}

// A compiled module names the time of its source, which in a layer is kLayerTime.
// Header: magic number, flags, time, size, each 4 bytes; flags 0: valid by time.
std::string with_layer_time(std::string pyc) {
  uint32_t flags = 1;
  if (pyc.size() >= 16) std::memcpy(&flags, &pyc[4], sizeof flags);
  const auto time = static_cast<uint32_t>(kLayerTime);
  if (flags == 0) std::memcpy(&pyc[8], &time, sizeof time);
  return pyc;
}

class PackageFiles {
 public:
  explicit PackageFiles(LayerWriter* layer) : layer_(layer) {}

  void add(const std::string& listed) {
    if (listed.size() < 2 || !is_kept(listed)) return;
    const fs::path path(listed);
    std::error_code error;
    // /lib/x is /usr/lib/x where /lib is a link.
    const fs::path parent = fs::canonical(path.parent_path(), error);
    if (error) return;
    const std::string real = (parent / path.filename()).string();
    struct stat s;
    if (lstat(real.c_str(), &s) || !done_.insert(real).second) return;
    if (S_ISLNK(s.st_mode)) layer_->add_link(real.substr(1), fs::read_symlink(real));
    if (!S_ISREG(s.st_mode)) return;
    write(real, s.st_mode, proto::read_file(real));
    if (real.ends_with(".py")) add_compiled(parent / "__pycache__", path.stem(), s);
  }

 private:
  void write(const std::string& path, unsigned mode, const std::string& content) {
    layer_->begin_file(path.substr(1), mode & 0777);
    layer_->append(content);
    layer_->end_file();
  }

  // Made when the package was installed, so not in its list.
  void add_compiled(const fs::path& cache, const std::string& module, const struct stat& source) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(cache, error)) {
      const std::string path = entry.path(), name = entry.path().filename();
      if (!name.starts_with(module + ".cpython-") || !name.ends_with(".pyc")) continue;
      std::string pyc = proto::read_file(path);
      uint32_t time = 0;
      if (pyc.size() >= 16) std::memcpy(&time, &pyc[8], sizeof time);
      // One that is out of date here would be valid there.
      if (time == static_cast<uint32_t>(source.st_mtime) && done_.insert(path).second)
        write(path, 0644, with_layer_time(std::move(pyc)));
    }
  }

  LayerWriter* const layer_;
  std::set<std::string> done_;
};

std::vector<std::string> closure_of(const std::vector<std::string>& names,
                                    const Database& database) {
  std::vector<std::string> closure;
  std::set<std::string> known;
  const auto add = [&](const std::string& name, const std::string& wanted_by) {
    const std::string package = database.installed(name);
    if (package.empty())
      throw Error("package " + name + wanted_by +
                  " is not installed; as root run: apt-get install " + name);
    if (known.insert(package).second) closure.push_back(package);
  };
  for (const std::string& name : names) add(name, "");
  for (size_t i = 0; i < closure.size(); ++i) {
    for (const auto& alternatives : database.at(closure[i]).needs) {
      std::string chosen = name_of(alternatives[0]);
      for (const std::string& alternative : alternatives) {
        const std::string name = name_of(alternative);
        if (kNotAtRunTime.contains(name) || database.installed(name).empty()) continue;
        chosen = name;
        break;
      }
      if (!kNotAtRunTime.contains(chosen)) add(chosen, ", which " + closure[i] + " needs,");
    }
  }
  return closure;
}

}  // namespace

std::vector<std::string> package_closure(const std::vector<std::string>& names,
                                         const std::string& admin) {
  return closure_of(names, Database(admin));
}

std::vector<std::string> python_image_versions() {
  const Database database("/var/lib/dpkg");
  std::vector<std::string> versions = closure_of(kPythonImage, database);
  for (std::string& package : versions) package += " " + database.at(package).version;
  return versions;
}

void add_packages(const std::vector<std::string>& packages, LayerWriter* layer) {
  PackageFiles files(layer);
  for (const std::string& package : packages)
    for (const std::string& path : files_of(package)) files.add(path);
  for (const char* folder : {"bin", "sbin", "lib", "lib64"}) {
    const std::string path = std::string("/") + folder;
    if (fs::is_symlink(path)) layer->add_link(folder, fs::read_symlink(path));
  }
}

void add_python_image(LayerWriter* layer) {
  add_packages(package_closure(kPythonImage), layer);
  const auto add_text = [layer](const char* path, std::string_view text) {
    layer->begin_file(path, 0644);
    layer->append(text);
    layer->end_file();
  };
  add_text("etc/passwd", "work:x:1000:1000::/work:/bin/sh\n");
  add_text("etc/group", "work:x:1000:\n");
  layer->add_directory("work", 0755);
  layer->add_directory("tmp", 0777);
}

}  // namespace amalgam::sandbox
