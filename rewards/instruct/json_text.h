// Whether a text is JSON.
#pragma once
#include "rewards/text/chars.h"

namespace amalgam::rewards {

// One value of RFC 8259 and nothing else, at any depth; a key may stand twice and a number be of
// any size.
bool is_json(Chars text);

}  // namespace amalgam::rewards
