// The tools that come along. Each answers as its description says; what is wrong comes back as
// "error: …". All that reads or runs something does so in the conversation's sandbox.
#pragma once
#include "rollout/tools/tool.h"

namespace amalgam::rollout {

// rollout/tools/calculator.h.
Tool calculator_tool();

// rollout/tools/row_tools.cc: what the row brought along. `lookup` and `kv_lookup` are one tool.
Tool lookup_tool(const std::string& name);
Tool search_tool();

// rollout/tools/code_tools.cc: each call is a new process on the files that earlier calls left.
Tool run_python_tool();
Tool run_shell_tool();

// rollout/tools/file_tools.cc: text files below /work, where relative paths start. A path that
// leads elsewhere, by ".." or by a link, is refused.
Tool read_file_tool();
Tool write_file_tool();
Tool edit_file_tool();
Tool grep_tool();

// rollout/tools/submit.h: ends the episode.
Tool submit_tool();

}  // namespace amalgam::rollout
