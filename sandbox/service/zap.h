// Who may connect: answers ZeroMQ's questions (ZAP, RFC 27) from the list of allowed keys, which is
// read for each, so that it can be edited at any time.
#pragma once
#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "configs/clock.h"
#include "proto/zmq_socket.h"

namespace amalgam::sandbox {

class Zap {
 public:
  // Before any socket of the context is bound. say: lines for people, from another thread. Error
  // when the list cannot be read.
  Zap(const proto::ZmqContext& context, std::string allowed_keys,
      std::function<void(const std::string&)> say);
  ~Zap();
  Zap(const Zap&) = delete;
  Zap& operator=(const Zap&) = delete;

  // What ZmqMessage::user is, before the name.
  static constexpr const char* kClient = "client:";
  static constexpr const char* kAgent = "agent:";

 private:
  void serve();
  std::string user_of(const std::string& public_key) const;

  const std::string allowed_keys_;
  const std::function<void(const std::string&)> say_;
  proto::ZmqSocket socket_;
  std::atomic<bool> stop_{false};
  Clock::time_point said_{};
  std::thread thread_;
};

}  // namespace amalgam::sandbox
