// The agent of one host: makes sandboxes here for the sessions that the gateway places on it, and
// makes their calls. It connects to the gateway, so it needs no open port.
//
// It keeps nothing: the record of every session is the gateway's (gateway.h). An agent that was
// killed, or that has lost the gateway, forgets its sandboxes, and the gateway has the sessions go
// on elsewhere or here.
#pragma once
#include <functional>
#include <string>

#include "proto/zmq_socket.h"

namespace amalgam::sandbox {

struct AgentOptions {
  std::string gateway;  // tcp://HOST:PORT
  proto::CurveKeys keys;
  int capacity = 256;       // sandboxes at a time
  int num_threads = 32;     // commands at a time
  std::string images = {};  // folder of the image store; empty: none
};

// Until should_stop, which is asked several times a second; then what runs is ended. say: lines for
// people. Error when the gateway refuses this key.
void run_agent(const AgentOptions& options, const std::function<bool()>& should_stop,
               const std::function<void(const std::string&)>& say);

}  // namespace amalgam::sandbox
