#include "pipeline/sandbox_run.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/suggest.h"
#include "pipeline/append_file.h"
#include "pipeline/byte_size.h"
#include "sandbox/function.h"

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

sandbox::Command command_of(const SandboxRunOptions& options, const std::string& name) {
  sandbox::Command command;
  command.stdin_fd = STDIN_FILENO;
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

Result run(const SandboxRunOptions& options, const std::string& code) {
  const std::string name = name_inside(options.program[0]);
  Result result;
  const auto box = sandbox::create(options.substrate, options.limits(), &result.detail);
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
  options.option("--substrate", substrate, "container, or function (started ahead, -S)");
  options.option("--timeout", timeout, "wall-clock limit, seconds");
  options.option("--cpu", cpu, "CPU-time limit of all its processes, seconds (0: --timeout)");
  options.option("--memory", memory, "memory limit of all its processes and files");
  options.option("--pids", pids, "processes and threads at a time");
  options.option("--disk", disk, "size of the writable directory");
  options.option("--output", output, "limit of stdout and of stderr");
  options.flag("--json", json, "print one object with the outcome");
}

sandbox::Limits SandboxRunOptions::limits() const {
  // Written so that NaN is refused.
  if (!(timeout > 0 && timeout < 1e9)) throw Error("sandbox run: --timeout must be positive");
  if (!(cpu >= 0 && cpu < 1e9)) throw Error("sandbox run: --cpu must not be negative");
  if (pids < 1 || pids > 1'000'000)
    throw Error("sandbox run: --pids must be between 1 and 1000000");
  sandbox::Limits l;
  l.wall_seconds = timeout;
  l.cpu_seconds = cpu > 0 ? cpu : timeout;
  l.memory_bytes = parse_byte_size(memory, "sandbox run: --memory");
  l.disk_bytes = parse_byte_size(disk, "sandbox run: --disk");
  l.output_bytes = parse_byte_size(output, "sandbox run: --output");
  l.max_processes = static_cast<int>(pids);
  return l;
}

int run_sandbox_run(const SandboxRunOptions& options) {
  const std::vector<std::string> known = sandbox::substrates();
  if (std::find(known.begin(), known.end(), options.substrate) == known.end()) {
    const std::string hint = configs::nearest(options.substrate, known);
    throw Error("sandbox run: unknown substrate '" + options.substrate + "'; " +
                (hint.empty() ? "use container or function" : "did you mean " + hint + "?"));
  }
  options.limits();
  const Result result = run(options, read_file(options.program[0]));
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
