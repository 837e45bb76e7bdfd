#include "sandbox/images/top_state.h"

#include <sys/stat.h>

#include "configs/error.h"
#include "configs/printable.h"
#include "sandbox/files/layer.h"

namespace amalgam::sandbox {
namespace {

void apply(Sandbox* sandbox, const std::string& path, unsigned mode, const std::string& content) {
  const Result result = sandbox->change(path, mode, content);
  if (result.outcome != Outcome::kOk)
    throw Error("cannot put back " + printable(path) + ": " + result.detail + result.err);
}

}  // namespace

void TopState::add(const proto::SandboxResult& result) {
  for (const proto::SandboxChange& change : result.changes()) {
    if (change.mode() != 0) {
      present_[change.path()] = change;
      continue;
    }
    present_.erase(change.path());
    const std::string below = change.path() + "/";
    add_removed(change.path());
    for (auto it = present_.lower_bound(below);
         it != present_.end() && it->first.starts_with(below);)
      it = present_.erase(it);
  }
}

// A removed folder stands for all that was in it.
void TopState::add_removed(const std::string& path) {
  for (size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1))
    if (removed_.contains(path.substr(0, at))) return;
  // Descending: from before path + ('/' + 1) on.
  auto it = removed_.upper_bound(path + "0");
  while (it != removed_.end() && it->starts_with(path + "/")) it = removed_.erase(it);
  removed_.insert(path);
}

void TopState::put_into(Sandbox* sandbox) const {
  for (const std::string& path : removed_) apply(sandbox, path, S_IFCHR, "");
  // Folders can be filled before they get modes that forbid it.
  for (const auto& [path, change] : present_)
    apply(sandbox, path, S_ISDIR(change.mode()) ? change.mode() | S_IRWXU : change.mode(),
          change.content());
  for (auto it = present_.rbegin(); it != present_.rend(); ++it)
    if (S_ISDIR(it->second.mode()) && (it->second.mode() & S_IRWXU) != S_IRWXU)
      apply(sandbox, it->first, it->second.mode(), "");
}

void TopState::list(google::protobuf::RepeatedPtrField<proto::SandboxChange>* changes) const {
  for (const std::string& path : removed_) changes->Add()->set_path(path);
  for (const auto& [path, change] : present_) *changes->Add() = change;
}

}  // namespace amalgam::sandbox
