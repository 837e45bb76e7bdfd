// Where tests find things. Only paths.cc is compiled for a place, so that another checkout's build
// can share all else.
#pragma once
#include <string>

namespace amalgam::tests {

extern const char* const kGolden;         // tests/golden
extern const char* const kBinary;         // the program
extern const char* const kReferenceData;  // AMALGAM_REFERENCE_DATA, or empty

std::string golden(const std::string& path);           // kGolden/PATH
std::string reference_model(const std::string& name);  // a checkpoint of golden/reference

}  // namespace amalgam::tests
