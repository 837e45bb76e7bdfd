#include "sandbox/service/zap.h"

#include <zmq.h>

#include "configs/error.h"
#include "sandbox/service/service_keys.h"
#include "sandbox/service/service_messages.h"

namespace amalgam::sandbox {
namespace {

constexpr int64_t kMaxBytes = 64 << 10;
constexpr auto kSayInterval = std::chrono::seconds(1);

}  // namespace

Zap::Zap(const proto::ZmqContext& context, std::string allowed_keys,
         std::function<void(const std::string&)> say)
    : allowed_keys_(std::move(allowed_keys)),
      say_(std::move(say)),
      socket_(context, ZMQ_REP, kMaxBytes) {
  read_allowed_keys(allowed_keys_);
  socket_.bind("inproc://zeromq.zap.01");
  thread_ = std::thread([this] { serve(); });
}

Zap::~Zap() {
  stop_ = true;
  thread_.join();
}

// Empty: not allowed.
std::string Zap::user_of(const std::string& public_key) const {
  try {
    for (const AllowedKey& key : read_allowed_keys(allowed_keys_))
      if (key.public_key == public_key) return (key.is_agent ? kAgent : kClient) + key.name;
  } catch (const Error& e) {
    say_(e.what());
  }
  return {};
}

void Zap::serve() {
  while (!stop_) {
    proto::ZmqMessage ask;
    if (!socket_.wait(kLookMs) || !socket_.receive(&ask)) continue;
    // version, request, domain, address, identity, mechanism, credentials
    const bool is_curve = ask.frames.size() == 7 && ask.frames[5] == "CURVE";
    const std::string user = is_curve ? user_of(ask.frames[6]) : "";
    // Whoever tries often is not heard often.
    const auto now = Clock::now();
    if (user.empty() && now - said_ > kSayInterval) {
      said_ = now;
      say_("a connection from " + (ask.frames.size() > 3 ? ask.frames[3] : "?") +
           " is refused: its key is not in " + allowed_keys_);
    }
    const std::string request = ask.frames.size() > 1 ? ask.frames[1] : "";
    socket_.send({"1.0", request, user.empty() ? "400" : "200",
                  user.empty() ? "this key is not allowed" : "OK", user, ""});
  }
}

}  // namespace amalgam::sandbox
