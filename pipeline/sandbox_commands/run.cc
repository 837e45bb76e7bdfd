#include "pipeline/sandbox_commands/run.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "configs/error.h"
#include "configs/log/log.h"
#include "configs/suggest.h"
#include "pipeline/sandbox_commands/images.h"
#include "pipeline/sandbox_commands/registry.h"
#include "pipeline/sandbox_commands/service.h"
#include "proto/append_file.h"
#include "sandbox/files/file_tree.h"
#include "sandbox/function/function.h"
#include "sandbox/journal/journaled_sandbox.h"
#include "sandbox/service/remote_sandbox.h"

namespace amalgam::pipeline {
namespace {

using sandbox::Outcome;
using sandbox::Result;

// Its name in the sandbox, which a traceback shows.
std::string name_inside(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name.empty() || name == "." || name == "..")
    throw Error("sandbox run: " + path + " is not a file");
  return name;
}

// A journal holds its commands' input.
constexpr size_t kMaxJournaledInput = 16 << 20;

std::string read_stdin() {
  std::string text;
  std::vector<char> buffer(64 << 10);
  for (;;) {
    const ssize_t n = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n == 0) return text;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(std::string("sandbox run: standard input: ") + std::strerror(errno));
    text.append(buffer.data(), static_cast<size_t>(n));
    if (text.size() > kMaxJournaledInput)
      throw Error("sandbox run: --journal and --gateway take at most 16 MiB of standard input");
  }
}

sandbox::Command command_of(const SandboxRunOptions& options, const std::string& name) {
  sandbox::Command command;
  if (options.detach) {
    // Nothing is typed to it.
  } else if (options.journal.empty() && options.gateway.empty())
    command.stdin_fd = STDIN_FILENO;
  else if (!isatty(STDIN_FILENO))
    command.stdin_text = read_stdin();
  std::vector<std::string> arguments = {name};
  arguments.insert(arguments.end(), options.program.begin() + 1, options.program.end());
  const bool is_shell = name.size() > 3 && name.compare(name.size() - 3, 3, ".sh") == 0;
  if (!is_shell && options.substrate == "function") {
    command.argv = sandbox::python_call(arguments);
  } else {
    command.argv = {is_shell ? "/bin/sh" : "/usr/bin/python3"};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  }
  return command;
}

sandbox::Image image_of(const SandboxRunOptions& options) {
  if (options.image.empty()) return {};
  return open_image_store(options.store).find(options.image);
}

// Calls that a crash interrupted in an earlier life are made again, as new calls.
Result run_recorded(sandbox::Sandbox& box, const std::function<bool()>& was_recorded,
                    const std::string& name, const std::string& code,
                    const sandbox::Command& command) {
  const auto settle = [&](const auto& call) {
    Result result;
    do result = call();
    while (was_recorded() && is_infrastructure(result.outcome));
    return result;
  };
  const Result put = settle([&] { return box.put_file(name, code); });
  if (put.outcome != Outcome::kOk) return put;
  return settle([&] { return box.exec(command); });
}

Result run_journaled(const SandboxRunOptions& options, const std::string& name,
                     const std::string& code) {
  const sandbox::Command command = command_of(options, name);
  const auto box = sandbox::open_journaled(options.journal, options.limits(), image_of(options));
  size_t num_made = 0;
  const auto was_recorded = [&] {
    return ++num_made <= box->num_recorded() && !box->has_met_another_call();
  };
  Result result = run_recorded(*box, was_recorded, name, code, command);
  if (box->has_met_another_call()) throw Error("sandbox run: " + result.detail);
  return result;
}

Result run_remote(const SandboxRunOptions& options, const std::string& name,
                  const std::string& code) {
  const auto client = connect_gateway("sandbox run", options.gateway, options.key);
  const auto box =
      client->open(options.substrate, options.limits(), image_of(options), options.session);
  return run_recorded(
      *box, [&] { return box->was_recorded(); }, name, code, command_of(options, name));
}

// output: where its output goes as it comes; -1: into the result.
Result run(const SandboxRunOptions& options, const std::string& code, int output) {
  const std::string name = name_inside(options.program[0]);
  if (!options.journal.empty()) return run_journaled(options, name, code);
  if (!options.gateway.empty() || !options.key.empty()) return run_remote(options, name, code);
  Result result;
  const auto box =
      options.image.empty()
          ? sandbox::create(options.substrate, options.limits(), &result.detail, options.store)
          : sandbox::create_on_image(options.limits(), image_of(options), &result.detail);
  if (!box) return result;
  const Result put = box->put_file(name, code);
  if (put.outcome != Outcome::kOk) return put;
  sandbox::Command command = command_of(options, name);
  command.out_fd = command.err_fd = output;
  return box->exec(command);
}

SandboxEntry entry_of(const SandboxRunOptions& options) {
  SandboxEntry entry;
  entry.substrate = options.substrate;
  entry.image = options.image;
  entry.command = join_words(options.program);
  if (!options.journal.empty()) entry.journal = std::filesystem::absolute(options.journal);
  entry.is_detached = options.detach;
  return entry;
}

