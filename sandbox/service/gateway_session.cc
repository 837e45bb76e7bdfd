#include "sandbox/service/gateway_session.h"

#include <unistd.h>

#include <algorithm>
#include <exception>

#include "configs/error.h"
#include "sandbox/images/top_state.h"
#include "sandbox/service/service_messages.h"

namespace amalgam::sandbox {
namespace {

proto::SandboxResult failed(const std::string& why, Outcome outcome = Outcome::kSandboxFailed) {
  Result result = sandbox_failure(why);
  result.outcome = outcome;
  return to_proto(result);
}

}  // namespace

void GatewaySession::handle(const std::string& route, const proto::ClientRequest& request) {
  const int64_t number = request.number();
  last_used_ = hub_->now();
  id_ = request.session();
  try {
    if (request.has_close() && !journal_ && access(path_.c_str(), F_OK) != 0) return;
    open(request.spec());
    const auto size = static_cast<int64_t>(journal_->entries().size());
    const bool is_pending = pending_ && pending_->number == number;
    if (request.has_close()) {
      release();  // which ends a call under way
      pending_.reset();
      journal_.reset();
      if (!request.spec().keep()) unlink(path_.c_str());
    } else if (request.has_cancel()) {
      if (!is_pending) return;
      pending_->is_cancelled = true;
      proto::AgentRequest cancel;
      cancel.set_cancel(name_);
      if (const std::string agent = hub_->registry.route_of(name_); !agent.empty())
        hub_->output.put({agent, cancel.SerializeAsString()});
      else
        finish(failed("cancelled", Outcome::kCancelled), true);
    } else if (number < 0 || number > size) {
      refuse(route, number, "call " + std::to_string(number) + " comes before it can");
    } else if (request.has_call() && number < size &&
               journal_->entries()[static_cast<size_t>(number)].call.SerializeAsString() !=
                   request.call().SerializeAsString()) {
      refuse(route, number,
             "the session has another call here: " +
                 describe(journal_->entries()[static_cast<size_t>(number)].call) +
                 "; use a new session");
    } else if (is_pending) {
      pending_->clients.insert(route);
      proto::ClientReply reply;
      reply.set_number(number);
      reply.set_running(0);
      send(route, reply);
    } else if (number < size) {
      answer(route, number, journal_->entries()[static_cast<size_t>(number)].result,
             /*is_recorded=*/true);
    } else if (!request.has_call()) {
      proto::ClientReply reply;
      reply.set_number(number);
      reply.set_unknown(true);
      send(route, reply);
    } else if (pending_) {
      refuse(route, number, "the call before it is not over");
    } else {
      begin(route, request);
    }
  } catch (const std::exception& e) {
    refuse(route, number, e.what());
  }
}

void GatewaySession::open(const proto::SandboxSpec& spec) {
  const std::string problem = problem_of(spec);
  if (!problem.empty()) throw Error("the gateway takes no such session: " + problem);
  if (journal_ && spec.SerializeAsString() != spec_.SerializeAsString())
    throw Error("the session was started with other limits or on another image; use a new one");
  if (journal_) return;
  journal_ = std::make_unique<Journal>(path_, limits_of(spec), image_of(spec), spec.substrate());
  spec_ = spec;
}

void GatewaySession::begin(const std::string& route, const proto::ClientRequest& request) {
  journal_->begin(request.call());
  pending_ = Pending{.call = hub_->next_call(),
                     .number = request.number(),
                     .clients = {route},
                     .place_by = hub_->now() + kPlaceSeconds};
  dispatch();
}

void GatewaySession::dispatch() {
  try {
    send_call();
  } catch (const std::exception& e) {  // its record cannot be read, for example
    finish(failed(e.what()), true);
  }
}

void GatewaySession::send_call() {
  const auto place = hub_->registry.place(name_);
  if (!place) {
    hub_->registry.begin_call(pending_->call, name_, "", pending_->place_by);
    return;
  }
  proto::AgentRequest request;
  auto* call = request.mutable_call();
  call->set_call(pending_->call);
  call->set_session(name_);
  *call->mutable_spec() = spec_;
  call->set_is_new(place->is_new);
  *call->mutable_ask() = journal_->entries().back().call;
  if (place->is_new && !fill_history(call)) {
    finish(
        failed("a sandbox of this kind cannot be brought back, and it is lost; use a new session"),
        true);
    return;
  }
  if (!hub_->registry.begin_call(
          pending_->call, name_, place->route,
          hub_->now() + limits_of(spec_).wall_seconds + slack_seconds(spec_))) {
    finish(failed("agent " + place->agent + " was lost before the call"), true);
    return;
  }
  hub_->output.put({place->route, request.SerializeAsString(), pending_->call});
}

// What brings a new sandbox to where the session is. False when nothing can.
bool GatewaySession::fill_history(proto::AgentRequest::Call* call) const {
  if (spec_.substrate() == "container") {
    read_top_state(path_).list(call->mutable_changes());
    return true;
  }
  const auto& entries = journal_->entries();
  for (size_t i = 0; i + 1 < entries.size(); ++i) {  // the last one is the call to be made
    if (is_infrastructure(entries[i].result)) continue;
    if (entries[i].call.has_exec()) return false;
    if (entries[i].call.has_put_file()) *call->add_puts() = entries[i].call.put_file();
  }
  return true;
}

void GatewaySession::place(uint64_t call) {
  if (!pending_ || pending_->call != call) return;
  hub_->registry.end_call(call);
  dispatch();
}

void GatewaySession::done(const proto::AgentMessage::Done& done) {
  if (pending_ && pending_->call == done.call()) finish(done.result(), done.is_gone());
}

void GatewaySession::fail(uint64_t call, const std::string& why) {
  if (!pending_ || pending_->call != call) return;
  if (pending_->is_cancelled)
    finish(failed(why, Outcome::kCancelled), true);
  else
    finish(failed(why), true);
}

void GatewaySession::finish(proto::SandboxResult result, bool is_gone) {
  const Pending over = std::move(*pending_);
  pending_.reset();
  last_used_ = hub_->now();
  hub_->registry.end_call(over.call);
  if (!journal_->make_fit(&result) || is_gone) release();
  try {
    journal_->end_on_disk(result);
  } catch (const std::exception& e) {
    // Not acknowledged, so it counts as interrupted when the session is asked for again.
    result = failed(e.what());
    unload();
  }
  for (const std::string& client : over.clients) answer(client, over.number, result);
}

void GatewaySession::release() {
  if (pending_) hub_->registry.end_call(pending_->call);
  const std::string agent = hub_->registry.release(name_);
  if (agent.empty()) return;
  proto::AgentRequest drop;
  drop.set_drop(name_);
  hub_->output.put({agent, drop.SerializeAsString()});
}

bool GatewaySession::unload_if_idle(double since) {
  // What could not be brought back is not ended for idleness.
  if (!pending_ && last_used_ < since && (!journal_ || can_be_restored())) unload();
  return !journal_;
}

bool GatewaySession::can_be_restored() const {
  return spec_.substrate() == "container" ||
         std::none_of(journal_->entries().begin(), journal_->entries().end(),
                      [](const auto& entry) {
                        return entry.call.has_exec() && !is_infrastructure(entry.result);
                      });
}

void GatewaySession::unload() {
  release();
  journal_.reset();
}

void GatewaySession::answer(const std::string& route, int64_t number,
                            const proto::SandboxResult& result, bool is_recorded) const {
  proto::ClientReply reply;
  reply.set_number(number);
  *reply.mutable_result() = result;
  reply.mutable_result()->clear_changes();
  if (const auto size = static_cast<int64_t>(reply.ByteSizeLong()); size > kLargeBytes) {
    proto::ClientReply notice;
    notice.set_number(number);
    notice.set_running(size);
    send(route, notice);
  }
  reply.set_is_recorded(is_recorded);
  send(route, reply);
}

void GatewaySession::refuse(const std::string& route, int64_t number,
                            const std::string& why) const {
  proto::ClientReply reply;
  reply.set_number(number);
  *reply.mutable_result() = failed(why);
  reply.set_not_taken(true);
  send(route, reply);
}

void GatewaySession::send(const std::string& route, const proto::ClientReply& reply) const {
  proto::ClientReply named = reply;
  named.set_session(id_);
  hub_->output.put({route, named.SerializeAsString()});
}

}  // namespace amalgam::sandbox
