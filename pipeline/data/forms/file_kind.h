// What a file is, told by its first bytes and not by its name.
#pragma once
#include <cstddef>
#include <string_view>

namespace amalgam::pipeline {

constexpr size_t kFileHeadBytes = 64;  // enough to tell

enum class FileKind {
  kText,
  kGzip,
  kZstd,
  kParquet,
  kArrowFile,
  kArrowStream,
  // Not read:
  kUtf16,
  kXz,
  kBzip2,
  kZip,
  kLfsPointer
};

FileKind file_kind(std::string_view head);

// "UTF-16", "a zip file", …
const char* to_string(FileKind kind);

// What to do about a file of a kind that is not read; empty for the others.
const char* advice(FileKind kind);

}  // namespace amalgam::pipeline
