// Layers: a file tree as an overlayfs lower directory, named by what is in it.
//
// Canonical form, whose SHA-256 is the digest: the entries in byte order of their paths, each as
// fields ended by a 0 byte:
//   "d" path mode            directory             "D" the same, hides what lower layers have there
//   "f" path mode sha256     regular file
//   "l" path target          symbolic link
//   "w" path                 whiteout: lower layers' entry of this path is gone
// Paths are relative. Modes are octal permission bits, with owner read (files) and rwx
// (directories) always set, so that a store can be read and removed. Owners, times, hard links and
// other attributes are not part of a layer: inside a sandbox all belongs to its user, and all times
// on disk are kLayerTime.
//
// The mistakes this invites, with hostile archives: writing through a link that the archive made
// before (Layer.IsNotWrittenThroughALink), and following ".." (Tar.RefusesHostileArchives).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "sandbox/files/sha256.h"

namespace amalgam::sandbox {

struct TreeEntry;

inline constexpr int64_t kLayerTime = 1;  // seconds since 1970

struct LayerLimits {
  int64_t max_bytes = int64_t{8} << 30;  // of all files, holes included
  int64_t max_entries = 1'000'000;
};

// kInside: links that lead out of the tree are refused, absolute ones when their target is not in
// it. kAny: the layer comes from a running system, whose links mean places of its whole root.
enum class Links { kInside, kAny };

// The path in its plain form ("./a//b/" -> "a/b", "." -> ""). Error for an absolute path, "..", a 0
// byte, or one that is too long.
std::string plain_path(std::string_view path);

// Writes one layer into an empty directory. Missing parents are made with mode 0755. Entries may
// come in any order; a file or link that comes again replaces the earlier one. Every function
// throws Error with one line that names the entry.
class LayerWriter {
 public:
  // directory: an open one, empty, ours alone; stays the caller's.
  LayerWriter(int directory, Links links, const LayerLimits& limits = {});
  ~LayerWriter();
  LayerWriter(const LayerWriter&) = delete;
  LayerWriter& operator=(const LayerWriter&) = delete;

  enum class Opaque { kNo, kYes };
  void add_directory(std::string_view path, unsigned mode, Opaque opaque = Opaque::kNo);
  void begin_file(std::string_view path, unsigned mode);
  void append(std::string_view bytes);
  void end_file();
  void add_link(std::string_view path, const std::string& target);
  void add_whiteout(std::string_view path);
  // A second name of a file that was added before.
  void add_hard_link(std::string_view path, std::string_view existing);

  // Checks links, sets times, brings everything to the disk. Returns the digest.
  std::string finish();

 private:
  // One entry's fields behind its path.
  struct Entry {
    char kind = 0;
    unsigned mode = 0;
    std::string content;  // digest of a file, target of a link
  };

  // The open parent of `path` and the last part of it.
  int parent_of(const std::string& path, std::string* name);
  std::string begin_entry(std::string_view path, int* parent, std::string* name);
  bool has_inside(std::string path) const;
  void check_links() const;
  void sync() const;

  const int root_;
  const Links links_;
  const LayerLimits limits_;
  std::map<std::string, Entry> entries_;  // by path
  std::string parent_path_;               // of parent_, without which "" is the root
  int parent_ = -1;
  int64_t num_bytes_ = 0;

  std::string file_path_;
  int file_ = -1;
  int64_t file_bytes_ = 0;
  unsigned file_mode_ = 0;
  Sha256 file_hash_;
};

// Adds what is a link or a regular file in another tree; false, and nothing is added, for the rest.
bool add_link_or_file(const TreeEntry& entry, LayerWriter* layer);

// The digest of a tree as it stands on disk, to find damage.
std::string digest_of_tree(int directory);

}  // namespace amalgam::sandbox
