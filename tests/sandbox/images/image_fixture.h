// A small image with a shell and the usual commands, for tests.
#pragma once
#include "sandbox/images/debian_packages.h"
#include "sandbox/images/image_store.h"
#include "tests/sandbox/fixture.h"
#include "tests/sandbox/test_files.h"

namespace amalgam::sandbox {

class ImageTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempDir;
    store_ = new ImageStore(*folder_ / "store");
    base_ = new Image(store_->make_image({store_->add_layer(Links::kAny, [](LayerWriter* layer) {
      add_packages(package_closure({"dash", "coreutils"}), layer);
      layer->begin_file("data/lower", 0644);
      layer->append("from the image\n");
      layer->end_file();
      layer->begin_file("data/folder/old", 0644);
      layer->end_file();
    })}));
  }
  static void TearDownTestSuite() {
    delete base_;
    delete store_;
    delete folder_;
  }

  static std::unique_ptr<Sandbox> start(const Image& image, const Limits& limits = {}) {
    std::string error;
    auto sandbox = create_on_image(limits, image, &error);
    EXPECT_NE(sandbox, nullptr) << error;
    return sandbox;
  }
  // What a script prints; with its error output and its end when it fails.
  static std::string sh(Sandbox& sandbox, const std::string& script) {
    const Result r = shell(sandbox, script);
    if (r.exit_code == 0 && r.outcome != Outcome::kSandboxFailed) return r.out;
    return r.out + r.err + r.detail + to_string(r.outcome);
  }

  static inline TempDir* folder_;
  static inline ImageStore* store_;
  static inline Image* base_;
};

}  // namespace amalgam::sandbox
