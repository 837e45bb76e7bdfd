#include "sandbox/service/gateway.h"

#include <sodium/randombytes.h>
#include <zmq.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>

#include "configs/clock.h"
#include "configs/error.h"
#include "proto/append_file.h"
#include "sandbox/container/launcher.h"
#include "sandbox/service/gateway_session.h"
#include "sandbox/service/keyed_tasks.h"
#include "sandbox/service/service_keys.h"
#include "sandbox/service/service_messages.h"
#include "sandbox/service/zap.h"

namespace amalgam::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr int kBatch = 1000;    // messages between two looks at everything else
constexpr int kNumThreads = 8;  // they wait for the disk
constexpr size_t kMaxSessions = 50'000;
constexpr int kMaxCapacity = 1'000'000;
constexpr double kTickSeconds = 0.2;  // also between two heartbeats to an agent
constexpr double kIdleSeconds = 600;  // until a session's sandbox is ended
constexpr double kSweepSeconds = 10;
constexpr double kCleanSeconds = 3600;
constexpr auto kTemporaryAge = std::chrono::hours(24);
constexpr double kEndSeconds = 0.5;

class Gateway {
 public:
  Gateway(const GatewayOptions& options, const std::function<void(const std::string&)>& say)
      : options_(options),
        say_(say),
        zap_(context_, options.allowed_keys, say),
        socket_(context_, ZMQ_ROUTER, kMaxMessageBytes),
        tasks_(kNumThreads) {
    proto::create_directories(options_.folder);
    hub_.now = steady_seconds;
    // An agent may still be at work for a gateway before this one.
    uint64_t first;
    randombytes_buf(&first, sizeof first);
    call_ = first;
    hub_.next_call = [this] {
      uint64_t call;
      do call = ++call_;
      while (call == 0);
      return call;
    };
    socket_.set_keys(options_.keys);
    socket_.bind(options_.listen);
  }

  std::string endpoint() const { return socket_.bound_endpoint(); }

  void run(const std::function<bool()>& should_stop) {
    while (!should_stop()) {
      socket_.wait(kLookMs, hub_.output.fd());
      int left = kBatch;
      for (proto::ZmqMessage message; left > 0 && socket_.receive(&message); --left)
        if (message.frames.size() == 2) handle(message);
      send_output();
      // Silence is judged only when all that came is heard.
      if (left > 0) tick();
    }
    tasks_.wait_idle(kEndSeconds);
    send_output();
  }

 private:
  struct Entry {
    std::shared_ptr<GatewaySession> session;
    int64_t num_posted = 0;
    std::shared_ptr<std::atomic<int64_t>> num_done = std::make_shared<std::atomic<int64_t>>(0);
  };

  // A session that was found closed by the task of this number.
  struct Closed {
    std::string name;
    int64_t num_posted;
  };

  void handle(const proto::ZmqMessage& message) {
    const std::string& route = message.frames[0];
    const std::string& user = message.user;
    const auto name_after = [&](const std::string& kind) { return user.substr(kind.size()); };
    if (user.starts_with(Zap::kClient)) {
      proto::ClientRequest request;
      if (!request.ParseFromString(message.frames[1]) || !is_request(request))
        refuse(route, "the gateway gets no request of a client with a client's key");
      else
        handle_client(route, name_after(Zap::kClient), std::move(request));
    } else if (user.starts_with(Zap::kAgent)) {
      proto::AgentMessage from;
      if (!from.ParseFromString(message.frames[1]) ||
          from.message_case() == proto::AgentMessage::MESSAGE_NOT_SET)
        refuse(route, "the gateway gets no message of an agent with an agent's key");
      else
        handle_agent(route, name_after(Zap::kAgent), std::move(from));
    }
  }

  static bool is_request(const proto::ClientRequest& request) {
    if (request.has_hello()) return true;
    return is_plain_name(request.session()) &&
           request.ask_case() != proto::ClientRequest::ASK_NOT_SET &&
           (!request.has_call() || request.call().call_case() != proto::SandboxCall::CALL_NOT_SET);
  }

  // Whatever it is, it understands this much.
  void refuse(const std::string& route, const std::string& why) {
    proto::ClientReply reply;
    reply.set_refused(why);
    socket_.send({route, reply.SerializeAsString()});
  }