// In a child of its own, away from the terminal; its parent ends when the id is known.
int run_detached(const SandboxRunOptions& options, const std::string& code) {
  const SandboxRegistry registry;
  int fds[2];
  if (pipe2(fds, O_CLOEXEC)) throw Error(std::string("sandbox run: pipe: ") + std::strerror(errno));
  const sandbox::Fd from(fds[0]);
  sandbox::Fd to(fds[1]);
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) throw Error(std::string("sandbox run: fork: ") + std::strerror(errno));
  if (child == 0) {
    setsid();
    signal(SIGHUP, SIG_IGN);
    const sandbox::Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null.get(), fd);
    std::optional<HeldSandbox> held;
    try {
      held.emplace(registry, entry_of(options));
      sandbox::write_all(to.get(), held->id() + "\n");
    } catch (const Error& e) {
      sandbox::write_all(to.get(), std::string("!") + e.what());
      return 1;
    }
    to = sandbox::Fd();
    Result result;
    try {
      result = run(options, code, held->output_fd());
    } catch (const std::exception& e) {
      result.detail = e.what();
    }
    held->keep(result);
    return 0;
  }
  to = sandbox::Fd();
  std::string answer;
  char buffer[4096];
  for (ssize_t n; (n = read(from.get(), buffer, sizeof buffer)) > 0;)
    answer.append(buffer, static_cast<size_t>(n));
  if (answer.empty() || answer[0] == '!')
    throw Error(answer.empty() ? "sandbox run: the detached process died" : answer.substr(1));
  std::printf("%s", answer.c_str());
  return 0;
}

void print_json(const Result& result) {
  nlohmann::ordered_json object = {{"outcome", sandbox::to_string(result.outcome)},
                                   {"exit_code", result.exit_code},
                                   {"stdout", result.out},
                                   {"stderr", result.err},
                                   {"wall_ms", result.wall_seconds * 1e3},
                                   {"peak_memory_bytes", result.peak_memory_bytes}};
  if (!result.detail.empty()) object["detail"] = result.detail;
  // What a script prints need not be text.
  const std::string text =
      object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::printf("%s\n", text.c_str());
}

}  // namespace

void SandboxRunOptions::describe(OptionSet& options) {
  options.option("FILE", program, "the script, and arguments for it", Need::kRequired);
  options.option("--substrate", substrate, kSubstrateHelp);
  options.option("--image", image, "run on this image, by its name or id");
  options.option("--journal", journal, "file that keeps what the script did");
  describe_store(options, store);
  describe_gateway(options, gateway, key);
  options.option("--session", session, "name of the session that the gateway keeps");
  options.option("--timeout", timeout, "wall-clock limit, seconds");
  options.option("--cpu", cpu, "CPU-time limit of all its processes, seconds (0: --timeout)");
  limit.describe(options);
  options.flag("-d,--detach", detach, "run in the background and print an id");
  options.flag("--json", json, "print one object with the outcome");
}

sandbox::Limits SandboxRunOptions::limits() const {
  return limit.limits("sandbox run", timeout, cpu);
}

int run_sandbox_run(const SandboxRunOptions& options) {
  const std::vector<std::string> known = sandbox::substrates();
  if (std::find(known.begin(), known.end(), options.substrate) == known.end()) {
    const std::string hint = configs::nearest(options.substrate, known);
    throw Error(
        "sandbox run: unknown substrate '" + options.substrate + "'; " +
        (hint.empty() ? "use container, function, microvm or vm" : "did you mean " + hint + "?"));
  }
  if (options.substrate != "container" && !(options.image.empty() && options.journal.empty()))
    throw Error("sandbox run: --image and --journal need --substrate container");
  if (!options.gateway.empty() && !options.journal.empty())
    throw Error("sandbox run: with --gateway use --session NAME, not --journal");
  if (options.gateway.empty() && !options.session.empty())
    throw Error("sandbox run: --session needs --gateway");
  if (!options.gateway.empty() && options.detach)
    throw Error("sandbox run: --detach is for sandboxes of this machine, not for --gateway");
  options.limits();
  const std::string code = proto::read_file(options.program[0]);
  if (options.detach) {
    if (options.json) throw Error("sandbox run: --detach has no --json; see `amalgam sandbox ps`");
    name_inside(options.program[0]);
    image_of(options);
    return run_detached(options, code);
  }
  const auto held = hold_if_possible(entry_of(options));
  const Result result = run(options, code, -1);
  if (options.json) {
    print_json(result);
    return is_infrastructure(result.outcome) ? 125 : 0;
  }
  std::fwrite(result.out.data(), 1, result.out.size(), stdout);
  std::fflush(stdout);
  std::fwrite(result.err.data(), 1, result.err.size(), stderr);
  return exit_status_of(result, "sandbox run");
}

int exit_status_of(const Result& result, const char* command) {
  if (is_infrastructure(result.outcome)) {
    log::warn(log::Part::kSandbox, std::string("amalgam: ") + command + ": " + result.detail);
    return 125;
  }
  if (result.outcome != Outcome::kOk && result.outcome != Outcome::kExit &&
      result.outcome != Outcome::kSignal)
    log::warn(log::Part::kSandbox,
              std::string("amalgam: ") + command + ": ended by " + to_string(result.outcome));
  return result.outcome == Outcome::kTimeout ? 124 : result.exit_code;
}

std::string join_words(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

}  // namespace amalgam::pipeline
