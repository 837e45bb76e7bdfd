#include "sandbox/service/agent_session.h"

#include <exception>

#include "configs/error.h"
#include "sandbox/journal/journal.h"
#include "sandbox/service/service_messages.h"

namespace amalgam::sandbox {
namespace {

// With the store that holds its layers here.
Image local_image(const std::string& images, const proto::SandboxSpec& spec) {
  Image image = image_of(spec);
  if (image.layers.empty()) return image;
  if (images.empty()) throw Error("this agent has no images; start it with --store");
  Image here = ImageStore(images).find(image.id);
  if (here.layers != image.layers) throw Error("image " + image.id + " has other layers here");
  return here;
}

}  // namespace

struct AgentSession::Box {
  std::unique_ptr<TrackedSandbox> tracked;
  std::unique_ptr<Sandbox> plain;
  Sandbox& sandbox() { return tracked ? tracked->sandbox() : *plain; }
};

std::shared_ptr<AgentSession::Box> AgentSession::make(
    const proto::AgentRequest::Call& request) const {
  const proto::SandboxSpec& spec = request.spec();
  if (const std::string problem = problem_of(spec); !problem.empty()) throw Error(problem);
  auto box = std::make_shared<Box>();
  if (spec.substrate() == "container") {
    TopState state;
    proto::SandboxResult before;
    *before.mutable_changes() = request.changes();
    state.add(before);
    box->tracked =
        std::make_unique<TrackedSandbox>(limits_of(spec), local_image(images_, spec), state);
    return box;
  }
  std::string error;
  box->plain = create(spec.substrate(), limits_of(spec), &error, images_);
  if (!box->plain) throw Error(error);
  for (const proto::SandboxPut& put : request.puts())
    if (is_infrastructure(box->plain->put_file(put.path(), put.content()).outcome))
      throw Error("a file cannot be put back");
  return box;
}

std::shared_ptr<AgentSession::Box> AgentSession::box() {
  std::lock_guard lock(mutex_);
  return box_;
}

proto::AgentMessage::Done AgentSession::call(const proto::AgentRequest::Call& request) {
  proto::AgentMessage::Done done;
  done.set_call(request.call());
  try {
    if (request.is_new()) {
      auto fresh = make(request);
      std::lock_guard lock(mutex_);
      box_ = std::move(fresh);
    }
    std::shared_ptr<Box> box;
    {
      std::lock_guard lock(mutex_);
      if (!is_closed_) box = box_;
    }
    if (!box) throw Error("the agent no longer has this sandbox");
    if (box->tracked) {
      *done.mutable_result() = box->tracked->call(request.ask());
      done.set_is_gone(!box->tracked->is_usable());
    } else {
      std::string content;
      const Result result = make_call(box->plain.get(), request.ask(), &content);
      *done.mutable_result() = to_proto(result);
      done.mutable_result()->set_content(std::move(content));
      done.set_is_gone(is_infrastructure(result.outcome));
    }
  } catch (const std::exception& e) {
    *done.mutable_result() = to_proto(sandbox_failure(e.what()));
    done.set_is_gone(true);
  }
  if (static_cast<int64_t>(done.ByteSizeLong()) > kMaxMessageBytes - kLargeBytes) {
    // Names cost no disk, and a folder of many that moves is told in full.
    auto* result = done.mutable_result();
    result->clear_changes();
    result->clear_content();
    result->set_outcome(static_cast<int32_t>(Outcome::kDiskLimit));
    result->set_exit_code(1);
    result->set_err("what the call changed is larger than a message may be");
    done.set_is_gone(true);
  }
  if (done.is_gone()) {
    std::lock_guard lock(mutex_);
    box_.reset();
  }
  return done;
}

bool AgentSession::cancel(double deadline_seconds) {
  const auto current = box();
  return current && current->sandbox().cancel(deadline_seconds);
}

void AgentSession::close() {
  {
    std::lock_guard lock(mutex_);
    is_closed_ = true;
  }
  cancel(0);
}

}  // namespace amalgam::sandbox
