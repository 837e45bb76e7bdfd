#include "pipeline/data/forms/file_kind.h"

#include <cstdint>

namespace amalgam::pipeline {
namespace {

using namespace std::string_view_literals;

bool is_zstd(std::string_view head) {
  if (head.size() < 4) return false;
  // A frame, or one to be skipped: its magic number has 16 forms.
  return head.starts_with("\x28\xB5\x2F\xFD"sv) ||
         ((static_cast<unsigned char>(head[0]) & 0xF0) == 0x50 &&
          head.substr(1, 3) == "\x2A\x4D\x18"sv);
}

}  // namespace

FileKind file_kind(std::string_view head) {
  if (head.starts_with("PAR1"sv)) return FileKind::kParquet;
  if (head.starts_with("ARROW1"sv)) return FileKind::kArrowFile;
  if (head.starts_with("\xFF\xFF\xFF\xFF"sv)) return FileKind::kArrowStream;
  if (head.starts_with("\x1F\x8B"sv)) return FileKind::kGzip;
  if (is_zstd(head)) return FileKind::kZstd;
  if (head.starts_with("\xFD"
                       "7zXZ\0"sv))
    return FileKind::kXz;
  if (head.size() >= 4 && head.starts_with("BZh"sv) && head[3] >= '1' && head[3] <= '9')
    return FileKind::kBzip2;
  for (const std::string_view magic : {"PK\3\4"sv, "PK\5\6"sv, "PK\7\10"sv})
    if (head.starts_with(magic)) return FileKind::kZip;
  if (head.starts_with("version https://git-lfs.github.com/spec/"sv)) return FileKind::kLfsPointer;
  // With a byte-order mark, or without one: then every second byte of ASCII is 0.
  if (head.starts_with("\xFF\xFE"sv) || head.starts_with("\xFE\xFF"sv) ||
      (head.size() >= 2 && (head[0] == 0) != (head[1] == 0)))
    return FileKind::kUtf16;
  return FileKind::kText;
}

const char* to_string(FileKind kind) {
  switch (kind) {
    case FileKind::kText:
      return "text";
    case FileKind::kGzip:
      return "a gzip file";
    case FileKind::kZstd:
      return "a zstd file";
    case FileKind::kParquet:
      return "a parquet file";
    case FileKind::kArrowFile:
      return "an Arrow file";
    case FileKind::kArrowStream:
      return "an Arrow stream";
    case FileKind::kUtf16:
      return "UTF-16";
    case FileKind::kXz:
      return "an xz file";
    case FileKind::kBzip2:
      return "a bz2 file";
    case FileKind::kZip:
      return "a zip file";
    case FileKind::kLfsPointer:
      return "a Git LFS pointer";
  }
  return "";
}

const char* advice(FileKind kind) {
  switch (kind) {
    case FileKind::kUtf16:
      return "write it as UTF-8";
    case FileKind::kXz:
    case FileKind::kBzip2:
    case FileKind::kZip:
      return "unpack it, or use gzip or zstd";
    case FileKind::kLfsPointer:
      return "get the data itself with `git lfs pull`";
    default:
      return "";
  }
}

}  // namespace amalgam::pipeline
