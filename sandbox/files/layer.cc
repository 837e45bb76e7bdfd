#include "sandbox/files/layer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <vector>

#include "configs/check.h"
#include "configs/error.h"
#include "configs/printable.h"
#include "sandbox/files/file_tree.h"

namespace amalgam::sandbox {
namespace {

constexpr size_t kMaxEntryPathBytes = 4000;
constexpr size_t kMaxTargetBytes = 4000;
constexpr int kMaxLinksFollowed = 40;
// Up to this many entries are brought to the disk one by one, more with the whole file system.
constexpr size_t kMaxSingleSyncs = 64;

Error entry_error(std::string_view path, std::string_view what) {
  return Error("layer entry " + printable(path) + ": " + std::string(what));
}

Error entry_errno(std::string_view path) { return entry_error(path, std::strerror(errno)); }

void set_layer_time(int parent, const std::string& name) {
  const timespec times[2] = {{kLayerTime, 0}, {kLayerTime, 0}};
  utimensat(parent, name.c_str(), times, AT_SYMLINK_NOFOLLOW);
}

std::string octal(unsigned mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%03o", mode);
  return text;
}

unsigned file_mode(unsigned mode) { return (mode & 0777) | 0400; }
unsigned directory_mode(unsigned mode) { return (mode & 0777) | 0700; }

// The canonical form of one entry; see layer.h.
void add_canonical(Sha256* hash, char kind, const std::string& path, unsigned mode,
                   const std::string& content) {
  std::string fields{kind};
  fields += '\0' + path + '\0';
  if (kind == 'd' || kind == 'D' || kind == 'f') fields += octal(mode) + '\0';
  if (kind == 'f' || kind == 'l') fields += content + '\0';
  hash->update(fields);
}

// The lexical place of a link's target; false when it climbs out of the tree.
bool place_of_target(const std::string& path, const std::string& target, std::string* place) {
  std::vector<std::string> parts;
  const auto apply = [&](const std::string& text) {
    for (size_t begin = 0; begin <= text.size();) {
      const size_t end = std::min(text.find('/', begin), text.size());
      const std::string part = text.substr(begin, end - begin);
      begin = end + 1;
      if (part.empty() || part == ".") continue;
      if (part != "..") {
        parts.push_back(part);
      } else if (parts.empty()) {
        return false;
      } else {
        parts.pop_back();
      }
    }
    return true;
  };
  const size_t slash = path.rfind('/');
  if (target[0] != '/' && slash != std::string::npos) apply(path.substr(0, slash));
  if (!apply(target)) return false;
  place->clear();
  for (const std::string& part : parts) *place += (place->empty() ? "" : "/") + part;
  return true;
}

}  // namespace

std::string plain_path(std::string_view path) {
  if (path.size() > kMaxEntryPathBytes) throw entry_error(path, "the path is too long");
  if (path.find('\0') != std::string_view::npos) throw entry_error(path, "a 0 byte in the path");
  if (path.starts_with('/')) throw entry_error(path, "an absolute path; only relative ones may be");
  std::string plain;
  int depth = 0;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") throw entry_error(path, "\"..\" in the path");
    if (part.size() > NAME_MAX) throw entry_error(path, "a name is too long");
    if (++depth > kMaxTreeDepth)
      throw entry_error(path.substr(0, NAME_MAX),
                        "folders are nested more than " + std::to_string(kMaxTreeDepth) + " deep");
    if (!plain.empty()) plain += '/';
    plain += part;
  }
  return plain;
}

LayerWriter::LayerWriter(int directory, Links links, const LayerLimits& limits)
    : root_(directory), links_(links), limits_(limits) {}

LayerWriter::~LayerWriter() {
  if (parent_ >= 0) close(parent_);
  if (file_ >= 0) close(file_);
}