  void handle_client(const std::string& route, const std::string& user,
                     proto::ClientRequest request) {
    if (request.has_hello()) {
      proto::ClientReply reply;
      reply.set_num_agents(hub_.registry.num_agents());
      socket_.send({route, reply.SerializeAsString()});
      return;
    }
    const std::string name =
        user + (request.spec().keep() ? "/kept/" : "/temporary/") + request.session();
    auto it = sessions_.find(name);
    if (it == sessions_.end()) {
      // A client that is not heard asks again.
      if (sessions_.size() >= kMaxSessions) return;
      it = sessions_.emplace(name, Entry{}).first;
      it->second.session =
          std::make_shared<GatewaySession>(name, options_.folder + "/" + name + ".journal", &hub_);
    }
    if (request.has_poll() && it->second.num_posted != *it->second.num_done) {
      // The session is busy, with the disk perhaps. That it is says enough.
      proto::ClientReply reply;
      reply.set_session(request.session());
      reply.set_number(request.number());
      reply.set_running(0);
      socket_.send({route, reply.SerializeAsString()});
      return;
    }
    const auto shared = std::make_shared<proto::ClientRequest>(std::move(request));
    post(name, [route, shared](GatewaySession& session) { session.handle(route, *shared); });
  }

  void handle_agent(const std::string& route, const std::string& name,
                    proto::AgentMessage message) {
    if (message.has_register_()) {
      const int capacity = message.register_().capacity();
      if (capacity < 1 || capacity > kMaxCapacity) return;
      fail(hub_.registry.add(route, name, message.register_().instance(), capacity,
                             steady_seconds()),
           name + " came anew");
      say_("agent " + name + " is here, " + std::to_string(capacity) + " sandboxes");
      names_[route] = name;
    } else if (message.leave()) {
      lose(route, "stopped");
    } else if (!hub_.registry.heard(route, steady_seconds())) {
      proto::AgentRequest reset;
      reset.set_reset(true);
      socket_.send({route, reset.SerializeAsString()});
    } else if (message.has_heartbeat()) {
      hub_.registry.heard(route, steady_seconds() + seconds_for(std::clamp<int64_t>(
                                                        message.heartbeat(), 0, kMaxMessageBytes)));
    } else if (message.has_done()) {
      const auto done =
          std::make_shared<proto::AgentMessage::Done>(std::move(*message.mutable_done()));
      post(
          hub_.registry.session_of(done->call()),
          [done](GatewaySession& session) { session.done(*done); }, KeyedTasks::Room::kAlways);
    }
  }

  // Whether there is such a session and room for a task of it.
  bool post(const std::string& name, std::function<void(GatewaySession&)> task,
            KeyedTasks::Room room = KeyedTasks::Room::kIfThereIs) {
    const auto it = sessions_.find(name);
    if (it == sessions_.end()) return false;
    Entry& entry = it->second;
    const bool posted = tasks_.post(
        name,
        [session = entry.session, done = entry.num_done, task = std::move(task)] {
          task(*session);
          ++*done;
        },
        room);
    entry.num_posted += posted;
    return posted;
  }

  void send_output() {
    for (const GatewayOutput& output : hub_.output.take_all()) {
      const auto size = static_cast<int64_t>(output.bytes.size());
      const bool is_small = size < kMaxMessageBytes;
      if (output.call != 0 && size > kLargeBytes) {
        proto::AgentRequest notice;
        notice.set_heartbeat(size);
        socket_.send({output.route, notice.SerializeAsString()});
        hub_.registry.heard(output.route, steady_seconds() + seconds_for(size));
      }
      if ((is_small && socket_.send({output.route, output.bytes})) || output.call == 0) continue;
      if (is_small)
        lose(output.route, "was lost", output.call);
      else
        fail({output.call}, "cannot take so large a call");
    }
  }

  void fail(const std::vector<uint64_t>& calls, const std::string& what) {
    const std::string why =
        "agent " + what + " during the call; the sandbox is as it was before it";
    for (const uint64_t call : calls)
      post(
          hub_.registry.session_of(call),
          [call, why](GatewaySession& session) { session.fail(call, why); },
          KeyedTasks::Room::kAlways);
  }

