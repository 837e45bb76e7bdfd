#include "pipeline/sandbox_commands/images.h"

#include <cstdio>
#include <filesystem>

#include "configs/error.h"
#include "sandbox/images/debian_packages.h"

namespace amalgam::pipeline {
namespace {

constexpr size_t kShownDigits = 12;

std::string add_layer(sandbox::ImageStore* store, const std::string& from) {
  if (from.empty()) return store->add_layer(sandbox::Links::kAny, sandbox::add_python_image);
  std::error_code ignored;
  if (std::filesystem::is_directory(from, ignored)) return store->add_directory(from);
  if (std::filesystem::is_regular_file(from, ignored)) return store->add_tar(from);
  throw Error("sandbox build: --from " + from + " is neither a folder nor a file");
}

}  // namespace

sandbox::ImageStore open_image_store(const std::string& folder) {
  return sandbox::ImageStore(folder.empty() ? sandbox::default_store_folder() : folder);
}

void describe_store(OptionSet& options, std::string& store) {
  options.option("--store", store, "folder of the images (~/.local/share/amalgam/images)");
}

void SandboxBuildOptions::describe(OptionSet& options) {
  options.option("--name", name, "name of the image (without --from: python)");
  options.option("--from", from, "a folder or a tar archive that becomes the layer");
  options.option("--base", base, "image on which the layer is put");
  describe_store(options, store);
}

int run_sandbox_build(const SandboxBuildOptions& options) {
  if (options.name.empty() && !options.from.empty())
    throw Error("sandbox build: name the image with --name");
  sandbox::ImageStore store = open_image_store(options.store);
  std::vector<std::string> layers;
  if (!options.base.empty()) layers = store.find(options.base).layers;
  layers.push_back(add_layer(&store, options.from));
  const sandbox::Image image = store.make_image(layers);
  const std::string name = options.name.empty() ? "python" : options.name;
  store.set_name(name, image);
  std::printf("%s  %zu layer%s  %s\n", image.id.substr(0, kShownDigits).c_str(), layers.size(),
              layers.size() == 1 ? "" : "s", name.c_str());
  return 0;
}

void SandboxImagesOptions::describe(OptionSet& options) {
  options.flag("--verify", verify, "read every file and compare it with its layer's name");
  describe_store(options, store);
}

int run_sandbox_images(const SandboxImagesOptions& options) {
  const sandbox::ImageStore store = open_image_store(options.store);
  for (const auto& image : store.list()) {
    if (options.verify) store.verify(store.find(image.id));
    std::string names;
    for (const std::string& name : image.names) names += " " + name;
    std::printf("%s  %zu layer%s %s\n", image.id.substr(0, kShownDigits).c_str(), image.num_layers,
                image.num_layers == 1 ? "" : "s", names.c_str());
  }
  return 0;
}

}  // namespace amalgam::pipeline
