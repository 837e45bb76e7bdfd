// Code fences of Markdown in what a model wrote: from the line with ``` to the next ```.
#pragma once
#include <optional>
#include <string_view>

namespace amalgam::rewards {

// The text between the line that opens the fence and the mark that closes it; nothing without a
// complete fence.
std::optional<std::string_view> first_fence(std::string_view text);
std::optional<std::string_view> last_fence(std::string_view text);

}  // namespace amalgam::rewards
