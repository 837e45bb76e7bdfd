// A slot: a process of ours in which one sandbox after the other runs. It has what is costly to
// make and holds no state that hostile code could change: its place in the cgroups, a network
// namespace with nothing but loopback (no two slots share one, so neither do two live sandboxes;
// connections leave nothing there, see loopback.h), and a mount namespace with the read-only view
// of the system. From it each sandbox is cloned with its own user, mount, pid, ipc, uts and cgroup
// namespaces, the next one as soon as the last one is gone.
#pragma once
#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/container/cgroups.h"

namespace amalgam::sandbox {

// The sandbox's processes plus these count in the slot's pids cgroup: the slot and the init.
inline constexpr int kOwnProcesses = 2;

// The devices in a slot's view beside null, zero and urandom.
enum class SlotDevices : int32_t { kNone = 0, kKvm = 1 };

// Runs in a fresh child of the launcher, which must be single-threaded. Serves its owner on
// `socket`; ends with it, or with the launcher (pid `launcher`). layers_folder: of the store whose
// images its sandboxes may be started on; empty: none.
[[noreturn]] void run_slot(int socket, int id, int launcher, const Cgroups& cgroups,
                           const std::string& layers_folder, SlotDevices devices,
                           const std::vector<sock_filter>& filter);

}  // namespace amalgam::sandbox
