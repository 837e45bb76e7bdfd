// What all parts of the sandbox service agree on (proto/sandbox_service.proto).
#pragma once
#include <cstdint>
#include <string>

#include "proto/sandbox_service.pb.h"
#include "sandbox/images/image_store.h"
#include "sandbox/sandbox.h"

namespace amalgam::sandbox {

// Everyone who waits for another hears from it this often, however busy it is, and gives it up
// after a silence. Only a process that cannot run at all is silent: a slow command is not.
inline constexpr double kHeartbeatSeconds = 1, kSilenceSeconds = 5;
// Nothing is heard behind a large message until it is through. So its size is told before it, and
// the silence may be so much longer.
constexpr double seconds_for(int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }
inline constexpr int64_t kLargeBytes = 256 << 10;
// A loop that waits for messages looks this often at everything else.
inline constexpr int kLookMs = 50;

// Of one message. A larger one ends its connection.
inline constexpr int64_t kMaxMessageBytes = 256 << 20;
// A session's files must fit a message when it moves to another host.
inline constexpr int64_t kMaxServiceDiskBytes = 64 << 20;

// Commands have their own limits; beyond them this much may go by until the answer: for making the
// sandbox, putting its files back and reading them; virtual machines boot.
inline double slack_seconds(const proto::SandboxSpec& spec) {
  return spec.substrate() == "microvm" || spec.substrate() == "vm" ? 300 : 60;
}
// How long a call waits for an agent with room.
inline constexpr double kPlaceSeconds = 60;

// Why no session can be made of it, one line; empty when one can.
std::string problem_of(const proto::SandboxSpec& spec);
proto::SandboxSpec make_spec(const std::string& substrate, const Limits& limits, const Image& image,
                             bool keep);
// Its store is not set.
Image image_of(const proto::SandboxSpec& spec);
Limits limits_of(const proto::SandboxSpec& spec);

}  // namespace amalgam::sandbox
