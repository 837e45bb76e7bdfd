#include "tests/paths.h"

namespace amalgam::tests {

const char* const kGolden = AMALGAM_GOLDEN;
const char* const kBinary = AMALGAM_BINARY;
const char* const kReferenceData = AMALGAM_REFERENCE_DATA;

std::string golden(const std::string& path) { return std::string(kGolden) + "/" + path; }

std::string reference_model(const std::string& name) { return golden("reference/" + name); }

}  // namespace amalgam::tests
