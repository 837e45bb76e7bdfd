#include "pipeline/data/jsonl.h"

#include <charconv>
#include <filesystem>
#include <iostream>
#include <vector>

#include "configs/error.h"

namespace amalgam::pipeline {

void for_each_line(const std::string& path,
                   const std::function<void(const std::string&, const std::string&)>& f) {
  const bool is_standard = path == kStandardStream;
  const std::string name = is_standard ? "standard input" : path;
  std::ifstream file;
  if (!is_standard) file.open(path);
  std::istream& in = is_standard ? std::cin : file;
  if (!in) throw Error(name + ": cannot be read; check the path");
  std::string line;
  for (int64_t number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    f(line, name + ":" + std::to_string(number));
  }
  if (in.bad()) throw Error(name + ": reading failed");
}

namespace {

// Where row number `rows` ends and how many there are, up to so many.
std::pair<size_t, uintmax_t> whole_rows(const std::string& path, size_t most) {
  std::ifstream in(path, std::ios::binary);
  size_t rows = 0;
  uintmax_t end = 0, at = 0;
  std::vector<char> block(1 << 20);
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
    const auto count = static_cast<size_t>(in.gcount());
    for (size_t i = 0; i < count && rows < most; ++i)
      if (block[i] == '\n') ++rows, end = at + i + 1;
    at += count;
  }
  return {rows, end};
}

}  // namespace

size_t num_whole_rows(const std::string& path) { return whole_rows(path, SIZE_MAX).first; }

RowWriter::RowWriter(const std::string& path, const std::string& input, size_t keep)
    : path_(path), out_(&file_) {
  std::error_code absent;
  if (input != kStandardStream && !std::filesystem::exists(input, absent))
    throw Error(input + ": cannot be read; check the path");
  if (path == kStandardStream) {
    path_ = "standard output";
    out_ = &std::cout;
    return;
  }
  if (std::filesystem::equivalent(path, input, absent))
    throw Error(path + ": is the input file too; write to another one");
  if (keep > 0) std::filesystem::resize_file(path, whole_rows(path, keep).second);
  file_.open(path, keep > 0 ? std::ios::app : std::ios::trunc);
  if (!file_) throw Error(path + ": cannot be written");
}

void RowWriter::write(const std::string& row) { *out_ << row << '\n'; }

void RowWriter::finish() {
  if (!out_->flush()) throw Error(path_ + ": writing failed; is the disk full?");
}

std::string float_text(float value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return std::string(text, end);
}

}  // namespace amalgam::pipeline
