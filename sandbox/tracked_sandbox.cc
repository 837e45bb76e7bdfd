#include "sandbox/tracked_sandbox.h"

#include "configs/error.h"
#include "sandbox/file_tree.h"
#include "sandbox/journal.h"

namespace amalgam::sandbox {

Result make_call(Sandbox* sandbox, const proto::SandboxCall& call, std::string* content) {
  if (call.has_put_file())
    return sandbox->put_file(call.put_file().path(), call.put_file().content());
  if (call.has_get_file()) return sandbox->get_file(call.get_file(), content);
  return sandbox->exec(from_proto(call.exec()));
}

TrackedSandbox::TrackedSandbox(const Limits& limits, const Image& image, const TopState& state)
    : max_bytes_(kMaxDiskSizes * limits.disk_bytes), index_(!image.layers.empty()) {
  std::string error;
  sandbox_ = create_on_image(limits, image, &error);
  if (!sandbox_) throw Error(error);
  state.put_into(sandbox_.get());
  update();
  if (!is_usable_) throw Error("a sandbox died at its start");
}

proto::SandboxResult TrackedSandbox::call(const proto::SandboxCall& call) {
  std::string content;
  Result result = make_call(sandbox_.get(), call, &content);
  std::vector<TopChange> changes;
  if (is_infrastructure(result.outcome)) is_usable_ = false;
  try {
    if (is_usable_ && !call.has_get_file()) changes = update();
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
std::vector<TopChange> TrackedSandbox::update() {
  int directory = -1;
  sandbox_->open_top(&directory);
  const Fd top(directory);
  is_usable_ = static_cast<bool>(top);
  if (!is_usable_) return {};
  return index_.update(top.get(), max_bytes_);
}

}  // namespace amalgam::sandbox
