// One session on an agent's host: its sandbox, made when the gateway says so, and its calls.
#pragma once
#include <memory>
#include <mutex>
#include <string>

#include "proto/sandbox_service.pb.h"
#include "sandbox/journal/tracked_sandbox.h"

namespace amalgam::sandbox {

class AgentSession {
 public:
  // images: the folder of the image store; empty: this agent has none.
  explicit AgentSession(std::string images) : images_(std::move(images)) {}

  // One at a time. Never throws; what fails is the result's.
  proto::AgentMessage::Done call(const proto::AgentRequest::Call& request);
  // From any thread; see Sandbox::cancel.
  bool cancel(double deadline_seconds);
  // From any thread: no call is begun any more.
  void close();

 private:
  // Of either kind of sandbox: one whose changes are known, or one that does not show its files.
  struct Box;

  std::shared_ptr<Box> make(const proto::AgentRequest::Call& request) const;
  std::shared_ptr<Box> box();

  const std::string images_;
  std::mutex mutex_;
  std::shared_ptr<Box> box_;
  bool is_closed_ = false;
};

}  // namespace amalgam::sandbox
