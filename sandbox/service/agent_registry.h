// What the gateway knows of its agents: who is there, which session is on which, which calls are
// under way. Thread-safe. Times are the caller's, in seconds of one clock.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace amalgam::sandbox {

class AgentRegistry {
 public:
  // A route is how the gateway's socket calls a connection. An instance is an agent's process: it
  // comes back under another route when its connection broke; its old one is forgotten.
  // Returns the calls that are lost by this.
  std::vector<uint64_t> add(const std::string& route, const std::string& name, uint64_t instance,
                            int capacity, double now);
  // It is gone. Returns the calls that it had.
  std::vector<uint64_t> remove(const std::string& route);
  // At this time, or later when it is known to have much to send. False when it is not known.
  bool heard(const std::string& route, double now);
  // Those silent since then.
  std::vector<std::string> silent_since(double then) const;
  // Time in which the gateway itself did not listen is nobody's silence.
  void forgive(double seconds);
  int num_agents() const;

  struct Place {
    std::string route, agent;
    bool is_new = false;  // the session's sandbox is not there yet
  };
  // Where the session is, or else where it is to be from now on: on the agent with the most room in
  // proportion to its capacity, the first by name among equals. Nothing when none has room.
  std::optional<Place> place(const std::string& session);
  // Its route; empty when the session is nowhere.
  std::string route_of(const std::string& session) const;
  // Returns the route it had, empty when it was nowhere.
  std::string release(const std::string& session);

  // A call of a session is under way until `deadline`, on the agent at `route` or, when it is
  // empty, waiting for a place. False when that agent has gone since it was chosen.
  bool begin_call(uint64_t call, const std::string& session, const std::string& route,
                  double deadline);
  void end_call(uint64_t call);
  // Its session; empty when it is over.
  std::string session_of(uint64_t call) const;
  // Those past their deadline.
  std::vector<uint64_t> overdue(double now) const;
  // Those that wait for a place.
  std::vector<uint64_t> unplaced() const;

 private:
  struct Agent {
    std::string name;
    uint64_t instance = 0;
    int capacity = 0;
    double heard = 0;
    std::set<std::string> sessions;
  };
  struct Call {
    std::string session, route;
    double deadline = 0;
  };
  std::vector<uint64_t> remove_locked(const std::string& route);

  mutable std::mutex mutex_;
  std::map<std::string, Agent> agents_;        // by route
  std::map<std::string, std::string> placed_;  // session → route
  std::map<uint64_t, Call> calls_;
};

}  // namespace amalgam::sandbox
