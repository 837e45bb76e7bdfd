// The network of a slot (slot.h): the loopback device alone.
#pragma once

namespace amalgam::sandbox {

// In a new network namespace that the caller may administer. proc: an open procfs, or -1: then what
// connections leave behind for a minute may be met by the next sandbox of this slot. False where
// there is no loopback: then connections fail.
bool bring_up_loopback(int proc);

}  // namespace amalgam::sandbox
