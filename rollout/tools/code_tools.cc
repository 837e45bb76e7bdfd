// run_python and run_shell.
#include "rollout/tools/builtin_tools.h"

namespace amalgam::rollout {
namespace {

// Runs the program that comes on stdin as a main program. Folders list sorted: in which order a
// file system lists depends on when files were made, and those of a resumed conversation were put
// back at once.
const char* const kRunPython = R"(
def _program():
    import os, sys, traceback

    class SortedScan:
        def __init__(self, entries):
            with entries:
                self.entries = iter(sorted(entries, key=lambda entry: entry.name))
        def __iter__(self):
            return self
        def __next__(self):
            return next(self.entries)
        def __enter__(self):
            return self
        def __exit__(self, *error):
            pass
        def close(self):
            pass

    scandir, listdir = os.scandir, os.listdir
    os.scandir = lambda path='.': SortedScan(scandir(path))
    os.listdir = lambda path='.': sorted(listdir(path))
    # The frame of this text is not the program's.
    sys.excepthook = lambda kind, error, frames: traceback.print_exception(
        kind, error, frames and frames.tb_next)
    try:
        return compile(sys.stdin.buffer.read(), '<stdin>', 'exec')
    except (SyntaxError, ValueError) as error:
        traceback.print_exception(type(error), error, None)
        sys.exit(1)

exec(_program())
)";

// A longer argument cannot be given to a program.
constexpr size_t kMaxCommandBytes = 128 << 10;

ToolResult run_python(const ToolArguments& arguments, const ToolContext& context) {
  return command_result(context.sandbox.exec(
      {{"/usr/bin/python3", "-B", "-c", kRunPython}, arguments.values.at("code")}));
}

ToolResult run_shell(const ToolArguments& arguments, const ToolContext& context) {
  const std::string& command = arguments.values.at("command");
  if (command.find('\0') != std::string::npos) return tool_error("a command has no NUL bytes");
  if (command.size() >= kMaxCommandBytes) return tool_error("the command is too long");
  return command_result(context.sandbox.exec({{"/bin/bash", "-c", command}}));
}

}  // namespace

Tool run_python_tool() {
  return {.name = "run_python",
          .description =
              "Runs a Python program and gives what it prints. Files in the working "
              "directory stay; variables do not. There is no network.",
          .parameters = {{"code", "string"}},
          .effect = ToolEffect::kChangesFiles,
          .call = run_python};
}

Tool run_shell_tool() {
  return {.name = "run_shell",
          .description =
              "Runs a bash command and gives what it prints. Files in the working "
              "directory stay. There is no network.",
          .parameters = {{"command", "string"}},
          .effect = ToolEffect::kChangesFiles,
          .call = run_shell};
}

}  // namespace amalgam::rollout
