// LiveCodeBench's packed tests: base64 of zlib of the pickle of one text.
#pragma once
#include <optional>
#include <string>

namespace amalgam::rewards {

// The text; nothing when it is not such a thing, or when it unpacks to more than kMaxUnpackedBytes.
// The pickle is read, not run: nothing but one text is understood.
std::optional<std::string> unpack_tests(const std::string& packed);
inline constexpr size_t kMaxUnpackedBytes = size_t{256} << 20;

}  // namespace amalgam::rewards