int LayerWriter::parent_of(const std::string& path, std::string* name) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
  *name = path.substr(slash == std::string::npos ? 0 : slash + 1);
  if (parent_ >= 0 && folder == parent_path_) return parent_;
  Fd at(openat(root_, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!at) throw entry_errno(path);
  for (size_t begin = 0; begin < folder.size();) {
    const size_t end = std::min(folder.find('/', begin), folder.size());
    const std::string part = folder.substr(begin, end - begin);
    const std::string so_far = folder.substr(0, end);
    begin = end + 1;
    if (mkdirat(at.get(), part.c_str(), 0755) == 0) {
      if (fchmodat(at.get(), part.c_str(), 0755, 0)) throw entry_errno(path);
      entries_[so_far] = {'d', 0755, ""};
    } else if (errno != EEXIST) {
      throw entry_errno(path);
    }
    Fd next(openat(at.get(), part.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next)
      throw entry_error(path, "it lies below " + printable(so_far) + ", which is no folder");
    at = std::move(next);
  }
  if (parent_ >= 0) close(parent_);
  parent_ = fcntl(at.get(), F_DUPFD_CLOEXEC, 3);
  if (parent_ < 0) throw entry_errno(path);
  parent_path_ = folder;
  return parent_;
}

// The plain path of a new entry; what stood there, if it was no folder, is removed.
std::string LayerWriter::begin_entry(std::string_view path, int* parent, std::string* name) {
  CHECK_LT(file_, 0);
  std::string plain = plain_path(path);
  if (plain.empty()) throw entry_error(path, "the root itself can only be a folder");
  *parent = parent_of(plain, name);
  const auto old = entries_.find(plain);
  if (old != entries_.end()) {
    if (old->second.kind == 'd' || old->second.kind == 'D')
      throw entry_error(path, "it comes twice, once as a folder");
    if (unlinkat(*parent, name->c_str(), 0)) throw entry_errno(path);
    entries_.erase(old);
  }
  if (static_cast<int64_t>(entries_.size()) >= limits_.max_entries)
    throw Error("layer: more than " + std::to_string(limits_.max_entries) + " entries");
  return plain;
}

void LayerWriter::add_directory(std::string_view path, unsigned mode, Opaque opaque) {
  CHECK_LT(file_, 0);
  const std::string plain = plain_path(path);
  if (plain.empty()) return;  // the root's mode is not part of a layer
  std::string name;
  const int parent = parent_of(plain, &name);
  const auto old = entries_.find(plain);
  if (old != entries_.end() && old->second.kind != 'd' && old->second.kind != 'D')
    throw entry_error(path, "it comes twice, once as a folder");
  if (static_cast<int64_t>(entries_.size()) >= limits_.max_entries)
    throw Error("layer: more than " + std::to_string(limits_.max_entries) + " entries");
  if (mkdirat(parent, name.c_str(), 0755) && errno != EEXIST) throw entry_errno(path);
  if (fchmodat(parent, name.c_str(), directory_mode(mode), 0)) throw entry_errno(path);
  if (opaque == Opaque::kYes) {
    const Fd fd(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd || fsetxattr(fd.get(), "user.overlay.opaque", "y", 1, 0))
      throw entry_error(path, std::string("cannot be marked as replaced: ") + std::strerror(errno) +
                                  "; the store needs a file system with user attributes");
  }
  entries_[plain] = {opaque == Opaque::kYes ? 'D' : 'd', directory_mode(mode), ""};
}

void LayerWriter::begin_file(std::string_view path, unsigned mode) {
  int parent;
  std::string name;
  file_path_ = begin_entry(path, &parent, &name);
  file_ = openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file_ < 0) throw entry_errno(path);
  file_mode_ = file_mode(mode);
  file_bytes_ = 0;
  file_hash_ = Sha256();
}

