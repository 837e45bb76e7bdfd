// Overrides: "rl.rollout.n=8" on the command line, applied to the parsed tree before it is read, so
// that [rl] values set this way also reach every domain that does not set its own.
#pragma once
#include <string>

#include "configs/node.h"

namespace amalgam::configs {

// Sets one key of `root` (a table). Tables on the way are made. An element of an array of tables is
// named by its `name` (or `domain`) key: domain.math.rl.steps=40. Relative paths in the value start
// at the working directory. Throws Error for a malformed override or an element that does not
// exist.
void apply_override(const std::string& override_text, Node* root);

}  // namespace amalgam::configs
