// A folder of layers and images on disk:
//   layers/DIGEST/    a read-only tree (layer.h)
//   images/ID         the digests of its layers, lowest first, one a line; ID is the file's SHA-256
//   names/NAME        the ID of a named image
//   machines/NAME/    what virtual machines boot (guest_image.h); those that nobody used for an
//   hour
//                     go when another one is made
//   tmp/              what is being written
// Everything is written in tmp/, brought to the disk and then renamed, so after a crash an entry is
// whole or absent; leftovers of dead writers are removed when the store is opened. Any number of
// processes may use one store. The files belong to whoever runs this program; sandboxes see them as
// their own user's.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sandbox/files/layer.h"

namespace amalgam::sandbox {

// What a sandbox's root is made of.
struct Image {
  std::string id;
  std::vector<std::string> layers;  // digests, lowest first
  std::string store;                // the absolute folder of the store that holds them
};

// Overlayfs takes the names of all layers in one page.
inline constexpr size_t kMaxLayers = 50;

// The store of the user who runs this program, below the user's home. Error when there is no home.
std::string default_store_folder();

class ImageStore {
 public:
  // Opens or makes it. Error when the folder cannot be used.
  explicit ImageStore(const std::string& folder);

  // A new layer from what `fill` writes; from a directory; from a tar archive. Returns its digest.
  // A layer that is already there is not written again. Error as described in layer.h and tar.h.
  std::string add_layer(Links links, const std::function<void(LayerWriter*)>& fill,
                        const LayerLimits& limits = {});
  std::string add_directory(const std::string& path);
  std::string add_tar(const std::string& path);

  // The image of these layers, lowest first, of this store.
  Image make_image(const std::vector<std::string>& layers);
  // By name, by id or by the first 8 or more digits of an id. Error when there is none.
  Image find(const std::string& name) const;
  // Points a name (letters, digits, ".", "_", "-") at an image.
  void set_name(const std::string& name, const Image& image);

  struct Listed {
    std::string id;
    std::vector<std::string> names;
    size_t num_layers = 0;
  };
  // All images, by id.
  std::vector<Listed> list() const;

  // Error when a layer does not have the content that its name says.
  void verify(const Image& image) const;

  // The folder machines/NAME, filled by `fill` (given an empty folder) unless it is there already.
  std::string make_machine(const std::string& name,
                           const std::function<void(const std::string& folder)>& fill);
  std::string machines_folder() const { return folder_ + "/machines"; }

  const std::string& folder() const { return folder_; }

 private:
  void write_file(const std::string& path, const std::string& text) const;
  void remove_leftovers() const;
  void remove_unused_machines() const;

  std::string folder_;
};

}  // namespace amalgam::sandbox
