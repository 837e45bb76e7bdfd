// The microvm and vm substrates: a sandbox in a virtual machine of its own. QEMU runs the machine;
// QEMU itself runs in a container of ours, so that code which breaks out of the machine has gained
// a process without network, files, rights and most system calls. In the machine, the guest program
// (guest/main.cc) makes a container with the same limits for the command, and talks with us over a
// virtio serial port; the machine has no other device, and no network.
//
// The processor is the host's where KVM works and emulated elsewhere.
//
// CPU time is what QEMU uses, so that neither the guest nor a busy host changes it. Where the
// processor has to be emulated, a command needs 10 to 30 times the CPU time that it needs on it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "sandbox/container/command_turn.h"
#include "sandbox/container/container.h"
#include "sandbox/images/image_store.h"
#include "sandbox/machine/channel.h"
#include "sandbox/machine/qemu.h"
#include "sandbox/sandbox.h"

namespace amalgam::sandbox {

class Machine : public Sandbox {
 public:
  // Boots one from what is in the store, or is put there first. Null with one line in *error.
  static std::unique_ptr<Machine> boot(MachineType type, const Limits& limits, ImageStore* store,
                                       std::string* error);
  // One that this program runs, with at most so much memory; the guest talks on its stdin and
  // stdout. folder: what it sees as kLayersFolder (overlay_root.h).
  static std::unique_ptr<Machine> start(const std::vector<std::string>& program,
                                        int64_t memory_bytes, const std::string& folder,
                                        SlotDevices devices, const Limits& limits,
                                        std::string* error);

  Result exec(const Command& command) override;
  Result put_file(const std::string& path, const std::string& content) override;
  Result get_file(const std::string& path, std::string* content) override;
  bool cancel(double deadline_seconds) override { return turn_.cancel(deadline_seconds); }

 private:
  struct Run;
  Machine(std::unique_ptr<Container> qemu, std::unique_ptr<Channel> channel, const Limits& limits);
  bool greet(std::string* error);
  Result finish(const Command& command, double cpu_before);
  Result judge(const wire::Packet& done, double cpu_seconds);
  bool feed(Run* run, const Command& command);
  void end(Run* run, uint64_t why);
  Result lost(const std::string& why);
  Result file_answer(std::string* content);

  std::unique_ptr<Container> qemu_;
  std::unique_ptr<Channel> channel_;  // null when the machine is dead
  const Limits limits_;
  Result dead_;  // what every call answers then
  CommandTurn turn_;
};

// What keeps machines from being made here, in one line; empty: nothing that can be seen.
std::string why_no_machines();

}  // namespace amalgam::sandbox
