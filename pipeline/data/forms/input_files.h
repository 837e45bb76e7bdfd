// What is meant by the paths that people give: a file, a glob, or a folder that a library for data
// sets has saved.
#pragma once
#include <string>
#include <vector>

namespace amalgam::pipeline {

// A file, or a saved folder, whose rows are numbered from 1.
struct InputFile {
  std::string name;                // as the argument or pattern spells it
  std::vector<std::string> files;  // to open, one after the other
};

struct InputFiles {
  std::vector<InputFile> all;
  bool is_single = false;  // one path, that is no glob
};

// Globs (*, ?, […]; ** for folders at any depth) in byte order of the path. Throws Error for a
// pattern or path without a file, and for a folder that is none of datasets' save_to_disk.
InputFiles find_input_files(const std::vector<std::string>& paths);

}  // namespace amalgam::pipeline
