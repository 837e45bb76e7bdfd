#include "sandbox/service/remote_sandbox.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>

#include "configs/clock.h"
#include "configs/error.h"
#include "configs/log/log.h"
#include "sandbox/journal/journal.h"
#include "sandbox/service/service_keys.h"
#include "sandbox/service/service_messages.h"

namespace amalgam::sandbox {
namespace {

constexpr auto kCancelInterval = std::chrono::milliseconds(200);

}  // namespace

RemoteSandbox::RemoteSandbox(std::shared_ptr<GatewayClient> client, std::string session,
                             proto::SandboxSpec spec, std::string file)
    : client_(std::move(client)),
      session_(std::move(session)),
      spec_(std::move(spec)),
      file_(std::move(file)) {
  if (!is_plain_name(session_))
    lost_ = "a session's name is of letters, digits, _, - and, but not first, ., at most 64";
  else
    lost_ = problem_of(spec_);
}

RemoteSandbox::~RemoteSandbox() {
  std::error_code ignored;
  if (number_ == 0 || (!file_.empty() && std::filesystem::exists(file_, ignored))) return;
  try {
    proto::ClientRequest close = request();
    close.set_close(true);
    auto connection = client_->take();
    connection->send({close.SerializeAsString()});
    client_->give_back(std::move(connection));
  } catch (const std::exception&) {
    // Without it the gateway ends the session's sandbox some minutes later.
  }
}

Result RemoteSandbox::exec(const Command& command) {
  if (command.stdin_fd >= 0)
    return sandbox_failure("a command on another host takes its stdin as text only");
  return call(to_proto(command), nullptr);
}

Result RemoteSandbox::put_file(const std::string& path, const std::string& content) {
  proto::SandboxCall put;
  put.mutable_put_file()->set_path(path);
  put.mutable_put_file()->set_content(content);
  return call(put, nullptr);
}

Result RemoteSandbox::get_file(const std::string& path, std::string* content) {
  proto::SandboxCall get;
  get.set_get_file(path);
  return call(get, content);
}

Result RemoteSandbox::call(const proto::SandboxCall& call, std::string* content) {
  Result result;
  do result = call_once(call, content);
  while (!file_.empty() && lost_.empty() && was_recorded_ && is_infrastructure(result.outcome));
  return result;
}

Result RemoteSandbox::call_once(const proto::SandboxCall& call, std::string* content) {
  if (content) content->clear();
  if (!lost_.empty()) return sandbox_failure(lost_);
  {
    std::lock_guard lock(mutex_);
    is_running_ = true;
  }
  proto::SandboxResult result;
  std::string error;
  bool answered = false;
  try {
    answered = ask(call, &result, &error);
  } catch (const std::exception& e) {
    error = e.what();
  }
  {
    std::lock_guard lock(mutex_);
    is_running_ = false;
    if (!answered || is_taken_) ++number_;
  }
  over_.notify_all();
  if (!answered) {
    lost_ = error;
    return sandbox_failure(error);
  }
  if (content) *content = result.content();
  return from_proto(result);
}

proto::ClientRequest RemoteSandbox::request() const {
  proto::ClientRequest request;
  request.set_session(session_);
  request.set_number(number_);
  *request.mutable_spec() = spec_;
  return request;
}

bool RemoteSandbox::ask(const proto::SandboxCall& call, proto::SandboxResult* result,
                        std::string* error) {
  proto::ClientRequest asking = request();
  const int64_t number = asking.number();
  asking.set_poll(true);
  const std::string poll = asking.SerializeAsString();
  *asking.mutable_call() = call;
  const std::string full = asking.SerializeAsString();
  if (static_cast<int64_t>(full.size()) >= kMaxMessageBytes) {
    *error = "what the call holds is larger than a message to the gateway may be";
    return false;
  }
  const auto size = static_cast<int64_t>(full.size());
  const double deadline = limits_of(spec_).wall_seconds + kPlaceSeconds + slack_seconds(spec_) +
                          GatewayClient::kPatienceSeconds + seconds_for(size);
  auto connection = client_->take();
  connection->send({full});
  const auto begin = Clock::now();
  auto connected = begin, asked = begin, looked = begin;
  // When the gateway spoke, or later as long as something large is on its way.
  auto heard = begin;
  const auto expect = [&](int64_t bytes) {
    heard = std::max(heard, Clock::now() + std::chrono::milliseconds(
                                               static_cast<int64_t>(seconds_for(bytes) * 1000)));
  };
  expect(size);
  for (;;) {
    connection->wait(kLookMs);
    for (proto::ZmqMessage message; connection->receive(&message);) {
      proto::ClientReply reply;
      if (message.frames.size() != 1 || !reply.ParseFromString(message.frames[0])) continue;
      if (!reply.refused().empty()) {
        *error = client_->url_ + ": " + reply.refused();
        return false;
      }
      // An answer to someone who used this connection before is none of ours.
      if (reply.session() != session_ || reply.number() != number) continue;
      expect(std::clamp<int64_t>(reply.running(), 0, kMaxMessageBytes));
      if (reply.has_result()) {
        *result = std::move(*reply.mutable_result());
        was_recorded_ = reply.is_recorded();
        is_taken_ = !reply.not_taken();
        client_->give_back(std::move(connection));
        return true;
      }
      if (reply.unknown()) {
        connection->send({full});
        expect(size);
      }
    }
    *error = client_->handshake_problem(connection.get());
    if (!error->empty()) return false;
    // Time in which this process could not run is not the gateway's silence.
    if (seconds_since(looked) > kHeartbeatSeconds) expect(0);
    looked = Clock::now();
    if (seconds_since(heard) > GatewayClient::kPatienceSeconds || seconds_since(begin) > deadline) {
      *error = "the gateway " + client_->url_ + " has not answered the call for " +
               std::to_string(static_cast<int>(seconds_since(begin))) + " s";
      return false;
    }
    if (seconds_since(heard) > kSilenceSeconds &&
        seconds_since(connected) > kSilenceSeconds + seconds_for(size)) {
      log::info(log::Part::kSandbox, "the gateway " + client_->url_ + " is silent for " +
                                         std::to_string(static_cast<int>(seconds_since(heard))) +
                                         " s: the call is sent again");
      connection = client_->make();
      connection->send({full});
      connected = asked = Clock::now();
    }
    if (seconds_since(asked) > kHeartbeatSeconds) {
      connection->send({poll});
      asked = Clock::now();
    }
  }
}

bool RemoteSandbox::cancel(double deadline_seconds) {
  const auto end = Clock::now() + std::chrono::duration<double>(std::min(deadline_seconds, 1e6));
  std::unique_lock lock(mutex_);
  if (!is_running_) return false;
  proto::ClientRequest cancel = request();
  const int64_t number = number_;
  cancel.set_cancel(true);
  const std::string bytes = cancel.SerializeAsString();
  const auto is_over = [&] { return !is_running_ || number_ != number; };
  auto connection = client_->take();
  // Until it meets the command: the call may still be on its way.
  while (!is_over() && Clock::now() < end) {
    connection->send({bytes});
    over_.wait_for(
        lock,
        std::min<Clock::duration>(kCancelInterval,
                                  std::chrono::duration_cast<Clock::duration>(end - Clock::now())),
        is_over);
  }
  client_->give_back(std::move(connection));
  return is_over();
}

}  // namespace amalgam::sandbox
