// What a tool call came to.
#pragma once
#include <cstdint>
#include <string>

#include "sandbox/sandbox.h"

namespace amalgam::rollout {

struct ToolResult {
  enum class Status {
    kOk,
    kToolError,      // unknown tool, bad arguments, code that failed: the text says so to the model
    kSandboxFailed,  // the infrastructure's fault: nothing for the model; the caller may call again
    kWallClock       // so is this: a wall-clock backstop, which an episode does not get over
  };
  Status status = Status::kSandboxFailed;
  std::string text;    // goes back to the model
  std::string detail;  // kSandboxFailed, kWallClock: one line that says what failed
};

inline ToolResult tool_ok(std::string text) {
  return {ToolResult::Status::kOk, std::move(text), ""};
}
inline ToolResult tool_error(const std::string& what) {
  return {ToolResult::Status::kToolError, "error: " + what, ""};
}
inline ToolResult tool_sandbox_failed(const std::string& detail) {
  return {ToolResult::Status::kSandboxFailed, "", detail};
}

// What the model sees of a command that ran its code: stdout, stderr, and how it ended unless well.
// After an end that has to do with time or memory only that is said: how far the code came by then
// differs from run to run.
ToolResult command_result(const sandbox::Result& result);
// "error: timeout" for an end that is neither exit nor signal; the infrastructure's failure as
// such.
ToolResult bad_end(const sandbox::Result& result);

std::string without_final_line_breaks(std::string text);

// Valid UTF-8 of at most max_bytes: the middle of a longer text is left out, and the text says so
// when there is room to.
std::string shorten(const std::string& text, size_t max_bytes);

}  // namespace amalgam::rollout
