// What the owner and the launcher process agree on; see launcher_main.cc.
#pragma once

namespace amalgam::sandbox {

// argv[0] of the launcher: a process with this name, and no other argument, is one. Naming it in
// launcher.cc also makes the linker keep launcher_main.cc.
extern const char* const kLauncherName;
// The launcher's socket to its owner.
inline constexpr int kLauncherControlFd = 3;

}  // namespace amalgam::sandbox
