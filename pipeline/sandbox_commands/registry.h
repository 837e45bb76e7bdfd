// What the sandbox commands of this user hold on this host: `amalgam sandbox ps`, `logs` and `rm`
// work on it. A folder per sandbox, in a folder that is the user's alone ($XDG_RUNTIME_DIR or
// /tmp/amalgam-UID):
//   ID/about.json   what it is
//   ID/lock         locked as long as the process lives that holds the sandbox, its holder
//   ID/output       of a detached run
//   ID/result.json  how a detached run ended; its folder stays until `rm`
// A sandbox dies with its holder, so an entry without lock and result is of a dead one, and is
// removed by whoever sees it.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/files/fd.h"
#include "sandbox/sandbox.h"

namespace amalgam::pipeline {

struct SandboxEntry {
  std::string id;  // 12 hexadecimal digits
  std::string substrate, image, command, journal;
  int64_t created = 0;  // seconds since 1970
  pid_t pid = 0;        // of the holder
  bool is_detached = false;
  bool is_live = false;
  // Of one that is over.
  std::string outcome;
  int exit_code = 0;
};

class SandboxRegistry {
 public:
  // Error when the folder cannot be made or is not this user's alone.
  SandboxRegistry();

  // By age. Removes what dead holders left.
  std::vector<SandboxEntry> list() const;
  // By the start of its id. Error when there is none, or more than one.
  SandboxEntry find(const std::string& id) const;
  // Kills the holder, waits until everything of the sandbox is dead, and removes the entry. Error
  // when something is alive after the deadline.
  void remove(const SandboxEntry& entry, double deadline_seconds) const;

  std::string output_path(const SandboxEntry& entry) const { return path(entry.id) + "/output"; }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

 private:
  std::optional<SandboxEntry> read(const std::string& id) const;

  std::string folder_;
};

// The entry of a sandbox that this process holds.
class HeldSandbox {
 public:
  // Adds it, and removes what dead holders left; id, created and pid are set here.
  HeldSandbox(const SandboxRegistry& registry, SandboxEntry about);
  // Removes it, unless its result was kept.
  ~HeldSandbox();
  HeldSandbox(const HeldSandbox&) = delete;
  HeldSandbox& operator=(const HeldSandbox&) = delete;

  const std::string& id() const { return about_.id; }
  int output_fd() const { return output_.get(); }
  // Of a detached run. What of its output is not yet in output_fd is added.
  void keep(const sandbox::Result& result);

 private:
  const std::string folder_;
  SandboxEntry about_;
  sandbox::Fd lock_, output_;
  bool is_kept_ = false;
};

// For a sandbox that works without an entry: null after a line on stderr when there can be none.
std::unique_ptr<HeldSandbox> hold_if_possible(const SandboxEntry& about);

}  // namespace amalgam::pipeline
