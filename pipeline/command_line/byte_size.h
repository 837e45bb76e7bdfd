// Sizes as people write them on the command line.
#pragma once
#include <cstdint>
#include <string>

namespace amalgam::pipeline {

// "65536", "64K", "64M", "2G": whole numbers, powers of 1024, also in lower case and with "B" or
// "iB" behind. At least 1. Error that names `option` for anything else.
int64_t parse_byte_size(const std::string& text, const std::string& option);

}  // namespace amalgam::pipeline
