// The data that verifiers need, carried inside the program.
#pragma once
#include <string_view>

namespace amalgam::rewards {

std::string_view unicode_table();      // text/data/unicode.txt
std::string_view punkt_model();        // sentences/data/punkt_english.txt
std::string_view language_profiles();  // language/data/profiles.z

}  // namespace amalgam::rewards
