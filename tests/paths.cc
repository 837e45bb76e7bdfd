#include "tests/paths.h"

namespace amalgam::tests {

const char* const kGolden = AMALGAM_GOLDEN;
const char* const kBinary = AMALGAM_BINARY;
const char* const kReferenceData = AMALGAM_REFERENCE_DATA;

}  // namespace amalgam::tests
