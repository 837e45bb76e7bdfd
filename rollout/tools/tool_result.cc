#include "rollout/tools/tool_result.h"

#include <cmath>

#include "configs/utf8.h"

namespace amalgam::rollout {

std::string without_final_line_breaks(std::string text) {
  text.erase(text.find_last_not_of('\n') + 1);
  return text;
}

ToolResult bad_end(const sandbox::Result& result) {
  if (sandbox::is_infrastructure(result.outcome)) return tool_sandbox_failed(result.detail);
  if (result.hit_wall_limit)
    return {ToolResult::Status::kWallClock, "",
            "a call took " + std::to_string(std::lround(result.wall_seconds)) +
                " s, and hardly any of it CPU time"};
  const bool says_why = result.outcome == sandbox::Outcome::kDiskLimit && !result.detail.empty();
  return tool_error(sandbox::to_string(result.outcome) + (says_why ? ": " + result.detail : ""));
}

ToolResult command_result(const sandbox::Result& result) {
  using sandbox::Outcome;
  const bool is_whole = result.outcome == Outcome::kOk || result.outcome == Outcome::kExit ||
                        result.outcome == Outcome::kSignal;
  if (!is_whole) return bad_end(result);
  std::string text = without_final_line_breaks(result.out);
  const std::string err = without_final_line_breaks(result.err);
  if (!err.empty()) text += (text.empty() ? "stderr:\n" : "\nstderr:\n") + err;
  if (result.outcome == Outcome::kOk) return tool_ok(std::move(text));
  text += (text.empty() ? "error: exit code " : "\nerror: exit code ") +
          std::to_string(result.exit_code);
  return {ToolResult::Status::kToolError, std::move(text), ""};
}

std::string shorten(const std::string& text, size_t max_bytes) {
  std::string valid = replace_invalid_utf8(text);
  if (valid.size() <= max_bytes) return valid;
  std::string mark = "\n… " + std::to_string(valid.size()) + " bytes in all …\n";
  if (mark.size() > max_bytes / 2) mark.clear();
  const auto is_inside = [&](size_t i) { return i < valid.size() && continues_utf8(valid[i]); };
  size_t head = (max_bytes - mark.size() + 1) / 2;
  size_t tail = valid.size() - (max_bytes - mark.size() - head);
  while (is_inside(head)) --head;
  while (is_inside(tail)) ++tail;
  return valid.substr(0, head) + mark + valid.substr(tail);
}

}  // namespace amalgam::rollout
