// Files of a test.
#pragma once
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/error_of.h"
#include "tests/temp_dir.h"

namespace amalgam::sandbox {

inline void write_text(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

using tests::error_of;

}  // namespace amalgam::sandbox
