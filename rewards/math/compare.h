// Whether an answer is the ground truth.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/math/calendar.h"
#include "rewards/math/node.h"

namespace amalgam::rewards {

// What a text may be read as; each reading is made when it is asked for.
struct Reading {
  std::string ascii;
  std::string words;                // words_of()
  std::optional<Node> tree;         // with "1,234" as one number
  std::optional<Node> listed_tree;  // with it as two; none if that is the same
  bool is_list = false;             // of several boxes: the tree is the list of theirs
};

Reading read(std::string_view text);
// Of boxes joined by "and", "or" or commas.
Reading read_list(const std::vector<std::string_view>& texts);

bool is_same(const Reading& truth, const Reading& answer);

// What equal answers have in common.
std::string spelled(const Reading& reading);

}  // namespace amalgam::rewards
