// The JSON value that an answer is.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>

namespace amalgam::rewards {

// All of `content` but white space, or what its first ``` fence holds. None for text that is no
// JSON, that names a key of an object twice, or that is nested more than 200 deep.
std::optional<nlohmann::json> json_answer(std::string_view content);

}  // namespace amalgam::rewards
