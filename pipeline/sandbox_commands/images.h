// `amalgam sandbox build` and `amalgam sandbox images`: the images that sandboxes start on.
#pragma once
#include <string>

#include "pipeline/command_line/options.h"
#include "sandbox/images/image_store.h"

namespace amalgam::pipeline {

// The store in this folder, or without one that of the user, below the user's home. Error when it
// cannot be used.
sandbox::ImageStore open_image_store(const std::string& folder);
void describe_store(OptionSet& options, std::string& store);

struct SandboxBuildOptions {
  static constexpr const char* kName = "build";
  static constexpr const char* kSummary = "make an image that sandboxes start on";
  static constexpr const char* kExamples =
      "  amalgam sandbox build                          # \"python\", from this machine's "
      "packages\n"
      "  amalgam sandbox build --name tools --from tools.tar\n"
      "  amalgam sandbox build --name mine --from my_folder --base python\n"
      "An image is a stack of read-only layers; a layer is named by what is in it. Without --from "
      "the\n"
      "layer holds Python and the usual commands, from the Debian packages installed here. A "
      "folder\n"
      "or a tar archive may hold files, folders and links that stay inside it.\n";

  std::string name, from, base, store;
  void describe(OptionSet& options);
};

// Prints the image's id. Throws Error for content that no layer may hold.
int run_sandbox_build(const SandboxBuildOptions& options);

struct SandboxImagesOptions {
  static constexpr const char* kName = "images";
  static constexpr const char* kSummary = "list the images, or check that they are undamaged";
  static constexpr const char* kExamples =
      "  amalgam sandbox images\n"
      "  amalgam sandbox images --verify\n";

  std::string store;
  bool verify = false;
  void describe(OptionSet& options);
};

// One line per image: the start of its id, the number of its layers, its names.
int run_sandbox_images(const SandboxImagesOptions& options);

}  // namespace amalgam::pipeline
