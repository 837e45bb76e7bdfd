#include "rewards/code/native_calls.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "rewards/code/test_report.h"
#include "sandbox/container/init.h"

namespace amalgam::rewards {
namespace {

using nlohmann::json;

// Reads {code, fn_name, inputs} on stdin; writes a list with [value] for each call that returned a
// JSON value and an error text for each other one, or just an error text if there is no function to
// call. A fork for each call would take as long as all else: code from which one call could leave
// something for the next is handed back, to be run the general way. The code's own stdin and stdout
// are /dev/null. _exit: threads it left behind do not hold us up. No json module: importing it
// would double the time of a test. JSON as we write it (nothing escaped but control characters) is
// a Python expression once true, false and null have values.
constexpr const char* kNativeHarness = R"python(
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
    if carries_state(scope):
        return '{"carries_state": true}'
    results = []
    for arguments in request["inputs"]:
        try:
            results.append(to_json([function(*arguments)]))
        except BaseException as e:
            results.append(error(e))
    return "[" + ",".join(results) + "]"

LIBRARY = {"math", "_collections", "collections", "itertools", "re", "string", "typing", "heapq", "_heapq", "bisect",
           "_bisect", "operator", "_operator", "functools", "_functools", "builtins"}
# Whether the module holds what a call could leave something in.
def carries_state(scope):
    function = type(run)
    for name, v in scope.items():
        if name in ("__builtins__", "__name__"):
            continue
        if type(v) is function and v.__module__ == "solution":
            values = list(v.__defaults__ or ()) + list((v.__kwdefaults__ or {}).values())
            if v.__closure__ or any(type(d) not in (int, float, str, bool, tuple, type(None)) for d in values):
                return True
        elif type(v) not in (int, float, str, bool, type(None)) and \
                getattr(v, "__module__", getattr(v, "__name__", "")) not in LIBRARY:
            return True
    return False

data = run().encode()
while data:
    data = data[os.write(channel, data):]
try:
    os.write(255, b"\0")
except OSError:
    pass
os._exit(0)
)python";
static_assert(sandbox::kEndFd == 255);

struct Tests {
  std::string fn_name;
  json inputs, outputs;
};

bool read_native(const std::string& ground_truth, Tests* tests) {
  // Megabytes of other forms need not be parsed for this.
  if (ground_truth.find("fn_name") == std::string::npos) return false;
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

// Whether code may keep something from one call to the next, by its text: what it says in other
// ways is seen in its module (carries_state in the harness).
bool may_carry_state(const std::string& code) {
  for (const char* word : {"global", "__", "cache", "class ", "open", "exec", "eval", "attr",
                           "iter(", "next(", "partial", "import", "vars(", "globals", "locals"})
    if (code.find(word) != std::string::npos) return true;
  for (size_t at = 0; at < code.size();) {  // x.y = …
    const size_t end = std::min(code.find('\n', at), code.size());
    const std::string_view line = std::string_view(code).substr(at, end - at);
    const std::string_view target = line.substr(0, line.find('='));
    if (target.size() < line.size() && target.find('.') != std::string_view::npos &&
        target.find('(') == std::string_view::npos)
      return true;
    at = end + 1;
  }
  return false;
}

// Whether only the general way can say that an answer is right.
bool asks_for_more(const std::string& code, const json& results, const json& outputs) {
  // Names that graders import, and room that only a process of its own has.
  const auto needs_general_way = [](const json& v) {
    return v.is_string() && (v == "NameError" || v == "RecursionError" || v == "MemoryError");
  };
  const bool has_solution = code.find("class Solution") != std::string::npos;
  if (results.is_object()) return true;  // carries_state
  if (results.is_string()) return needs_general_way(results) || has_solution;
  if (!results.is_array()) return false;
  const bool are_lists_of_one = std::all_of(
      outputs.begin(), outputs.end(), [](const json& v) { return v.is_array() && v.size() == 1; });
  return are_lists_of_one || std::any_of(results.begin(), results.end(), needs_general_way);
}

Score judge_native(const std::string& code, const sandbox::Result& result, const json& outputs,
                   const CodeTestOptions& options, bool* needs_more) {
  if (sandbox::is_infrastructure(result.outcome))
    return failed(Status::kSandboxFailed, result.detail);
  const auto none = [&](const std::string& why) {
    Score score = scored(0, why);
    score.parts = {{"passed_fraction", 0}, {"num_tests", static_cast<double>(outputs.size())}};
    return score;
  };
  // One test may have used what belongs to all of them.
  if (const std::string reason = reason_of(result); !reason.empty()) {
    *needs_more = true;
    return none(reason);
  }
  // Whatever is wrong with the output is the code's doing: the harness itself writes one JSON
  // value.
  const json results = json::parse(result.out, nullptr, /*allow_exceptions=*/false);
  *needs_more = asks_for_more(code, results, outputs);
  if (results.is_object() && *needs_more) return none("to be run the general way");
  if (results.is_string()) return none("no function: " + results.get<std::string>());
  if (!results.is_array() || results.size() != outputs.size()) {
    *needs_more = true;
    return none("ended before the tests did");
  }
  size_t num_passed = 0;
  for (size_t i = 0; i < outputs.size(); ++i)
    num_passed += results[i].is_array() && results[i].size() == 1 && results[i][0] == outputs[i];
  *needs_more &= num_passed != outputs.size();
  const double fraction = static_cast<double>(num_passed) / static_cast<double>(outputs.size());
  Score score =
      scored(options.partial                ? fraction
             : num_passed == outputs.size() ? 1
                                            : 0,
             std::to_string(num_passed) + " of " + std::to_string(outputs.size()) + " tests pass");
  score.parts = {{"passed_fraction", fraction}, {"num_tests", static_cast<double>(outputs.size())}};
  return score;
}

}  // namespace

bool are_native_calls(const std::string& ground_truth) {
  Tests tests;
  return read_native(ground_truth, &tests);
}

std::optional<Score> score_native_calls(const std::string& code, const std::string& ground_truth,
                                        const CodeTestOptions& options, bool* needs_more) {
  *needs_more = false;
  Tests tests;
  if (!read_native(ground_truth, &tests)) return std::nullopt;
  if (may_carry_state(code)) {
    *needs_more = true;
    return scored(0, "to be run the general way");
  }
  std::string error;
  const auto sandbox = options.make_sandbox(options.limits, options.image, &error);
  if (!sandbox) return failed(Status::kSandboxFailed, error);
  const json request = {{"code", code}, {"fn_name", tests.fn_name}, {"inputs", tests.inputs}};
  sandbox::Command command;
  // -S: no site packages, a quicker start. Not -I or -E, which would ignore PYTHONHASHSEED.
  command.argv = {"/usr/bin/python3", "-S", "-B", "-c", kNativeHarness};
  // Sampled text may be cut inside a character.
  command.stdin_text = request.dump(-1, ' ', false, json::error_handler_t::replace);
  return judge_native(code, sandbox->exec(command), tests.outputs, options, needs_more);
}

}  // namespace amalgam::rewards
