// Messages between an owner and the guest of its virtual machine: wire::Packets without
// descriptors, as a stream of bytes over a virtio serial port. Both ends are built together, so
// plain structs travel as bytes. What comes from a guest is not trusted: a length or content that
// no guest of ours sends is an error here, never a crash or a large allocation.
//
//   owner -> guest                                  answer
//   kStart   payload: Limits                        kReady, or kError with one line
//   kPut     value: size of the path; payload:      kFileDone, payload: Result
//            path, then content
//   kGet     payload: path                          kFileDone, payload: Result, then the content
//   kExec    payload: Command; value: 1: there is   kDone, payload: Result; before it a kWantData
//            a stdin                                whenever the guest has room for more stdin
//   kData    stdin, in answer to kWantData; an
//            empty one is its end
//   kKill    value: kCancelNow or kTimeOutNow: ends the running command, if there is one
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "sandbox/container/wire.h"
#include "sandbox/files/fd.h"
#include "sandbox/sandbox.h"

namespace amalgam::sandbox {

// A kData's largest payload.
inline constexpr size_t kMaxStdinBytes = 16 << 10;
// The largest message that an owner and a guest with these limits exchange: a file, or two outputs.
int64_t max_message_bytes(const Limits& limits);

// What is behind a message's payload.
std::string pack_command(const Command& command);
bool unpack_command(std::string_view payload, Command* command);  // false: not a packed one
std::string pack_result(const Result& result);
// rest: what follows the result. False: not a packed one.
bool unpack_result(std::string_view payload, Result* result, std::string_view* rest);

// One end of the stream. Used by one thread at a time.
class Channel {
 public:
  // fd: becomes the channel's, and non-blocking. max_bytes: of a received message's payload.
  Channel(int fd, int64_t max_bytes);

  int fd() const { return fd_.get(); }
  // False when the peer is gone or did not take it all by the deadline.
  bool send(wire::Tag tag, int64_t value, std::string_view payload, const wire::Deadline& deadline);

  enum class Received { kMessage, kNothingYet, kClosed, kGarbage };
  // What is there, without waiting.
  Received receive(wire::Packet* packet);
  // Waits for one message.
  wire::Status receive(wire::Packet* packet, const wire::Deadline& deadline);

 private:
  const Fd fd_;
  const int64_t max_bytes_;
  std::string buffer_;  // received, not yet a whole message
};

}  // namespace amalgam::sandbox
