// Lines of a JSONL file, for commands whose rows are not prompt rows.
#pragma once
#include <fstream>
#include <functional>
#include <string>

namespace amalgam::pipeline {

// As a path: standard input, or standard output.
inline constexpr const char* kStandardStream = "-";

// Calls f(line, "file:number") for every line that is not blank. Throws Error if the file cannot be
// read.
void for_each_line(const std::string& path,
                   const std::function<void(const std::string&, const std::string&)>& f);

// Writes a JSONL file while another is being read. Throws Error when `path` cannot be written, and
// when it is the file that is read (`input`): opening it would empty it.
class RowWriter {
 public:
  // keep: so many rows that are there whole stay, and what is written follows them.
  RowWriter(const std::string& path, const std::string& input, size_t keep = 0);
  void write(const std::string& row);  // without the line break
  void finish();                       // Error when the disk did not take all of it

 private:
  std::string path_;
  std::ofstream file_;
  std::ostream* out_;  // file_ or standard output
};

// Rows of a file that end in a line break.
size_t num_whole_rows(const std::string& path);

// The shortest decimal that reads back as this f32.
std::string float_text(float value);

}  // namespace amalgam::pipeline
