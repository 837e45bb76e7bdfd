// The gateway: clients ask it for sandboxes, and it has agents on other hosts make them.
//
//   client ──▶ gateway ──▶ agent ──▶ sandbox
//                 │
//              journals
//
// The record of every session is the gateway's, a journal (journal.h) per session, because all
// calls pass here and nothing else outlives both ends: a client may be started again on another
// host, and the host of an agent may be gone with its disk. So agents need keep nothing, and what
// is left to decide is one rule: a call is written before it is sent to an agent, and its result,
// with the files that it changed, is on the disk before the client is answered. From this follows:
//   A client asks for call N of session S. The same again, from any connection and after any crash,
//     is answered from the journal; a command never runs twice.
//   An agent that dies fails its calls (kSandboxFailed). The next call of each of its sessions runs
//     in a new sandbox on another agent, in the state before the call that failed.
//   A gateway that dies loses the calls under way, in the same way. What it had answered it knows.
// A gateway's disk is as safe as the sessions are to be.
//
// Sessions of clients with different keys are apart. A client's commands are hostile, a client
// itself is not: whoever has an allowed key may use up the agents.
#pragma once
#include <functional>
#include <string>

#include "proto/zmq_socket.h"

namespace amalgam::sandbox {

struct GatewayOptions {
  std::string listen;  // tcp://ADDRESS:PORT; port 0: any that is free
  proto::CurveKeys keys;
  std::string allowed_keys;  // file, see service_keys.h
  // Folder of the journals: CLIENT/kept/SESSION and CLIENT/temporary/SESSION. The former stay until
  // someone removes them, the latter until the session ends or a day after its last call.
  std::string folder;
};

// Until should_stop, which is asked several times a second. listening: called once with the
// endpoint. say: lines for people, from any thread. Error when it cannot listen or read its files.
void run_gateway(const GatewayOptions& options, const std::function<bool()>& should_stop,
                 const std::function<void(const std::string&)>& listening,
                 const std::function<void(const std::string&)>& say);

}  // namespace amalgam::sandbox
