#include "sandbox/journal/tracked_sandbox.h"

#include "configs/error.h"
#include "sandbox/files/fd.h"
#include "sandbox/files/file_tree.h"
#include "sandbox/journal/journal.h"

namespace amalgam::sandbox {

Result make_call(Sandbox* sandbox, const proto::SandboxCall& call, std::string* content) {
  if (call.has_put_file())
    return sandbox->put_file(call.put_file().path(), call.put_file().content());
  if (call.has_get_file()) return sandbox->get_file(call.get_file(), content);
  return sandbox->exec(from_proto(call.exec()));
}

TrackedSandbox::TrackedSandbox(const Limits& limits, const Image& image, const TopState& state)
    : max_bytes_(limits.disk_bytes), is_on_image_(!image.layers.empty()), index_(is_on_image_) {
  std::string error;
  sandbox_ = create_on_image(limits, image, &error);
  if (!sandbox_) throw Error(error);
  state.put_into(sandbox_.get());
  Result top;
  update(nullptr, Outcome::kOk, &top);
  if (!is_usable_) throw Error("a sandbox died at its start");
}

proto::SandboxResult TrackedSandbox::call(const proto::SandboxCall& call) {
  std::string content;
  Result result = make_call(sandbox_.get(), call, &content);
  std::vector<TopChange> changes;
  if (is_infrastructure(result.outcome)) is_usable_ = false;
  try {
    Result top;
    if (is_usable_) changes = update(&call, result.outcome, &top);
    if (!is_usable_ && !is_infrastructure(result.outcome) && result.outcome != Outcome::kMemory)
      result.outcome = top.outcome, result.detail = top.detail;
  } catch (const HostError& e) {
    result.outcome = Outcome::kSandboxFailed;
    result.detail = e.what();
    is_usable_ = false;
  } catch (const Error& e) {
    result.outcome = Outcome::kDiskLimit;
    result.exit_code = 1;
    result.err += e.what();
    is_usable_ = false;
  }
  proto::SandboxResult recorded = to_proto(result);
  recorded.set_content(std::move(content));
  for (TopChange& change : changes) {
    auto* p = recorded.add_changes();
    p->set_path(std::move(change.path));
    p->set_mode(change.mode);
    p->set_content(std::move(change.content));
  }
  return recorded;
}

// What is new since the last time. A sandbox that died takes along what its last call had done.
std::vector<TopChange> TrackedSandbox::update(const proto::SandboxCall* call, Outcome outcome,
                                              Result* top_result) {
  int directory = -1;
  *top_result = sandbox_->open_top(&directory);
  const Fd top(directory);
  is_usable_ = static_cast<bool>(top);
  if (!is_usable_ || (call && call->has_get_file())) return {};
  if (!call || !call->has_put_file()) return index_.update(top.get(), max_bytes_);
  if (outcome == Outcome::kDenied) return {};  // its path leads elsewhere
  const std::string& path = call->put_file().path();
  return index_.update_file(top.get(), is_on_image_ ? "work/" + path : path, max_bytes_);
}

}  // namespace amalgam::sandbox
