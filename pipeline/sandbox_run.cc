#include "pipeline/sandbox_run.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/suggest.h"
#include "pipeline/sandbox_images.h"
#include "proto/append_file.h"
#include "sandbox/function.h"
#include "sandbox/journaled_sandbox.h"

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
      throw Error("sandbox run: --journal takes at most 16 MiB of standard input");
  }
}

sandbox::Command command_of(const SandboxRunOptions& options, const std::string& name) {
  sandbox::Command command;
  if (options.journal.empty())
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
Result run_journaled(const SandboxRunOptions& options, const std::string& name,
                     const std::string& code) {
  const sandbox::Command command = command_of(options, name);
  const auto box = sandbox::open_journaled(options.journal, options.limits(), image_of(options));
  const size_t num_known = sandbox::read_journal(options.journal).entries.size();
  size_t num_made = 0;
  const auto settle = [&](const auto& call) {
    Result result;
    do result = call();
    while (++num_made <= num_known && is_infrastructure(result.outcome));
    return result;
  };
  const Result put = settle([&] { return box->put_file(name, code); });
  if (put.outcome != Outcome::kOk) return put;
  return settle([&] { return box->exec(command); });
}

Result run(const SandboxRunOptions& options, const std::string& code) {
  const std::string name = name_inside(options.program[0]);
  if (!options.journal.empty()) return run_journaled(options, name, code);
  Result result;
  const auto box =
      options.image.empty()
          ? sandbox::create(options.substrate, options.limits(), &result.detail, options.store)
          : sandbox::create_on_image(options.limits(), image_of(options), &result.detail);
  if (!box) return result;
  const Result put = box->put_file(name, code);
  if (put.outcome != Outcome::kOk) return put;
  return box->exec(command_of(options, name));
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
  options.option("--timeout", timeout, "wall-clock limit, seconds");
  options.option("--cpu", cpu, "CPU-time limit of all its processes, seconds (0: --timeout)");
  limit.describe(options);
  options.flag("--json", json, "print one object with the outcome");
}

sandbox::Limits SandboxRunOptions::limits() const {
  // Written so that NaN is refused.
  if (!(timeout > 0 && timeout < 1e9)) throw Error("sandbox run: --timeout must be positive");
  if (!(cpu >= 0 && cpu < 1e9)) throw Error("sandbox run: --cpu must not be negative");
  sandbox::Limits l = limit.limits("sandbox run");
  l.wall_seconds = timeout;
  l.cpu_seconds = cpu > 0 ? cpu : timeout;
  return l;
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
  options.limits();
  const Result result = run(options, proto::read_file(options.program[0]));
  if (options.json) {
    print_json(result);
    return is_infrastructure(result.outcome) ? 125 : 0;
  }
  std::fwrite(result.out.data(), 1, result.out.size(), stdout);
  std::fflush(stdout);
  std::fwrite(result.err.data(), 1, result.err.size(), stderr);
  if (is_infrastructure(result.outcome)) {
    std::fprintf(stderr, "amalgam: sandbox run: %s\n", result.detail.c_str());
    return 125;
  }
  if (result.outcome != Outcome::kOk && result.outcome != Outcome::kExit &&
      result.outcome != Outcome::kSignal)
    std::fprintf(stderr, "amalgam: sandbox run: ended by %s\n", to_string(result.outcome));
  return result.outcome == Outcome::kTimeout ? 124 : result.exit_code;
}

}  // namespace amalgam::pipeline
