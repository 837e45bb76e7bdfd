// The folder of a store's layers inside a slot (slot.h). Files of a store belong to whoever owns
// it; sandboxes must see them as their own user's. For an ordinary user that holds by itself;
// root's files are shown through an id-mapped mount, as each slot has a uid of its own.
#pragma once
#include <string>

namespace amalgam::sandbox {

// As root, before its rights are given up: the folder as a detached mount on which root's files
// belong to `owner`. proc: an open /proc. -1 with errno set on failure; EINVAL: the folder's file
// system cannot be id-mapped.
int open_layers_as(const std::string& folder, unsigned owner, int proc);
// As an ordinary user, in the slot's own mount namespace.
int open_layers(const std::string& folder);
// Mounts it read-only on `target` and closes it.
bool attach_layers(int layers, const char* target);

}  // namespace amalgam::sandbox
