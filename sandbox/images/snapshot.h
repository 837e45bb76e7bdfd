// Snapshots: what a sandbox on an image has changed, as a new layer above that image's. A sandbox
// started on the result (create_on_image) continues from there; starting several forks it.
#pragma once
#include "sandbox/images/image_store.h"
#include "sandbox/sandbox.h"

namespace amalgam::sandbox {

// Of a sandbox that was started on `base` and runs no command. Files, folders, links, modes and
// removals are kept; pipes and sockets are not. Leaves the sandbox as it is. Error when the sandbox
// is dead or its files (counted with their holes) exceed twice its disk limit.
Image snapshot(Sandbox* sandbox, const Image& base, ImageStore* store);

}  // namespace amalgam::sandbox
