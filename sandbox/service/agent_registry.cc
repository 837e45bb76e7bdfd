#include "sandbox/service/agent_registry.h"

#include <algorithm>

namespace amalgam::sandbox {

std::vector<uint64_t> AgentRegistry::add(const std::string& route, const std::string& name,
                                         uint64_t instance, int capacity, double now) {
  std::lock_guard lock(mutex_);
  std::vector<std::string> old;
  for (const auto& [r, agent] : agents_)
    if (r == route || (agent.name == name && agent.instance == instance)) old.push_back(r);
  std::vector<uint64_t> lost;
  for (const std::string& r : old)
    for (const uint64_t call : remove_locked(r)) lost.push_back(call);
  agents_[route] = {name, instance, capacity, now, {}};
  return lost;
}

std::vector<uint64_t> AgentRegistry::remove(const std::string& route) {
  std::lock_guard lock(mutex_);
  return remove_locked(route);
}

std::vector<uint64_t> AgentRegistry::remove_locked(const std::string& route) {
  const auto it = agents_.find(route);
  if (it == agents_.end()) return {};
  for (const std::string& session : it->second.sessions) placed_.erase(session);
  agents_.erase(it);
  std::vector<uint64_t> lost;
  for (const auto& [number, call] : calls_)
    if (call.route == route) lost.push_back(number);
  return lost;
}

bool AgentRegistry::heard(const std::string& route, double now) {
  std::lock_guard lock(mutex_);
  const auto it = agents_.find(route);
  if (it == agents_.end()) return false;
  it->second.heard = std::max(it->second.heard, now);
  return true;
}

std::vector<std::string> AgentRegistry::silent_since(double then) const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> silent;
  for (const auto& [route, agent] : agents_)
    if (agent.heard < then) silent.push_back(route);
  return silent;
}

void AgentRegistry::forgive(double seconds) {
  std::lock_guard lock(mutex_);
  for (auto& [route, agent] : agents_) agent.heard += seconds;
}

int AgentRegistry::num_agents() const {
  std::lock_guard lock(mutex_);
  return static_cast<int>(agents_.size());
}

std::optional<AgentRegistry::Place> AgentRegistry::place(const std::string& session) {
  std::lock_guard lock(mutex_);
  if (const auto it = placed_.find(session); it != placed_.end())
    return Place{it->second, agents_.at(it->second).name, false};
  const auto load = [](const Agent& a) {
    return static_cast<double>(a.sessions.size()) / a.capacity;
  };
  const std::string* best_route = nullptr;
  Agent* best = nullptr;
  for (auto& [route, agent] : agents_) {
    if (static_cast<int>(agent.sessions.size()) >= agent.capacity) continue;
    if (best &&
        (load(agent) > load(*best) || (load(agent) == load(*best) && agent.name >= best->name)))
      continue;
    best_route = &route;
    best = &agent;
  }
  if (!best) return std::nullopt;
  best->sessions.insert(session);
  placed_[session] = *best_route;
  return Place{*best_route, best->name, true};
}

std::string AgentRegistry::route_of(const std::string& session) const {
  std::lock_guard lock(mutex_);
  const auto it = placed_.find(session);
  return it == placed_.end() ? std::string() : it->second;
}

std::string AgentRegistry::release(const std::string& session) {
  std::lock_guard lock(mutex_);
  const auto it = placed_.find(session);
  if (it == placed_.end()) return {};
  const std::string route = it->second;
  agents_.at(route).sessions.erase(session);
  placed_.erase(it);
  return route;
}

bool AgentRegistry::begin_call(uint64_t call, const std::string& session, const std::string& route,
                               double deadline) {
  std::lock_guard lock(mutex_);
  if (!route.empty() && !agents_.contains(route)) return false;
  calls_[call] = {session, route, deadline};
  return true;
}

void AgentRegistry::end_call(uint64_t call) {
  std::lock_guard lock(mutex_);
  calls_.erase(call);
}

std::string AgentRegistry::session_of(uint64_t call) const {
  std::lock_guard lock(mutex_);
  const auto it = calls_.find(call);
  return it == calls_.end() ? std::string() : it->second.session;
}

std::vector<uint64_t> AgentRegistry::overdue(double now) const {
  std::lock_guard lock(mutex_);
  std::vector<uint64_t> late;
  for (const auto& [number, call] : calls_)
    if (call.deadline < now) late.push_back(number);
  return late;
}

std::vector<uint64_t> AgentRegistry::unplaced() const {
  std::lock_guard lock(mutex_);
  std::vector<uint64_t> waiting;
  for (const auto& [number, call] : calls_)
    if (call.route.empty()) waiting.push_back(number);
  return waiting;
}

}  // namespace amalgam::sandbox
