// A text that rules write anew, one after the other.
#pragma once
#include <algorithm>
#include <string>
#include <utility>

#include "rewards/text/chars.h"

namespace amalgam::rewards {

class Rewriter {
 protected:
  // rule(i) looks at text_ from i on: it writes to out_ what becomes of the characters that it
  // takes and gives how many those are; 0: it does not apply there, and character i stays.
  template <typename Rule>
  void rewrite(Rule rule) {
    out_.clear();
    out_.reserve(text_.size() + 16);
    for (size_t i = 0; i < text_.size();) {
      const size_t taken = rule(i);
      if (taken == 0) out_.push_back(text_[i]);
      i += std::max<size_t>(taken, 1);
    }
    std::swap(text_, out_);
  }

  std::u32string text_, out_;
};

}  // namespace amalgam::rewards
