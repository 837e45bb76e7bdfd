// Overrides under verl's and TRL's names (foreign_names.h).
#pragma once
#include <string>
#include <vector>

#include "configs/node.h"

namespace amalgam::configs {

// Applies all overrides (overrides.h) to `root`: first those of our own keys, later ones winning;
// then those under other programs' names, as far as they have the same meaning, with Hydra's +, its
// True, False and null. `lines` gets one for each of the latter: which key it is, or why it is
// ignored. Throws Error for what would change what is computed and has no counterpart of the same
// meaning, and for a key that is set under both names.
void apply_overrides(const std::vector<std::string>& overrides, Node* root,
                     std::vector<std::string>* lines);

}  // namespace amalgam::configs
