#include "sandbox/journaled_sandbox.h"

#include <sys/stat.h>

#include <map>
#include <mutex>
#include <set>

#include "configs/error.h"
#include "sandbox/file_tree.h"

namespace amalgam::sandbox {
namespace {

Result failed(std::string detail) {
  Result result;
  result.detail = std::move(detail);
  return result;
}

void apply(Sandbox* sandbox, const std::string& path, unsigned mode, const std::string& content) {
  const Result result = sandbox->change(path, mode, content);
  if (result.outcome != Outcome::kOk)
    throw Error("cannot put back " + printable(path) + ": " + result.detail + result.err);
}

class JournaledSandbox : public Sandbox {
 public:
  JournaledSandbox(const std::string& path, const Limits& limits, const Image& image,
                   FailedCalls failed)
      : limits_(limits), image_(image), failed_calls_(failed), journal_(path, limits, image) {}

  Result exec(const Command& command) override {
    if (command.stdin_fd >= 0) return failed("a command of a journal takes its stdin as text only");
    return answer(to_proto(command), nullptr,
                  [&](Sandbox& sandbox, std::string*) { return sandbox.exec(command); });
  }

  Result put_file(const std::string& path, const std::string& content) override {
    proto::SandboxCall call;
    call.mutable_put_file()->set_path(path);
    call.mutable_put_file()->set_content(content);
    return answer(call, nullptr,
                  [&](Sandbox& sandbox, std::string*) { return sandbox.put_file(path, content); });
  }

  Result get_file(const std::string& path, std::string* content) override {
    proto::SandboxCall call;
    call.set_get_file(path);
    return answer(call, content, [&](Sandbox& sandbox, std::string* read) {
      return sandbox.get_file(path, read);
    });
  }

  bool cancel(double deadline_seconds) override {
    std::shared_ptr<Sandbox> sandbox;
    {
      std::lock_guard lock(mutex_);
      sandbox = sandbox_;
    }
    return sandbox && sandbox->cancel(deadline_seconds);
  }

  Result open_top(int* directory) override {
    try {
      make_sandbox();
    } catch (const Error& e) {
      return failed(e.what());
    }
    return sandbox_->open_top(directory);
  }

 private:
  using Make = std::function<Result(Sandbox&, std::string* content)>;

  // From the journal, or by making the call. Never throws.
  Result answer(const proto::SandboxCall& call, std::string* content, const Make& make) {
    try {
      if (failed_calls_ == FailedCalls::kSkip) skip_failed();
      if (next_ == journal_.entries().size()) {
        make_sandbox();
        run(call, make);
      }
      const JournalEntry& entry = journal_.entries()[next_];
      if (entry.call.SerializeAsString() != call.SerializeAsString())
        return failed("the journal has another call here: " + describe(entry.call) +
                      "; use a new journal");
      ++next_;
      if (content) *content = entry.result.content();
      return from_proto(entry.result);
    } catch (const std::exception& e) {
      // Not acknowledged. What the sandbox has done since is forgotten with it.
      drop_sandbox();
      next_ = journal_.entries().size();
      if (content) content->clear();
      return failed(e.what());
    }
  }

  void skip_failed() {
    const auto& entries = journal_.entries();
    while (next_ < entries.size() &&
           is_infrastructure(static_cast<Outcome>(entries[next_].result.outcome())))
      ++next_;
  }

  void run(const proto::SandboxCall& call, const Make& make) {
    journal_.begin(call);
    std::string content;
    Result result = make(*sandbox_, &content);
    std::vector<TopChange> changes;
    // A sandbox that died takes along what the call had done.
    int directory = -1;
    sandbox_->open_top(&directory);
    const Fd top(directory);
    if (!top || is_infrastructure(result.outcome)) {
      drop_sandbox();
    } else if (!call.has_get_file()) {
      if (const std::string error = update_index(top.get(), &changes); !error.empty()) {
        result.outcome = Outcome::kDiskLimit;
        result.exit_code = 1;
        result.err += error;
        drop_sandbox();
      }
    }
    proto::SandboxResult recorded = to_proto(result);
    recorded.set_content(std::move(content));
    for (TopChange& change : changes) {
      auto* p = recorded.add_changes();
      p->set_path(std::move(change.path));
      p->set_mode(change.mode);
      p->set_content(std::move(change.content));
    }
    journal_.end(recorded);
  }

  // Why the files that a call left cannot be recorded; empty when they can.
  std::string update_index(int top, std::vector<TopChange>* changes) {
    try {
      *changes = index_->update(top, kMaxDiskSizes * limits_.disk_bytes);
      return {};
    } catch (const Error& e) {
      return e.what();
    }
  }

  void make_sandbox() {
    if (sandbox_) return;
    std::string error;
    std::shared_ptr<Sandbox> sandbox = create_on_image(limits_, image_, &error);
    if (!sandbox) throw Error(error);
    restore_top(sandbox.get(), journal_.entries());
    int directory = -1;
    const Result opened = sandbox->open_top(&directory);
    const Fd top(directory);
    if (!top) throw Error(opened.detail);
    index_ = std::make_unique<TopIndex>(!image_.layers.empty());
    index_->update(top.get(), kMaxDiskSizes * limits_.disk_bytes);
    std::lock_guard lock(mutex_);
    sandbox_ = std::move(sandbox);
  }

  void drop_sandbox() {
    std::lock_guard lock(mutex_);
    sandbox_.reset();
  }

  const Limits limits_;
  const Image image_;
  const FailedCalls failed_calls_;
  Journal journal_;
  size_t next_ = 0;  // the place of the next call in the journal
  std::unique_ptr<TopIndex> index_;
  std::mutex mutex_;  // of sandbox_, which `cancel` uses from another thread
  std::shared_ptr<Sandbox> sandbox_;
};

}  // namespace

void restore_top(Sandbox* sandbox, const std::vector<JournalEntry>& entries) {
  // The last state of each path, and what of the image was ever removed.
  std::map<std::string, const proto::SandboxChange*> present;
  std::set<std::string, std::greater<>> removed;  // the deepest first
  for (const JournalEntry& entry : entries) {
    for (const proto::SandboxChange& change : entry.result.changes()) {
      if (change.mode() == 0) {
        removed.insert(change.path());
        present.erase(change.path());
        const std::string below = change.path() + "/";
        for (auto it = present.lower_bound(below);
             it != present.end() && it->first.starts_with(below);)
          it = present.erase(it);
      } else {
        present[change.path()] = &change;
      }
    }
  }
  for (const std::string& path : removed) {
    const Result result = sandbox->change(path, S_IFCHR, "");
    // Something above it may be gone already, or never have been there.
    if (is_infrastructure(result.outcome)) throw Error("cannot put files back: " + result.detail);
  }
  // Folders can be filled before they get modes that forbid it.
  for (const auto& [path, change] : present)
    apply(sandbox, path, S_ISDIR(change->mode()) ? change->mode() | S_IRWXU : change->mode(),
          change->content());
  for (auto it = present.rbegin(); it != present.rend(); ++it)
    if (S_ISDIR(it->second->mode()) && (it->second->mode() & S_IRWXU) != S_IRWXU)
      apply(sandbox, it->first, it->second->mode(), "");
}

std::unique_ptr<Sandbox> open_journaled(const std::string& path, const Limits& limits,
                                        const Image& image, FailedCalls failed) {
  return std::make_unique<JournaledSandbox>(path, limits, image, failed);
}

}  // namespace amalgam::sandbox
