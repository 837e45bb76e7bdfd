#include "sandbox/service/agent.h"

#include <sodium/randombytes.h>
#include <zmq.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>

#include "configs/clock.h"
#include "configs/error.h"
#include "sandbox/service/agent_session.h"
#include "sandbox/service/keyed_tasks.h"
#include "sandbox/service/mailbox.h"
#include "sandbox/service/service_messages.h"

namespace amalgam::sandbox {
namespace {

constexpr int kEndRounds = 5;  // for commands to end when asked to stop
constexpr double kEndRoundSeconds = 0.1;
constexpr int kLeaveMs = 200;  // for the last message to go

class Agent {
 public:
  Agent(const AgentOptions& options, const std::function<void(const std::string&)>& say)
      : options_(options), say_(say), tasks_(options.num_threads) {
    randombytes_buf(&instance_, sizeof instance_);
    connect();
  }

  void run(const std::function<bool()>& should_stop) {
    while (!should_stop()) {
      socket_->wait(kLookMs, done_.fd());
      proto::ZmqMessage message;
      while (socket_->receive(&message)) {
        expect(0);
        proto::AgentRequest request;
        if (message.frames.size() == 1 && request.ParseFromString(message.frames[0]))
          handle(std::move(request));
      }
      for (const Done& done : done_.take_all())
        if (done.epoch == epoch_) send(done.message);
      check_gateway();
      if (seconds_since(sent_) >= kHeartbeatSeconds) {
        sent_ = Clock::now();
        proto::AgentMessage beat;
        beat.set_heartbeat(0);
        send(beat);
      }
    }
    proto::AgentMessage leave;
    leave.set_leave(true);
    send(leave);
    // A command that was just about to begin is met by the next round.
    const auto sessions = sessions_;
    forget_sessions();
    for (int i = 0; i < kEndRounds && !tasks_.wait_idle(kEndRoundSeconds); ++i)
      for (const auto& [name, session] : sessions) session->close();
  }

 private:
  struct Done {
    int64_t epoch;
    proto::AgentMessage message;
  };

  void connect() {
    socket_ = std::make_unique<proto::ZmqSocket>(context_, ZMQ_DEALER, kMaxMessageBytes, kLeaveMs);
    socket_->set_keys(options_.keys);
    socket_->connect(options_.gateway);
    heard_ = looked_ = Clock::now();
    enroll();
  }

  void enroll() {
    proto::AgentMessage message;
    message.mutable_register_()->set_instance(instance_);
    message.mutable_register_()->set_capacity(options_.capacity);
    send(message);
  }

  void send(const proto::AgentMessage& message) {
    const std::string bytes = message.SerializeAsString();
    const auto size = static_cast<int64_t>(bytes.size());
    if (size > kLargeBytes) {
      proto::AgentMessage notice;
      notice.set_heartbeat(size);
      socket_->send({notice.SerializeAsString()});
      expect(size);
    }
    // What cannot go now was asked for by a gateway that will have given us up.
    socket_->send({bytes});
  }

  // The gateway is there, and its next word may take as long as so many bytes.
  void expect(int64_t bytes) {
    heard_ = std::max(heard_, Clock::now() + std::chrono::milliseconds(
                                                 static_cast<int64_t>(seconds_for(bytes) * 1000)));
  }

  void handle(proto::AgentRequest request) {
    if (!request.refused().empty()) throw Error(options_.gateway + ": " + request.refused());
    if (request.message_case() == proto::AgentRequest::MESSAGE_NOT_SET) return;
    if (!is_enrolled_ && !request.reset()) {
      is_enrolled_ = was_enrolled_ = true;
      say_("serving " + options_.gateway);
    }
    if (request.has_heartbeat()) {
      expect(std::clamp<int64_t>(request.heartbeat(), 0, kMaxMessageBytes));
    } else if (request.has_call()) {
      const auto call =
          std::make_shared<proto::AgentRequest::Call>(std::move(*request.mutable_call()));
      auto& session = sessions_[call->session()];
      if (!session) session = std::make_shared<AgentSession>(options_.images);
      const auto make = [this, call, session, epoch = epoch_] {
        proto::AgentMessage message;
        *message.mutable_done() = session->call(*call);
        done_.put({epoch, std::move(message)});
      };
      tasks_.post(call->session(), make);
    } else if (request.has_cancel()) {
      const auto it = sessions_.find(request.cancel());
      // Does not wait. In the order of the messages, so that it meets no later call.
      if (it != sessions_.end()) it->second->cancel(0);
    } else if (request.has_drop()) {
      drop(request.drop());
    } else if (request.reset()) {
      reset();
      enroll();
    }
  }

  void drop(const std::string& name) {
    const auto it = sessions_.find(name);
    if (it == sessions_.end()) return;
    it->second->close();
    // To end a sandbox takes a moment, for which this thread has no time.
    tasks_.post(name, [session = std::move(it->second)] {});
    sessions_.erase(it);
  }

  void forget_sessions() {
    while (!sessions_.empty()) drop(sessions_.begin()->first);
  }

  void reset() {
    ++epoch_;
    is_enrolled_ = false;
    forget_sessions();
  }

  void check_gateway() {
    // Time in which this process could not run does not count.
    const double stalled = seconds_since(looked_);
    looked_ = Clock::now();
    if (stalled > kHeartbeatSeconds) expect(0);
    const proto::Handshake handshake = socket_->handshake();
    if (!was_enrolled_ && handshake == proto::Handshake::kRefused)
      throw Error(options_.gateway + " refuses this key; add it to the gateway's list as an agent");
    if (!was_enrolled_ && handshake == proto::Handshake::kBroken)
      throw Error(options_.gateway +
                  " does not accept this connection; is the gateway's key in the key file right?");
    if (seconds_since(heard_) < kSilenceSeconds) return;
    say_(options_.gateway + " is silent; trying to reach it");
    reset();
    connect();
  }

  const AgentOptions options_;
  const std::function<void(const std::string&)>& say_;
  uint64_t instance_ = 0;
  proto::ZmqContext context_;
  std::unique_ptr<proto::ZmqSocket> socket_;
  Clock::time_point heard_, looked_, sent_{};
  bool is_enrolled_ = false, was_enrolled_ = false;
  int64_t epoch_ = 0;  // what was asked for before the last reset is of no use
  std::map<std::string, std::shared_ptr<AgentSession>> sessions_;
  Mailbox<Done> done_;
  KeyedTasks tasks_;  // the last member: its tasks use the others
};

}  // namespace

void run_agent(const AgentOptions& options, const std::function<bool()>& should_stop,
               const std::function<void(const std::string&)>& say) {
  Agent(options, say).run(should_stop);
}

}  // namespace amalgam::sandbox
