// Control groups of version 1, 2 or both, or none: whatever this machine gives us, found by trying.
// The launcher owns one folder "amalgam-sandbox-<its pid>" per hierarchy and in it one folder per
// slot. A slot's process lives in its folder for good and forks the sandboxes there: nothing is
// created, moved or removed per sandbox (each costs milliseconds).
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>

#include "sandbox/sandbox.h"

namespace amalgam::sandbox {

// One controller: the folder it is used in and the version of its files; an empty folder = absent.
struct Controller {
  std::string folder;
  int version = 0;
};

struct Cgroups {
  Controller memory, pids, cpu;
  std::string serialize() const;
  static Cgroups parse(const std::string& text);
};

// Where the launcher's folders could go, from the texts of /proc/self/mountinfo and
// /proc/self/cgroup: the caller's own cgroup of each hierarchy. `prefix` stands before each mount
// point (tests).
Cgroups own_cgroups(const std::string& mountinfo, const std::string& self_cgroup,
                    const std::string& prefix = "");

class CgroupTree {
 public:
  // Makes the launcher's folders and checks, with a short-lived child, that a process can be put
  // there. Controllers that do not work are left out.
  explicit CgroupTree(const Cgroups& own);
  // Removes them; folders that are still busy stay and are removed by a later launcher.
  ~CgroupTree();
  CgroupTree(const CgroupTree&) = delete;
  CgroupTree& operator=(const CgroupTree&) = delete;

  // The folders of one slot. False with one line in *error.
  bool make(int slot, Cgroups* cgroups, std::string* error) const;
  // False while a process is still in it.
  bool remove(int slot) const;
  bool limits_memory() const { return !base_.memory.folder.empty(); }
  // For people: "v1 memory,pids,cpu" or "none (rlimits only)".
  std::string describe() const;

 private:
  Cgroups base_;
};

// Puts the calling process into the slot's folders.
bool enter(const Cgroups& cgroups);
// Sets memory and process limits. num_extra: our own processes that count too.
bool set_limits(const Cgroups& cgroups, const Limits& limits, int num_extra);
// CPU time ever used in the folder, -1 when it cannot be read.
int64_t cpu_usage_ns(const Cgroups& cgroups);
// Processes ever killed for memory in the folder, -1 when it cannot be read.
int64_t num_oom_kills(const Cgroups& cgroups);
// Forks ever refused in the folder for its process limit, -1 when it cannot be read.
int64_t num_refused_forks(const Cgroups& cgroups);
// The most memory charged to the folder since the last reset, -1 when it cannot be read. Version 2
// has no reset before Linux 6.12: there it is the most since the slot was made.
int64_t peak_memory_bytes(const Cgroups& cgroups);
void reset_peak_memory(const Cgroups& cgroups);

}  // namespace amalgam::sandbox
