// One session at the gateway: its journal, and the call under way. Used by one thread at a time.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "proto/sandbox_service.pb.h"
#include "sandbox/journal/journal.h"
#include "sandbox/service/agent_registry.h"
#include "sandbox/service/mailbox.h"

namespace amalgam::sandbox {

// One message to one peer. call: not 0: to an agent, and lost with the call when it cannot be sent.
struct GatewayOutput {
  std::string route, bytes;
  uint64_t call = 0;
};

// What all sessions share.
struct GatewayHub {
  AgentRegistry registry;
  Mailbox<GatewayOutput> output;
  std::function<double()> now;          // seconds
  std::function<uint64_t()> next_call;  // never 0 and never twice
};

class GatewaySession {
 public:
  // name: of the session here and on agents; path: of its journal. hub outlives it.
  GatewaySession(std::string name, std::string path, GatewayHub* hub)
      : name_(std::move(name)), path_(std::move(path)), hub_(hub) {}

  // From the client at `route`, who is answered now or when the call is over.
  void handle(const std::string& route, const proto::ClientRequest& request);
  // From an agent. Of a call that is no longer waited for: nothing happens.
  void done(const proto::AgentMessage::Done& done);
  // The call will not come to an end by itself: its agent died, say.
  void fail(uint64_t call, const std::string& why);
  // Tries again to find a place for a call that waits for one.
  void place(uint64_t call);
  // Ends the sandbox and closes the journal of a session that was not asked for anything since
  // then; the next request opens it again. Whether it is closed now.
  bool unload_if_idle(double since);

 private:
  struct Pending {
    uint64_t call = 0;
    int64_t number = 0;
    std::set<std::string> clients;
    bool is_cancelled = false;
    double place_by = 0;  // until when it may wait for a place
  };
  // The next call: into the journal, then to an agent.
  void begin(const std::string& route, const proto::ClientRequest& request);
  void dispatch();
  void send_call();
  void finish(proto::SandboxResult result, bool is_gone);
  void release();
  void unload();
  void answer(const std::string& route, int64_t number, const proto::SandboxResult& result,
              bool is_recorded = false) const;
  void refuse(const std::string& route, int64_t number, const std::string& why) const;
  void send(const std::string& route, const proto::ClientReply& reply) const;
  void open(const proto::SandboxSpec& spec);
  // Whether fill_history() could.
  bool can_be_restored() const;
  bool fill_history(proto::AgentRequest::Call* call) const;

  const std::string name_, path_;
  GatewayHub* const hub_;
  proto::SandboxSpec spec_;
  std::string id_;  // as the client calls it
  std::unique_ptr<Journal> journal_;
  std::optional<Pending> pending_;
  double last_used_ = 0;
};

}  // namespace amalgam::sandbox
