#include "sandbox/journal/journaled_sandbox.h"

#include <mutex>

#include "configs/error.h"
#include "sandbox/journal/tracked_sandbox.h"

namespace amalgam::sandbox {
namespace {

class Session : public JournaledSandbox {
 public:
  Session(const std::string& path, const Limits& limits, const Image& image, FailedCalls failed)
      : path_(path),
        limits_(limits),
        image_(image),
        failed_calls_(failed),
        journal_(path, limits, image),
        num_recorded_(journal_.entries().size()) {}

  size_t num_recorded() const override { return num_recorded_; }
  bool has_met_another_call() const override { return has_met_another_call_; }

  Result exec(const Command& command) override {
    if (command.stdin_fd >= 0 || command.out_fd >= 0 || command.err_fd >= 0)
      return sandbox_failure(
          "a command of a journal takes its stdin and gives its output as text only");
    return answer(to_proto(command), nullptr);
  }

  Result put_file(const std::string& path, const std::string& content) override {
    proto::SandboxCall call;
    call.mutable_put_file()->set_path(path);
    call.mutable_put_file()->set_content(content);
    return answer(call, nullptr);
  }

  Result get_file(const std::string& path, std::string* content) override {
    proto::SandboxCall call;
    call.set_get_file(path);
    return answer(call, content);
  }

  bool cancel(double deadline_seconds) override {
    std::shared_ptr<TrackedSandbox> sandbox;
    {
      std::lock_guard lock(mutex_);
      sandbox = sandbox_;
    }
    return sandbox && sandbox->sandbox().cancel(deadline_seconds);
  }

  Result open_top(int* directory) override {
    try {
      make_sandbox();
    } catch (const Error& e) {
      return sandbox_failure(e.what());
    }
    return sandbox_->sandbox().open_top(directory);
  }

 private:
  // From the journal, or by making the call. Never throws.
  Result answer(const proto::SandboxCall& call, std::string* content) {
    has_met_another_call_ = false;
    try {
      if (failed_calls_ == FailedCalls::kSkip) skip_failed();
      const bool is_new = next_ == journal_.entries().size();
      if (is_new) run(call);
      const JournalEntry& entry = journal_.entries()[next_];
      if (!is_new && entry.call.SerializeAsString() != call.SerializeAsString()) {
        has_met_another_call_ = true;
        return sandbox_failure("the journal has another call here: " + describe(entry.call) +
                               "; use a new journal");
      }
      ++next_;
      if (content) *content = entry.result.content();
      return from_proto(entry.result);
    } catch (const std::exception& e) {
      // Not acknowledged. What the sandbox has done since is forgotten with it.
      drop_sandbox();
      next_ = journal_.entries().size();
      if (content) content->clear();
      return sandbox_failure(e.what());
    }
  }

  void skip_failed() {
    const auto& entries = journal_.entries();
    while (next_ < entries.size() && is_infrastructure(entries[next_].result)) ++next_;
  }

  void run(const proto::SandboxCall& call) {
    make_sandbox();
    journal_.begin(call);
    proto::SandboxResult result = sandbox_->call(call);
    if (!journal_.make_fit(&result) || !sandbox_->is_usable()) drop_sandbox();
    journal_.end(std::move(result));
  }

  void make_sandbox() {
    if (sandbox_) return;
    auto sandbox = std::make_shared<TrackedSandbox>(limits_, image_, read_top_state(path_));
    std::lock_guard lock(mutex_);
    sandbox_ = std::move(sandbox);
  }

  void drop_sandbox() {
    std::lock_guard lock(mutex_);
    sandbox_.reset();
  }

  const std::string path_;
  const Limits limits_;
  const Image image_;
  const FailedCalls failed_calls_;
  Journal journal_;
  const size_t num_recorded_;
  size_t next_ = 0;  // the place of the next call in the journal
  bool has_met_another_call_ = false;
  std::mutex mutex_;  // of sandbox_, which `cancel` uses from another thread
  std::shared_ptr<TrackedSandbox> sandbox_;
};

}  // namespace

std::unique_ptr<JournaledSandbox> open_journaled(const std::string& path, const Limits& limits,
                                                 const Image& image, FailedCalls failed) {
  return std::make_unique<Session>(path, limits, image, failed);
}

}  // namespace amalgam::sandbox
