#include "sandbox/images/snapshot.h"

#include <sys/statvfs.h>

#include "configs/error.h"
#include "sandbox/files/file_tree.h"
#include "sandbox/images/top_index.h"

namespace amalgam::sandbox {
namespace {

// Files may have holes, which cost nothing in a sandbox but are written out by a layer. In disk
// sizes.
constexpr int64_t kMaxDiskSizes = 2;

LayerLimits limits_of(int top) {
  struct statvfs s;
  LayerLimits limits;
  if (fstatvfs(top, &s) == 0)
    limits.max_bytes = kMaxDiskSizes * static_cast<int64_t>(s.f_blocks * s.f_frsize);
  return limits;
}

void add_top(int top, LayerWriter* layer) {
  walk_tree(top, [layer](const TreeEntry& entry) {
    if (entry.path == "dev") return false;  // the mount point that every sandbox makes
    if (entry.is_whiteout())
      layer->add_whiteout(entry.path);
    else if (S_ISDIR(entry.status.st_mode))
      layer->add_directory(entry.path, entry.status.st_mode & 07777,
                           is_opaque(entry) ? LayerWriter::Opaque::kYes : LayerWriter::Opaque::kNo);
    else
      add_link_or_file(entry, layer);
    return true;
  });
}

}  // namespace

Image snapshot(Sandbox* sandbox, const Image& base, ImageStore* store) {
  if (base.layers.empty()) throw Error("a snapshot needs a sandbox that was started on an image");
  int directory = -1;
  const Result opened = sandbox->open_top(&directory);
  const Fd top(directory);
  if (!top) throw Error("no snapshot: " + opened.detail + opened.err);
  const std::string layer = store->add_layer(
      Links::kAny, [&](LayerWriter* writer) { add_top(top.get(), writer); }, limits_of(top.get()));
  std::vector<std::string> layers = base.layers;
  layers.push_back(layer);
  return store->make_image(layers);
}

}  // namespace amalgam::sandbox
