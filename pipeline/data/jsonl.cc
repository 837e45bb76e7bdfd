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

// Cuts a torn row off the end; how many are left.
size_t keep_whole_rows(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  size_t rows = 0;
  int64_t whole = 0, at = 0;
  std::vector<char> block(1 << 20);
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
    for (int64_t i = 0; i < in.gcount(); ++i)
      if (block[static_cast<size_t>(i)] == '\n') ++rows, whole = at + i + 1;
    at += in.gcount();
  }
  if (whole < at) std::filesystem::resize_file(path, static_cast<uintmax_t>(whole));
  return rows;
}

}  // namespace

RowWriter::RowWriter(const std::string& path, const std::string& input, bool resume)
    : path_(path), out_(&file_) {
  std::error_code absent;
  if (input != kStandardStream && !std::filesystem::exists(input, absent))
    throw Error(input + ": cannot be read; check the path");
  if (path == kStandardStream) {
    if (resume) throw Error("--resume needs a file as --out");
    path_ = "standard output";
    out_ = &std::cout;
    return;
  }
  if (std::filesystem::equivalent(path, input, absent))
    throw Error(path + ": is the input file too; write to another one");
  if (resume && std::filesystem::is_regular_file(path)) rows_before_ = keep_whole_rows(path);
  file_.open(path, rows_before_ > 0 ? std::ios::app : std::ios::trunc);
  if (!file_) throw Error(path + ": cannot be written");
}

void RowWriter::write(const std::string& row) { *out_ << row << '\n'; }

void RowWriter::finish() {
  if (!out_->flush()) throw Error(path_ + ": writing failed; is the disk full?");
}

size_t rows_there(const RowWriter& out, size_t rows) {
  if (out.rows_before() > rows)
    throw Error("--out has " + std::to_string(out.rows_before()) + " rows, --in only " +
                std::to_string(rows) + "; that is not the same command's, drop --resume");
  return out.rows_before();
}

std::string float_text(float value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return std::string(text, end);
}

}  // namespace amalgam::pipeline
