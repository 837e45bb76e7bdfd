// Regular expressions of tokenizer.json, spelled for PCRE2 so that both match the same text.
#pragma once
#include <string>

namespace amalgam::model {

// The tokenizers library compiles patterns with Oniguruma, Unicode 16. PCRE2 10.42 knows Unicode 14
// and takes \s a little wider; \s, \S and the \p{…} of general categories L, M, N, P, S are spelled
// out where the two differ.
std::string pcre2_pattern(const std::string& pattern);

}  // namespace amalgam::model
