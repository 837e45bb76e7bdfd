#include "rewards/instruct/loose.h"

#include <algorithm>

namespace amalgam::rewards {

std::vector<std::u32string> loose_variants(Chars response) {
  const size_t first = response.find(U'\n'), last = response.rfind(U'\n');
  std::vector<Chars> shorter;  // of one line nothing is left
  if (first != kNoChar) {
    shorter.push_back(stripped(response.substr(first + 1)));
    shorter.push_back(stripped(response.substr(0, last)));
    if (last > first) shorter.push_back(stripped(response.substr(first + 1, last - first - 1)));
  }
  std::vector<std::u32string> variants;
  const auto add = [&](std::u32string text) {
    if (!stripped(text).empty() && text != response &&
        std::find(variants.begin(), variants.end(), text) == variants.end())
      variants.push_back(std::move(text));
  };
  for (const Chars text : shorter) add(std::u32string(text));
  if (contains(response, U'*')) {
    add(replaced(response, U"*", U""));
    for (const Chars text : shorter) add(replaced(text, U"*", U""));
  }
  return variants;
}

}  // namespace amalgam::rewards
