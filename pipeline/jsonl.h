// Lines of a JSONL file, for commands whose rows are not prompt rows.
#pragma once
#include <functional>
#include <string>

namespace amalgam::pipeline {

// Calls f(line, "file:number") for every line that is not blank. Throws Error if the file cannot be
// read.
void for_each_line(const std::string& path,
                   const std::function<void(const std::string&, const std::string&)>& f);

// The shortest decimal that reads back as this f32.
std::string float_text(float value);

}  // namespace amalgam::pipeline
