#include "rollout/tools/tool_sandbox.h"

#include "configs/error.h"

namespace amalgam::rollout {

ToolSandbox::ToolSandbox(std::map<std::string, std::string> files, ToolSandboxOptions options)
    : options_(std::move(options)), files_(std::move(files)) {}

sandbox::Result ToolSandbox::exec(const sandbox::Command& command) {
  sandbox::Result result;
  if (!make_ready(&result.detail)) return result;
  result = sandbox_->exec(command);
  if (sandbox::is_infrastructure(result.outcome)) give_up();
  return result;
}

// A journaled sandbox replaces a broken container by itself.
void ToolSandbox::give_up() {
  if (options_.journal.empty()) sandbox_.reset();
}

bool ToolSandbox::make_ready(std::string* error) {
  if (!sandbox_) {
    try {
      sandbox_ = options_.journal.empty()
                     ? options_.make_sandbox(options_.limits, options_.image, error)
                     : options_.make_journaled(options_.journal, options_.limits, options_.image);
    } catch (const Error& e) {
      *error = e.what();
    }
    if (!sandbox_) return false;
    next_ = files_.begin();
  }
  for (; next_ != files_.end(); ++next_) {
    const sandbox::Result put = sandbox_->put_file(next_->first, next_->second);
    if (put.outcome == sandbox::Outcome::kOk) continue;
    *error = "cannot put " + next_->first + " into the sandbox: " + put.detail + put.err;
    give_up();
    return false;
  }
  return true;
}

}  // namespace amalgam::rollout