void LayerWriter::append(std::string_view bytes) {
  CHECK_GE(file_, 0);
  num_bytes_ += static_cast<int64_t>(bytes.size());
  if (num_bytes_ > limits_.max_bytes)
    throw Error("layer: more than " + std::to_string(limits_.max_bytes) + " bytes of files");
  file_hash_.update(bytes);
  // Holes stay holes.
  if (bytes.size() >= 4096 && bytes.find_first_not_of('\0') == std::string_view::npos) {
    file_bytes_ += static_cast<int64_t>(bytes.size());
    return;
  }
  while (!bytes.empty()) {
    const ssize_t n = pwrite(file_, bytes.data(), bytes.size(), file_bytes_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw entry_errno(file_path_);
    bytes.remove_prefix(static_cast<size_t>(n));
    file_bytes_ += n;
  }
}

void LayerWriter::end_file() {
  CHECK_GE(file_, 0);
  const timespec times[2] = {{kLayerTime, 0}, {kLayerTime, 0}};
  if (ftruncate(file_, file_bytes_) || fchmod(file_, file_mode_) || futimens(file_, times))
    throw entry_errno(file_path_);
  close(std::exchange(file_, -1));
  entries_[file_path_] = {'f', file_mode_, file_hash_.hex()};
}

void LayerWriter::add_link(std::string_view path, const std::string& target) {
  if (target.empty() || target.size() > kMaxTargetBytes || target.find('\0') != std::string::npos)
    throw entry_error(path, "a link without a usable target");
  int parent;
  std::string name;
  const std::string plain = begin_entry(path, &parent, &name);
  std::string place;
  if (links_ == Links::kInside && !place_of_target(plain, target, &place))
    throw entry_error(path, "the link points outside, to " + printable(target));
  if (symlinkat(target.c_str(), parent, name.c_str())) throw entry_errno(path);
  set_layer_time(parent, name);
  entries_[plain] = {'l', 0, target};
}

void LayerWriter::add_whiteout(std::string_view path) {
  int parent;
  std::string name;
  const std::string plain = begin_entry(path, &parent, &name);
  if (mknodat(parent, name.c_str(), S_IFCHR, 0))
    throw entry_error(path, std::string("cannot be marked as removed: ") + std::strerror(errno) +
                                "; put the store on a local file system");
  set_layer_time(parent, name);
  entries_[plain] = {'w', 0, ""};
}

void LayerWriter::add_hard_link(std::string_view path, std::string_view existing) {
  const std::string source = plain_path(existing);
  const auto found = entries_.find(source);
  if (found == entries_.end() || found->second.kind != 'f')
    throw entry_error(
        path, "a hard link to " + printable(existing) + ", which is no earlier file of the layer");
  const Entry entry = found->second;
  std::string name, source_name;
  const int source_parent = fcntl(parent_of(source, &source_name), F_DUPFD_CLOEXEC, 3);
  const Fd closer(source_parent);
  if (plain_path(path) == source) return;
  int parent;
  const std::string plain = begin_entry(path, &parent, &name);
  if (linkat(source_parent, source_name.c_str(), parent, name.c_str(), 0)) throw entry_errno(path);
  entries_[plain] = entry;
}

// Whether a path names an entry, by way of the layer's own links.
bool LayerWriter::has_inside(std::string path) const {
  for (int followed = 0; followed <= kMaxLinksFollowed; ++followed) {
    if (path.empty()) return true;
    bool replaced = false;
    for (size_t end = 0; end < path.size() && !replaced;) {
      end = std::min(path.find('/', end + 1), path.size());
      const std::string so_far = path.substr(0, end);
      const auto entry = entries_.find(so_far);
      if (entry == entries_.end()) return false;
      if (entry->second.kind != 'l') continue;
      std::string place;
      if (!place_of_target(so_far, entry->second.content, &place)) return false;
      path = place + path.substr(end);
      if (path.starts_with('/')) path.erase(0, 1);
      replaced = true;
    }
    if (!replaced) return true;
  }
  return false;
}

void LayerWriter::check_links() const {
  for (const auto& [path, entry] : entries_) {
    std::string place;
    if (entry.kind == 'l' && entry.content[0] == '/' &&
        !(place_of_target(path, entry.content, &place) && has_inside(place)))
      throw entry_error(path, "the link points outside, to " + printable(entry.content));
  }
}

void LayerWriter::sync() const {
  if (entries_.size() > kMaxSingleSyncs) {
    if (syncfs(root_)) throw Error(std::string("cannot write a layer to disk: ") + strerror(errno));
    return;
  }
  const auto sync_one = [this](const std::string& path) {
    const Fd fd(openat(root_, path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd || fsync(fd.get())) throw entry_errno(path);
  };
  for (const auto& [path, entry] : entries_)
    if (entry.kind != 'l' && entry.kind != 'w') sync_one(path);
  sync_one(".");
}

std::string LayerWriter::finish() {
  CHECK_LT(file_, 0);
  if (links_ == Links::kInside) check_links();
  Sha256 hash;
  for (const auto& [path, entry] : entries_) {
    if (entry.kind == 'd' || entry.kind == 'D') set_layer_time(root_, path);
    add_canonical(&hash, entry.kind, path, entry.mode, entry.content);
  }
  fchmod(root_, 0755);
  set_layer_time(root_, ".");
  sync();
  return hash.hex();
}

bool add_link_or_file(const TreeEntry& entry, LayerWriter* layer) {
  if (S_ISLNK(entry.status.st_mode)) {
    layer->add_link(entry.path, read_link(entry));
  } else if (S_ISREG(entry.status.st_mode)) {
    layer->begin_file(entry.path, entry.status.st_mode & 07777);
    read_content(entry, [&](std::string_view bytes) { layer->append(bytes); });
    layer->end_file();
  } else {
    return false;
  }
  return true;
}

std::string digest_of_tree(int directory) {
  struct Item {
    char kind;
    unsigned mode;
    std::string content;
  };
  std::map<std::string, Item> items;  // byte order of whole paths, not of the walk
  walk_tree(directory, [&](const TreeEntry& entry) {
    const unsigned mode = entry.status.st_mode & 0777;
    if (S_ISDIR(entry.status.st_mode)) {
      items[entry.path] = {is_opaque(entry) ? 'D' : 'd', directory_mode(mode), ""};
    } else if (S_ISREG(entry.status.st_mode)) {
      Sha256 hash;
      read_content(entry, [&](std::string_view bytes) { hash.update(bytes); });
      items[entry.path] = {'f', file_mode(mode), hash.hex()};
    } else if (S_ISLNK(entry.status.st_mode)) {
      items[entry.path] = {'l', 0, read_link(entry)};
    } else {
      items[entry.path] = {entry.is_whiteout() ? 'w' : '?', 0, ""};
    }
    return true;
  });
  Sha256 hash;
  for (const auto& [path, item] : items)
    add_canonical(&hash, item.kind, path, item.mode, item.content);
  return hash.hex();
}

}  // namespace amalgam::sandbox
