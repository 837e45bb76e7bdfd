#include "pipeline/sandbox_commands/shell.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "configs/error.h"
#include "pipeline/sandbox_commands/images.h"
#include "pipeline/sandbox_commands/raw_terminal.h"
#include "pipeline/sandbox_commands/registry.h"
#include "pipeline/sandbox_commands/run.h"
#include "sandbox/images/snapshot.h"

namespace amalgam::pipeline {
namespace {

using sandbox::Result;
using sandbox::Sandbox;

// The sandbox's terminal, as large as ours. In a signal handler.
int resized_terminal = -1;
void resize(int) {
  winsize size;
  if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) ioctl(resized_terminal, TIOCSWINSZ, &size);
}

void follow_window_size(int terminal) {
  resized_terminal = terminal;
  struct sigaction action {};
  action.sa_handler = resize;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGWINCH, &action, nullptr);
  resize(0);
}

// What the programs inside may know of our terminal: its kind.
std::string terminal_kind() {
  const char* const term = std::getenv("TERM");
  const std::string kind = term ? term : "";
  const bool is_plain = !kind.empty() && std::all_of(kind.begin(), kind.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '+' || c == '.' || c == '_';
  });
  return "TERM=" + (is_plain ? kind : "dumb");
}

sandbox::Command command_of(const SandboxShellOptions& options) {
  sandbox::Command command;
  command.argv = {"/bin/sh", "-c", "[ -x /bin/bash ] && exec /bin/bash; exec /bin/sh"};
  if (!options.command.empty()) {
    command.argv = {"/bin/sh", "-c", "exec \"$@\"", "sh"};  // finds it in PATH
    command.argv.insert(command.argv.end(), options.command.begin(), options.command.end());
  }
  command.stdin_fd = STDIN_FILENO;
  command.out_fd = STDOUT_FILENO;
  return command;
}

Result run_in(Sandbox* box, sandbox::Command command) {
  if (box->terminal() < 0) {
    command.err_fd = STDERR_FILENO;
    return box->exec(command);
  }
  command.is_on_terminal = true;
  command.environment = {terminal_kind()};
  const RawTerminal raw(STDIN_FILENO);
  follow_window_size(box->terminal());
  Result result = box->exec(command);
  resized_terminal = -1;
  return result;
}

}  // namespace

void SandboxShellOptions::describe(OptionSet& options) {
  options.option("COMMAND", command, "a program instead of a shell, and its arguments");
  options.option("--image", image, "start on this image, by its name or id");
  options.option("--save", save,
                 "at the end, name an image of all that was changed (with --image)");
  describe_store(options, store);
  options.option("--timeout", timeout, "wall-clock limit, seconds");
  options.option("--cpu", cpu, "CPU-time limit of all processes, seconds (0: --timeout)");
  limit.describe(options);
}

int run_sandbox_shell(const SandboxShellOptions& options) {
  const sandbox::Limits limits =
      options.limit.limits("sandbox shell", options.timeout, options.cpu);
  if (!options.save.empty() && options.image.empty())
    throw Error("sandbox shell: --save needs --image");
  std::optional<sandbox::ImageStore> store;
  sandbox::Image image;
  if (!options.image.empty()) {
    store = open_image_store(options.store);
    image = store->find(options.image);
  }
  const sandbox::Command command = command_of(options);
  SandboxEntry about;
  about.substrate = "container";
  about.image = options.image;
  about.command = options.command.empty() ? "shell" : join_words(options.command);
  const auto held = hold_if_possible(about);
  const bool is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  std::string error;
  const auto box = is_terminal ? sandbox::create_with_terminal(limits, image, &error)
                               : sandbox::create_on_image(limits, image, &error);
  if (!box) throw Error("sandbox shell: " + error);
  const Result result = run_in(box.get(), command);
  if (!options.save.empty()) store->set_name(options.save, snapshot(box.get(), image, &*store));
  return exit_status_of(result, "sandbox shell");
}

}  // namespace amalgam::pipeline
