// The sandbox of one conversation: made at the first call that needs it, with the files of its row.
//
// Used by one thread at a time.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "sandbox/images/image_store.h"
#include "sandbox/journal/journaled_sandbox.h"
#include "sandbox/sandbox.h"

namespace amalgam::rollout {

struct ToolSandboxOptions {
  sandbox::Limits limits;
  sandbox::Image image = {};
  sandbox::SandboxFactory make_sandbox = sandbox::create_on_image;
  // Not empty: the sandbox comes from make_journaled instead, which throws Error when it cannot
  // make one. An owner that makes the same calls again, from the first one on, is answered from the
  // journal (sandbox/journal/journaled_sandbox.h), and goes on with the files that they left.
  std::string journal;
  std::function<std::unique_ptr<sandbox::Sandbox>(const std::string& journal,
                                                  const sandbox::Limits&, const sandbox::Image&)>
      make_journaled =
          [](const std::string& path, const sandbox::Limits& l, const sandbox::Image& i) {
            return sandbox::open_journaled(path, l, i, sandbox::FailedCalls::kSkip);
          };
  bool files_may_change =
      false;  // by a command; the row's files are then only what it started with
};

class ToolSandbox {
 public:
  // files: name → content.
  ToolSandbox(std::map<std::string, std::string> files, ToolSandboxOptions options);

  // Runs a command in it. After kSandboxFailed the next one runs in a fresh sandbox: with a journal
  // as the calls so far left it, otherwise with the row's files only.
  sandbox::Result exec(const sandbox::Command& command);

  // It is broken in a way that exec cannot see: the next command runs in a fresh one, if that loses
  // no files.
  void give_up();

  const std::map<std::string, std::string>& files() const { return files_; }
  bool files_may_change() const { return options_.files_may_change; }

 private:
  bool make_ready(std::string* error);

  const ToolSandboxOptions options_;
  const std::map<std::string, std::string> files_;
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::map<std::string, std::string>::const_iterator next_;  // file to put
};

}  // namespace amalgam::rollout
