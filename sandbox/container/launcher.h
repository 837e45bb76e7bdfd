// The owner's side of the launcher process (launcher_main.cc): starts it, restarts it when it was
// killed, and keeps the slots that are free for reuse. Thread-safe.
#pragma once
#include <sys/types.h>

#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "sandbox/container/cgroups.h"
#include "sandbox/container/slot.h"

namespace amalgam::sandbox {

// A sandbox costs its owner a descriptor or more: allows this process as many as it may have. Done
// by Launcher; for others who hold many sessions.
void raise_descriptor_limit();

// The owner's handle of a slot process. Used by one thread at a time.
struct Slot {
  ~Slot();  // closes the socket, which ends the slot and what runs in it
  int socket = -1;
  int id = 0;
  pid_t pid = 0;
  int64_t launcher_number = 0;  // of the launcher that made it
  Cgroups cgroups;
  std::string layers_folder;  // see run_slot
  SlotDevices devices = SlotDevices::kNone;
  bool closing = false;  // kExit was sent; kSandboxGone is still to come
};

class Launcher {
 public:
  // Never destroyed: the launcher process ends when this process does.
  static Launcher& instance();

  // A slot without a sandbox, ready for kStart. layers_folder: see run_slot. Null with one line in
  // *error.
  std::unique_ptr<Slot> acquire(std::string* error, const std::string& layers_folder = {},
                                SlotDevices devices = SlotDevices::kNone);
  // Gives back a slot whose sandbox was told to exit.
  void release(std::unique_ptr<Slot> slot);
  // Kills a slot that does not do what it should, with its sandbox.
  void discard(std::unique_ptr<Slot> slot);

  // The cgroups in use, for people. Empty with one line in *error when there is no launcher.
  std::string describe(std::string* error);
  // 0 when none runs.
  pid_t pid();

 private:
  Launcher() = default;
  bool ensure_started(std::string* error);
  void stop();
  std::unique_ptr<Slot> make_slot(const std::string& layers_folder, SlotDevices devices,
                                  std::string* error);
  std::unique_ptr<Slot> take_idle(const std::string& layers_folder, SlotDevices devices);
  void discard_locked(const Slot& slot);

  std::mutex mutex_;
  pid_t pid_ = 0;
  int control_ = -1;
  int64_t number_ = 0;  // how many launchers were started
  std::deque<std::unique_ptr<Slot>> idle_;
};

}  // namespace amalgam::sandbox
