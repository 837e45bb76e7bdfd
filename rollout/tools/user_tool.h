// Tools of the user's own: a command, or a function of a Python file. They are trusted, but what
// they are called with is not, so they run where the model's code runs: in the conversation's
// sandbox, without a network, under its limits, with its files. Their text goes in with each call
// and is left in no file there, so code that ran before cannot change it; whatever it contains, the
// model may find out.
#pragma once
#include "configs/tool_config.h"
#include "proto/user_tool.pb.h"
#include "rollout/tools/tool.h"
#include "sandbox/images/image_store.h"
#include "sandbox/sandbox.h"

namespace amalgam::rollout {

using proto::UserTool;

// Reads the files that the config names and asks a Python function, in a sandbox that `make` makes,
// for its docstring and parameters. Throws Error for what cannot be used: an unreadable file, a
// schema that is none, a file that does not run or has no such function.
UserTool load_user_tool(const configs::ToolConfig& config,
                        const sandbox::SandboxFactory& make = sandbox::create_on_image,
                        const sandbox::Image& image = {});

Tool make_tool(const UserTool& tool);

}  // namespace amalgam::rollout
