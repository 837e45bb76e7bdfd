// \boxed{…} and \fbox{…}.
#pragma once
#include <string_view>
#include <vector>

namespace amalgam::rewards {

struct Boxes {
  bool any = false;  // there are boxes, if only empty ones
  // The content of the last box that is not empty; of several if "and", "or" or a comma joins them.
  std::vector<std::string_view> contents;
};

// A box without an end reaches to the end of its line. Of nested boxes it is the inner one.
Boxes last_boxes(std::string_view text);

// Nothing but spaces, braces, empty commands, dots or a placeholder as "your answer".
bool is_blank(std::string_view content);

}  // namespace amalgam::rewards
