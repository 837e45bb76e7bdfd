// Python's literals as JSON: data sets hold what repr() or str() gave of a list or dict.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace amalgam::rewards {

// The JSON text of a literal of dicts, lists, tuples, strings, numbers, True, False and None, at
// most 64 deep.
std::optional<std::string> json_of_python(std::string_view literal);

}  // namespace amalgam::rewards
