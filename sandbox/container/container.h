// A container sandbox, seen from its owner: one slot of the launcher with a sandbox started in it.
// Requests go over the slot's socket to the sandbox's init (init.h); output comes through pipes.
#pragma once
#include <memory>
#include <string>

#include "sandbox/container/command_io.h"
#include "sandbox/container/init.h"
#include "sandbox/container/launcher.h"
#include "sandbox/files/fd.h"
#include "sandbox/images/image_store.h"
#include "sandbox/sandbox.h"

namespace amalgam::sandbox {

class Container : public Sandbox {
 public:
  // Null with one line in *error. image: its root; without layers, the view of the slot.
  // Terminal::kYes: see create_with_terminal.
  enum class Terminal { kNo, kYes };
  static std::unique_ptr<Container> create(const Limits& limits, std::string* error,
                                           const Image& image = {},
                                           Terminal terminal = Terminal::kNo);
  // In the view of the slot, which shows `folder` read-only as kLayersFolder (layers_mount.h).
  static std::unique_ptr<Container> create_beside(const std::string& folder, SlotDevices devices,
                                                  const Limits& limits, std::string* error);
  ~Container() override;

  Result exec(const Command& command) override;
  Result put_file(const std::string& path, const std::string& content) override;
  Result get_file(const std::string& path, std::string* content) override;
  bool cancel(double deadline_seconds) override { return turn_.cancel(deadline_seconds); }
  bool can_stream() const override { return true; }
  int terminal() const override { return terminal_.get(); }
  // From any thread: ends the command that runs in another one as if its time were over.
  void time_out() { turn_.time_out(); }
  Result open_top(int* directory) override;
  Result change(const std::string& path, unsigned mode, const std::string& content) override;

  // A program started ahead of its use: `start` returns when it has written one byte to stdout,
  // which is not part of its output, and waits on its stdin. Meanwhile put_file works and exec and
  // get_file do not. `run_started` gives it its stdin (the text, then `streams`' stdin_fd), sends
  // its output where `streams` says and waits for its end; limits and figures
  // begin there. It may announce its end at kEndFd (init.h) where cgroups measure it: then its
  // result does not wait for its death, unless its CPU time is close to the limit; the figure lacks
  // what the kernel has not counted yet. `drop_started` ends it without.
  bool start(const Command& command, std::string* error);
  Result run_started(std::string stdin_text, const Command& streams);
  void drop_started();
  bool has_started() const { return started_ != nullptr; }
  // Whether it still waits. Costs one poll.
  bool is_started_alive() const;

  // A program that runs until it is dropped (the destructor does) and talks with its owner over
  // `channel`, its stdin and stdout; the caller's end of it is closed here.
  bool start_server(const Command& command, int channel, std::string* error);
  // Readable when it has ended, by itself or killed; -1 when it could not be started.
  int server_end_fd() const { return slot_ ? slot_->socket : -1; }
  // 0 when it has a /proc of its own, else the errno that says why not (proc_mount.h).
  int why_no_proc() const { return why_no_proc_; }
  // CPU time that it has used so far.
  double server_cpu_seconds() const;
  // What it wrote to stderr since the last time this was asked.
  std::string server_messages();

 private:
  struct Running;
  static std::unique_ptr<Container> create_in_slot(std::unique_ptr<Slot> slot,
                                                   const std::string& layers, Terminal terminal,
                                                   const Limits& limits, std::string* error);
  Container(std::unique_ptr<Slot> slot, const Limits& limits);
  bool open_io(const Command& command, CommandIo* io, std::string* error);
  bool send(const Command& command, CommandIo* io, Result* refusal);
  Result finish(Running* running);
  Result judge(const Running& running, CommandEnd end, int status, const ExecReport& report,
               double cpu_seconds);
  bool becomes_ready();
  Result lost(const char* detail);
  Result file_answer(const std::string& path, wire::Packet* done);
  bool saw_oom_kill();
  bool saw_refused_fork(const Running& running, const ExecReport& report) const;

  std::unique_ptr<Slot> slot_;
  const Limits limits_;
  int64_t oom_kills_;
  Result dead_;  // what every call answers when slot_ is gone
  std::unique_ptr<Running> started_;
  bool is_dying_ = false;  // what ran has been told to, and init's answer is still to come
  Fd top_;                 // once asked for
  Fd terminal_;
  Fd shared_memory_;
  int why_no_proc_ = 0;
  CommandTurn turn_;
};

}  // namespace amalgam::sandbox
