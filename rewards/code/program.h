// Programs of the harness, compiled once: to compile their text takes longer than to run it.
#pragma once
#include <string>

#include "rewards/code/code_tests.h"
#include "sandbox/sandbox.h"

namespace amalgam::rewards {

// A command that runs `text` (the same for every answer) with `request` on its stdin. The first
// call for a text and an image compiles it in a sandbox of its own; where that fails, or where the
// interpreter is another one than then, the text itself is run.
sandbox::Command program_command(const std::string& text, const std::string& request,
                                 const CodeTestOptions& options);

}  // namespace amalgam::rewards
