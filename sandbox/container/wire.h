// Messages between the owner, the launcher, its slots and the init of a sandbox. All ends are the
// same binary, so plain structs travel as bytes. One message = one packet of a SOCK_SEQPACKET unix
// socket; longer data follows as kData packets.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "configs/clock.h"

namespace amalgam::sandbox::wire {

enum class Tag : uint32_t {
  // owner -> launcher
  kNewSlot,   // code: SlotDevices; payload: a store's layers/ or nothing; answered by kSlot (value:
              // pid, code: id,
              // payload: cgroups, one fd) or kError
  kKillSlot,  // code: id; no answer
  kDescribe,  // answered by kText: the cgroups in use, for people
  // slot or init -> owner
  kSlot,
  kText,
  kError,        // payload: one line
  kSlotReady,    // the slot's namespaces are made; its next init waits for kStart
  kReady,        // the sandbox's init waits for commands; code: see init.h; fds: /dev/shm, then its
                 // terminal if it has one
  kDone,         // answer to kExec; see init.h
  kFileDone,     // answer to kPut, kGet
  kSandboxGone,  // every process of the sandbox is dead; the slot makes the next one
  // owner -> init
  kStart,    // payload: StartRequest, then the layers of its image (overlay_root.h) or nothing
  kPut,      // payload: path; value: size; kData follow
  kGet,      // payload: path
  kOpenTop,  // answered by kFileDone with one fd; see Sandbox::open_top
  kChange,   // payload: path in the top; code: file type and mode; value: size; kData follow
  kExec,     // see init.h; fds: stdin (optional), stdout, stderr, kEndFd (optional, after stdin)
  kKill,     // end the running command now
  kExit,     // end the sandbox
  kData,
  kWantData,  // guest -> owner; see channel.h
};

struct Packet {
  Tag tag = Tag::kError;
  int32_t code = 0;
  int64_t value = 0;
  std::string payload;   // at most kMaxPayload bytes
  std::vector<int> fds;  // owned by whoever received the packet
};

inline constexpr size_t kMaxPayload = 64 << 10;

class Deadline {
 public:
  explicit Deadline(double seconds);
  int ms_left() const;  // rounded up; 0 when it has passed
 private:
  Clock::time_point end_;
};

// For answers that need no time of their own. Generous: a loaded machine may be slow, a stuck
// process must still be noticed.
inline constexpr double kAnswerSeconds = 10;

enum class Status { kOk, kClosed, kTimeout };

// False when the peer is gone or did not read for kSendTimeoutSeconds. Never raises SIGPIPE.
inline constexpr int kSendTimeoutSeconds = 10;
bool send(int fd, Tag tag, int32_t code = 0, int64_t value = 0, std::string_view payload = {},
          const std::vector<int>& fds = {});
bool send_data(int fd, std::string_view data);

// Waits for one packet. Received fds are close-on-exec.
Status receive(int fd, Packet* packet, const Deadline& deadline);
// Waits without limit: for processes that only live to serve a peer, whose death ends the wait.
Status receive_from_owner(int fd, Packet* packet);
// Collects `size` bytes of kData packets.
Status receive_data(int fd, int64_t size, std::string* data, const Deadline& deadline);

// A connected pair, close-on-exec, with send time-outs. False with errno set on failure.
bool make_socket_pair(int fds[2]);

}  // namespace amalgam::sandbox::wire
