#include "sandbox/images/image_store.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "configs/error.h"
#include "configs/printable.h"
#include "proto/append_file.h"
#include "sandbox/files/file_tree.h"
#include "sandbox/files/hex.h"
#include "sandbox/files/tar.h"

namespace amalgam::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr size_t kDigestDigits = 64;
constexpr size_t kMinShownDigits = 8;
constexpr time_t kUnusedSeconds = 3600;

Error store_error(const std::string& path) {
  return Error("image store: " + path + ": " + std::strerror(errno) +
               "; choose a folder that can be written with --store");
}

Fd open_folder(const std::string& path) {
  Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw store_error(path);
  return fd;
}

void sync_folder(const std::string& path) {
  const Fd fd = open_folder(path);
  if (fsync(fd.get())) throw store_error(path);
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

// A folder in tmp/ that is locked as long as its writer lives.
class Workplace {
 public:
  explicit Workplace(const std::string& tmp) : tmp_(tmp) {
    static std::atomic<int> counter = 0;
    for (;;) {
      name_ = std::to_string(getpid()) + "-" + std::to_string(counter++);
      if (mkdir(path().c_str(), 0700)) {
        if (errno == EEXIST) continue;
        throw store_error(path());
      }
      // Another process that opens the store may take it away before it is locked.
      folder_ = Fd(open(path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (folder_ && flock(folder_.get(), LOCK_EX | LOCK_NB) == 0 && is_still_there()) return;
    }
  }
  ~Workplace() {
    const Fd tmp(open(tmp_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (tmp) remove_tree(tmp.get(), name_);
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  std::string path() const { return tmp_ + "/" + name_; }

 private:
  bool is_still_there() const {
    struct stat opened, named;
    return fstat(folder_.get(), &opened) == 0 && stat(path().c_str(), &named) == 0 &&
           opened.st_ino == named.st_ino;
  }

  const std::string tmp_;
  std::string name_;
  Fd folder_;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace

std::string default_store_folder() {
  const passwd* const user = getpwuid(geteuid());
  if (!user || !user->pw_dir || user->pw_dir[0] != '/')
    throw Error("this user has no home for images; give a folder with --store");
  return std::string(user->pw_dir) + "/.local/share/amalgam/images";
}

ImageStore::ImageStore(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    errno = error.value();
    throw store_error(folder);
  }
  folder_ = fs::absolute(folder).lexically_normal();
  if (folder_.ends_with('/')) folder_.pop_back();
  for (const char* part : {"layers", "images", "names", "machines", "tmp"})
    if (mkdir((folder_ + "/" + part).c_str(), 0755) && errno != EEXIST)
      throw store_error(folder_ + "/" + part);
  remove_leftovers();
}

void ImageStore::remove_leftovers() const {
  const std::string tmp = folder_ + "/tmp";
  const Fd parent = open_folder(tmp);
  for (const std::string& name : names_in(tmp)) {
    const Fd fd(openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd && flock(fd.get(), LOCK_EX | LOCK_NB) == 0) remove_tree(parent.get(), name);
  }
}

std::string ImageStore::add_layer(Links links, const std::function<void(LayerWriter*)>& fill,
                                  const LayerLimits& limits) {
  const Workplace place(folder_ + "/tmp");
  const std::string tree = place.path() + "/layer";
  if (mkdir(tree.c_str(), 0755)) throw store_error(tree);
  std::string digest;
  {
    const Fd root = open_folder(tree);
    LayerWriter writer(root.get(), links, limits);
    fill(&writer);
    digest = writer.finish();
  }
  const std::string final_path = folder_ + "/layers/" + digest;
  if (rename(tree.c_str(), final_path.c_str()) && errno != ENOTEMPTY && errno != EEXIST)
    throw store_error(final_path);
  sync_folder(folder_ + "/layers");
  return digest;
}

std::string ImageStore::add_directory(const std::string& path) {
  const Fd source(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!source) throw Error(path + ": " + std::strerror(errno));
  return add_layer(Links::kInside, [&](LayerWriter* layer) {
    walk_tree(source.get(), [&](const TreeEntry& entry) {
      if (S_ISDIR(entry.status.st_mode))
        layer->add_directory(entry.path, entry.status.st_mode & 07777);
      else if (!add_link_or_file(entry, layer))
        throw Error(path + "/" + printable(entry.path) +
                    ": a device node, pipe or socket, which no layer may hold");
      return true;
    });
  });
}

std::string ImageStore::add_tar(const std::string& path) {
  return add_layer(Links::kInside, [&](LayerWriter* layer) { read_tar(path, layer); });
}

void ImageStore::write_file(const std::string& path, const std::string& text) const {
  const Workplace place(folder_ + "/tmp");
  const std::string temporary = place.path() + "/file";
  proto::write_file_atomically(temporary, text);
  const Fd fd(open(temporary.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || fsync(fd.get()) || rename(temporary.c_str(), path.c_str())) throw store_error(path);
  sync_folder(fs::path(path).parent_path());
}

Image ImageStore::make_image(const std::vector<std::string>& layers) {
  if (layers.empty()) throw Error("an image needs at least one layer");
  if (layers.size() > kMaxLayers)
    throw Error("an image can have at most " + std::to_string(kMaxLayers) +
                " layers; import its content as one directory");
  std::string text;
  for (const std::string& digest : layers) {
    if (!fs::is_directory(folder_ + "/layers/" + digest))
      throw Error("image store " + folder_ + " has no layer " + printable(digest));
    text += digest + "\n";
  }
  const std::string id = sha256_hex(text);
  write_file(folder_ + "/images/" + id, text);  // again, as it may be damaged
  return {id, layers, folder_};
}

Image ImageStore::find(const std::string& name) const {
  std::string id;
  const bool is_name = !name.empty() && name.find('/') == std::string::npos && name[0] != '.';
  if (is_name && fs::exists(folder_ + "/names/" + name)) {
    id = proto::read_file(folder_ + "/names/" + name);
    if (!fs::exists(folder_ + "/images/" + id) || id.size() != kDigestDigits || !is_hex(id))
      throw Error("image name " + name + " of " + folder_ + " is damaged; build it again");
  }
  if (id.empty() && name.size() >= kMinShownDigits && name.size() <= kDigestDigits &&
      is_hex(name)) {
    for (const std::string& candidate : names_in(folder_ + "/images")) {
      if (!candidate.starts_with(name)) continue;
      if (!id.empty()) throw Error("more than one image starts with " + name + "; give more of it");
      id = candidate;
    }
  }
  if (id.empty())
    throw Error("image store " + folder_ + " has no image " + printable(name) +
                "; `amalgam sandbox images` lists them, `amalgam sandbox build` makes them");
  const std::string text = proto::read_file(folder_ + "/images/" + id);
  if (sha256_hex(text) != id)
    throw Error("image " + id + " of " + folder_ + " is damaged; build it again");
  const Image image{id, lines_of(text), folder_};
  for (const std::string& digest : image.layers)
    if (!fs::is_directory(folder_ + "/layers/" + digest))
      throw Error("image " + printable(name) + " of " + folder_ + " has lost its layer " + digest +
                  "; build it again");
  return image;
}

std::string ImageStore::make_machine(const std::string& name,
                                     const std::function<void(const std::string& folder)>& fill) {
  const std::string path = machines_folder() + "/" + name;
  // Its time says when it was last used.
  if (utimensat(AT_FDCWD, path.c_str(), nullptr, 0) == 0) return path;
  remove_unused_machines();
  const Workplace place(folder_ + "/tmp");
  const std::string made = place.path() + "/machine";
  if (mkdir(made.c_str(), 0755)) throw store_error(made);
  fill(made);
  for (const std::string& file : names_in(made)) {
    const Fd fd(open((made + "/" + file).c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd || fsync(fd.get())) throw store_error(made);
  }
  if (rename(made.c_str(), path.c_str()) && errno != ENOTEMPTY && errno != EEXIST)
    throw store_error(path);
  sync_folder(machines_folder());
  return path;
}

void ImageStore::remove_unused_machines() const {
  const Fd parent = open_folder(machines_folder());
  struct stat s;
  for (const std::string& name : names_in(machines_folder()))
    if (fstatat(parent.get(), name.c_str(), &s, AT_SYMLINK_NOFOLLOW) == 0 &&
        time(nullptr) - s.st_mtime > kUnusedSeconds)
      remove_tree(parent.get(), name);
}

void ImageStore::set_name(const std::string& name, const Image& image) {
  constexpr const char* kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (name.empty() || name.size() > 100 || name[0] == '.' || name[0] == '-' ||
      name.find_first_not_of(kAllowed) != std::string::npos)
    throw Error("image name " + printable(name) +
                ": use letters, digits, \".\", \"_\" and \"-\", starting with a letter or digit");
  write_file(folder_ + "/names/" + name, image.id);
}

std::vector<ImageStore::Listed> ImageStore::list() const {
  std::vector<Listed> all;
  for (const std::string& id : names_in(folder_ + "/images"))
    all.push_back({id, {}, lines_of(proto::read_file(folder_ + "/images/" + id)).size()});
  for (const std::string& name : names_in(folder_ + "/names")) {
    const std::string id = proto::read_file(folder_ + "/names/" + name);
    for (Listed& image : all)
      if (image.id == id) image.names.push_back(name);
  }
  return all;
}

void ImageStore::verify(const Image& image) const {
  for (const std::string& digest : image.layers) {
    const Fd layer = open_folder(folder_ + "/layers/" + digest);
    if (digest_of_tree(layer.get()) != digest)
      throw Error("layer " + digest + " of " + folder_ +
                  " is damaged; remove its folder and build it again");
  }
}

}  // namespace amalgam::sandbox
