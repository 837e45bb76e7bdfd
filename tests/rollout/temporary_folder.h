// A folder that is removed with its content.
#pragma once
#include <stdlib.h>

#include <filesystem>
#include <string>

namespace amalgam::rollout {

struct TemporaryFolder {
  TemporaryFolder() {
    path = (std::filesystem::temp_directory_path() / "rollout_test_XXXXXX").string();
    if (!::mkdtemp(path.data())) std::abort();
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string path;
};

}  // namespace amalgam::rollout