  // unsent: a call that did not reach it, and so can be made elsewhere; or 0.
  void lose(const std::string& route, const std::string& how, uint64_t unsent = 0) {
    const bool was_here = hub_.registry.heard(route, 0);  // and not back under another route
    std::vector<uint64_t> calls = hub_.registry.remove(route);
    if (std::erase(calls, unsent) > 0)
      post(
          hub_.registry.session_of(unsent),
          [unsent](GatewaySession& session) { session.place(unsent); }, KeyedTasks::Room::kAlways);
    const auto it = names_.find(route);
    if (it == names_.end()) return;
    if (was_here) say_("agent " + it->second + " " + how);
    fail(calls, it->second + " " + how);
    names_.erase(it);
  }

  // The end of an agent's process ends its connection, which is seen at once; that of its host is
  // not.
  void greet_agents() {
    proto::AgentRequest beat;
    beat.set_heartbeat(0);
    const std::string bytes = beat.SerializeAsString();
    std::vector<std::string> gone;
    for (const auto& [route, name] : names_)
      if (!socket_.send({route, bytes})) gone.push_back(route);
    for (const std::string& route : gone) lose(route, "was lost");
  }

  void tick() {
    const double t = steady_seconds(), elapsed = t - ticked_;
    if (elapsed < kTickSeconds) return;
    if (ticked_ > 0 && elapsed > kHeartbeatSeconds) hub_.registry.forgive(elapsed);
    ticked_ = t;
    greet_agents();
    for (const std::string& route : hub_.registry.silent_since(t - kSilenceSeconds))
      lose(route, "was lost");
    for (const uint64_t call : hub_.registry.overdue(t))
      post(hub_.registry.session_of(call), [call](GatewaySession& session) {
        session.fail(call, "no agent made the call in time; start more agents");
      });
    for (const uint64_t call : hub_.registry.unplaced())
      post(hub_.registry.session_of(call),
           [call](GatewaySession& session) { session.place(call); });
    if (t - swept_ > kSweepSeconds) sweep(t);
    if (t - cleaned_ > kCleanSeconds) clean(t);
  }

  void sweep(double t) {
    swept_ = t;
    // Closed, and nothing was asked of it since.
    for (const Closed& closed : closed_.take_all()) {
      const auto it = sessions_.find(closed.name);
      if (it != sessions_.end() && it->second.num_posted == closed.num_posted) sessions_.erase(it);
    }
    for (const auto& [name, entry] : sessions_) {
      const Closed closed{name, entry.num_posted + 1};
      post(name, [this, t, closed](GatewaySession& session) {
        if (session.unload_if_idle(t - kIdleSeconds)) closed_.put(closed);
      });
    }
  }

  void clean(double t) {
    cleaned_ = t;
    try {
      for (const auto& client : fs::directory_iterator(options_.folder)) {
        const fs::path folder = client.path() / "temporary";
        if (!fs::is_directory(folder)) continue;
        const std::string prefix = client.path().filename().string() + "/temporary/";
        for (const auto& file : fs::directory_iterator(folder))
          if (!sessions_.contains(prefix + file.path().stem().string()) &&
              fs::file_time_type::clock::now() - fs::last_write_time(file) > kTemporaryAge)
            fs::remove(file);
      }
    } catch (const fs::filesystem_error& e) {  // someone else removed a file, for example
      say_(std::string("cannot clean up: ") + e.what());
    }
  }

  const GatewayOptions options_;
  const std::function<void(const std::string&)>& say_;
  proto::ZmqContext context_;
  Zap zap_;
  proto::ZmqSocket socket_;
  GatewayHub hub_;
  std::atomic<uint64_t> call_{0};
  std::map<std::string, std::string> names_;  // of agents, by route
  std::map<std::string, Entry> sessions_;
  Mailbox<Closed> closed_;
  double ticked_ = 0, swept_ = 0, cleaned_ = 0;
  KeyedTasks tasks_;  // the last member: its tasks use the others
};

}  // namespace

void run_gateway(const GatewayOptions& options, const std::function<bool()>& should_stop,
                 const std::function<void(const std::string&)>& listening,
                 const std::function<void(const std::string&)>& say) {
  raise_descriptor_limit();  // a session's journal costs two
  Gateway gateway(options, say);
  listening(gateway.endpoint());
  gateway.run(should_stop);
}

}  // namespace amalgam::sandbox
