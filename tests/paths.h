// Where tests find things. Only paths.cc is compiled for a place, so that another checkout's build
// can share all else.
#pragma once

namespace amalgam::tests {

extern const char* const kGolden;         // tests/golden
extern const char* const kBinary;         // the program
extern const char* const kReferenceData;  // AMALGAM_REFERENCE_DATA, or empty

}  // namespace amalgam::tests
