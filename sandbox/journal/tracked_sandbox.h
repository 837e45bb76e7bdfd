// A sandbox whose calls and results are records: with each result it says which entries of the top
// (top.h) the call changed. What a journal keeps, and what a replay compares with it.
#pragma once
#include <memory>

#include "proto/sandbox.pb.h"
#include "sandbox/images/image_store.h"
#include "sandbox/images/top_index.h"
#include "sandbox/images/top_state.h"
#include "sandbox/sandbox.h"

namespace amalgam::sandbox {

// content: of get_file.
Result make_call(Sandbox* sandbox, const proto::SandboxCall& call, std::string* content);

class TrackedSandbox {
 public:
  // A new one, in the state that earlier calls left behind. Error when it cannot be made.
  TrackedSandbox(const Limits& limits, const Image& image, const TopState& state);

  // A call after which the top cannot be told changes nothing, and the sandbox is of
  // no further use: it died, or its files, with their holes, are too large to be kept (kDiskLimit).
  proto::SandboxResult call(const proto::SandboxCall& call);
  bool is_usable() const { return is_usable_; }

  // For `cancel` and for reading the top.
  Sandbox& sandbox() { return *sandbox_; }

 private:
  // top_result: of opening the top.
  std::vector<TopChange> update(const proto::SandboxCall* call, Outcome outcome,
                                Result* top_result);

  const int64_t max_bytes_;
  const bool is_on_image_;
  std::unique_ptr<Sandbox> sandbox_;
  TopIndex index_;
  bool is_usable_ = true;
};

}  // namespace amalgam::sandbox
