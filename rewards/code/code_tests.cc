#include "rewards/code/code_tests.h"

#include <nlohmann/json.hpp>

#include "configs/log/log.h"
#include "rewards/score/fence.h"

namespace amalgam::rewards {
namespace {

using nlohmann::json;

// Reads {code, fn_name, inputs} on stdin; writes a list with [value] for each call that returned a
// JSON value and an error text for each other one, or just an error text if there is no function to
// call. The code's own stdin and stdout are /dev/null. _exit: threads it left behind do not hold us
// up. No json module: importing it would double the time of a test. JSON as we write it (nothing
// escaped but control characters) is a Python expression once true, false and null have values.
constexpr const char* kHarness = R"python(
import os, sys
channel = os.dup(1)
request = eval(sys.stdin.buffer.read().decode(), {"true": True, "false": False, "null": None})
null = os.open("/dev/null", os.O_RDWR)
os.dup2(null, 0)
os.dup2(null, 1)

def to_json(v):
    if v is None:
        return "null"
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, int):
        return int.__repr__(v)
    if isinstance(v, float):
        if v in (float("inf"), -float("inf")) or v != v:
            raise ValueError("not finite")
        return float.__repr__(v)
    if isinstance(v, str):
        units = v.encode("utf-16-be", "surrogatepass").hex()
        return '"' + "".join("\\u" + units[i:i + 4] for i in range(0, len(units), 4)) + '"'
    if isinstance(v, (list, tuple)):
        return "[" + ",".join([to_json(x) for x in v]) + "]"
    if isinstance(v, dict) and all(isinstance(k, (str, int)) for k in v):
        return "{" + ",".join([to_json(str(k)) + ":" + to_json(x) for k, x in v.items()]) + "}"
    raise TypeError("not a JSON value")

def error(e):
    return to_json(str(type(e).__name__)[:80])

def run():
    try:
        scope = {"__name__": "solution"}
        exec(compile(request["code"], "solution", "exec"), scope)
        function = scope[request["fn_name"]]
    except BaseException as e:
        return error(e)
    results = []
    for arguments in request["inputs"]:
        try:
            results.append(to_json([function(*arguments)]))
        except BaseException as e:
            results.append(error(e))
    return "[" + ",".join(results) + "]"

data = run().encode()
while data:
    data = data[os.write(channel, data):]
os._exit(0)
)python";

struct Tests {
  std::string fn_name;
  json inputs, outputs;
};

bool read_tests(const std::string& ground_truth, Tests* tests) {
  json truth = json::parse(ground_truth, nullptr, /*allow_exceptions=*/false);
  if (truth.is_string())
    truth = json::parse(truth.get<std::string>(), nullptr, /*allow_exceptions=*/false);
  if (!truth.is_object()) return false;
  const json name = truth.value("fn_name", json());
  tests->inputs = truth.value("inputs", json());
  tests->outputs = truth.value("outputs", json());
  if (!name.is_string() || !tests->inputs.is_array() || !tests->outputs.is_array()) return false;
  if (tests->inputs.empty() || tests->inputs.size() != tests->outputs.size()) return false;
  for (const json& arguments : tests->inputs)
    if (!arguments.is_array()) return false;
  tests->fn_name = name.get<std::string>();
  return true;
}

Score judge(const sandbox::Result& result, const json& outputs) {
  switch (result.outcome) {
    case sandbox::Outcome::kSandboxFailed:
    case sandbox::Outcome::kCancelled:
      return failed(Status::kSandboxFailed, result.detail);
    case sandbox::Outcome::kTimeout:
      if (result.hit_wall_limit) {
        log::warn(log::Part::kReward,
                  "a test of code slept into its wall-clock limit and scored 0: this run cannot be "
                  "reproduced exactly");
        return scored(0, "timeout (wall clock)");
      }
      return scored(0, "timeout");
    case sandbox::Outcome::kMemory:
      return scored(0, "out of memory");
    case sandbox::Outcome::kOutputLimit:
      return scored(0, "too much output");
    case sandbox::Outcome::kDiskLimit:
      return scored(0, "disk full");
    case sandbox::Outcome::kProcessLimit:
      return scored(0, "too many processes");
    case sandbox::Outcome::kDenied:
      return scored(0, "forbidden system call");
    case sandbox::Outcome::kOk:
    case sandbox::Outcome::kExit:
    case sandbox::Outcome::kSignal:
      break;
  }
  // Whatever is wrong with the output is the code's doing: the harness itself writes one JSON
  // value.
  const json results = json::parse(result.out, nullptr, /*allow_exceptions=*/false);
  if (results.is_string()) return scored(0, "no function: " + results.get<std::string>());
  if (!results.is_array() || results.size() != outputs.size())
    return scored(0, "ended before the tests did");
  size_t num_passed = 0;
  for (size_t i = 0; i < outputs.size(); ++i)
    num_passed += results[i].is_array() && results[i].size() == 1 && results[i][0] == outputs[i];
  return scored(
      num_passed == outputs.size() ? 1 : 0,
      std::to_string(num_passed) + " of " + std::to_string(outputs.size()) + " tests pass");
}

}  // namespace

std::optional<std::string> problem_of_tests(const std::string& ground_truth) {
  Tests tests;
  if (read_tests(ground_truth, &tests)) return std::nullopt;
  return "ground truth needs fn_name, inputs (lists of arguments), outputs";
}

Score score_code_tests(const std::string& solution, const std::string& ground_truth,
                       const CodeTestOptions& options) {
  Tests tests;
  if (!read_tests(ground_truth, &tests))
    return failed(Status::kBadRow, *problem_of_tests(ground_truth));
  std::string error;
  const auto sandbox = options.make_sandbox(options.limits, options.image, &error);
  if (!sandbox) return failed(Status::kSandboxFailed, error);
  const json request = {{"code", last_fence(solution).value_or(solution)},
                        {"fn_name", tests.fn_name},
                        {"inputs", tests.inputs}};
  sandbox::Command command;
  // -S: no site packages, a quicker start. Not -I or -E, which would ignore PYTHONHASHSEED.
  command.argv = {"/usr/bin/python3", "-S", "-B", "-c", kHarness};
  // Sampled text may be cut inside a character.
  command.stdin_text = request.dump(-1, ' ', false, json::error_handler_t::replace);
  return judge(sandbox->exec(command), tests.outputs);
}

}  // namespace amalgam::rewards
