#include "rewards/programs/plugin.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace amalgam::rewards {
namespace {

using nlohmann::json;

// argv: path, function ("" to find it), pid of the owner. Writes {"trl"} or {"error"} once, then
// answers each request line with {"status", "score" or "detail"}.
constexpr const char* kRunner = R"python(
import importlib.util, inspect, json, math, os, socket, sys, threading, time, traceback

path, name, owner = sys.argv[1], sys.argv[2], int(sys.argv[3])
channel = socket.socket(fileno=os.dup(0))
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
requests = channel.makefile("r", encoding="utf-8", newline="\n")

def answer(value):
    channel.sendall(json.dumps(value).encode() + b"\n")

def follow_owner():  # an owner that was killed cannot stop a call that hangs
    while os.getppid() == owner:
        time.sleep(1)
    os._exit(1)

class WrongType(Exception):
    pass

def describe(e):
    frames = traceback.extract_tb(e.__traceback__)
    at = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return " ".join(f"{type(e).__name__}: {e}{at}".split())[:500]

def find_function():
    spec = importlib.util.spec_from_file_location("reward_plugin", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["reward_plugin"] = module
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec.loader.exec_module(module)
    if name:
        return getattr(module, name)
    if hasattr(module, "compute_score"):
        return module.compute_score
    found = [f for n, f in vars(module).items() if inspect.isfunction(f)
             and f.__module__ == "reward_plugin" and "reward" in n and n[0] != "_"]
    if len(found) != 1:
        names = ", ".join(f.__name__ for f in found) or "none"
        raise LookupError(f"no compute_score and not one reward function but {names}: name the function")
    return found[0]

def call_trl(request):
    columns = dict(request["row"] or {})
    prompt = columns.pop("prompt", "")
    columns.setdefault("data_source", request["data_source"])
    columns.setdefault("ground_truth", request["ground_truth"])
    columns["extra_info"] = request["extra_info"]
    text = request["solution"]
    completion = text if isinstance(prompt, str) else [{"role": "assistant", "content": text}]
    values = function(completions=[completion], prompts=[prompt],
                      **{name: [value] for name, value in columns.items()})
    if not hasattr(values, "__len__") or isinstance(values, (str, dict)) or len(values) != 1:
        raise WrongType(f"expected a list of one number, got {type(values).__name__}")
    return values[0]

def call_verl(request):
    return function(data_source=request["data_source"], solution_str=request["solution"],
                    ground_truth=request["ground_truth"], extra_info=request["extra_info"])

def score(request):
    try:
        value = call(request)
    except WrongType as e:
        return {"status": "wrong_type", "detail": str(e)}
    except BaseException as e:
        return {"status": "error", "detail": describe(e)}
    if isinstance(value, dict):
        if "score" not in value:
            return {"status": "wrong_type", "detail": "a dict without \"score\""}
        value = value["score"]
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        value = value.item()  # numpy, torch
    if not isinstance(value, (bool, int, float)):
        return {"status": "wrong_type", "detail": f"returned {type(value).__name__}"}
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        return {"status": "not_finite", "detail": f"returned {number}"}
    return {"status": "scored", "score": number}

threading.Thread(target=follow_owner, daemon=True).start()
try:
    function = find_function()
    trl = "completions" in inspect.signature(function).parameters
    call = call_trl if trl else call_verl
    answer({"trl": trl})
except BaseException as e:
    answer({"error": describe(e)})
    sys.exit(1)
for line in requests:
    answer(score(json.loads(line)))
)python";

Status parse_status(const std::string& name) {
  if (name == "scored") return Status::kScored;
  if (name == "wrong_type") return Status::kWrongType;
  if (name == "not_finite") return Status::kNotFinite;
  return Status::kVerifierFailed;
}

json parse_or_null(const std::string& text) { return text.empty() ? json() : json::parse(text); }

}  // namespace

Plugin::Plugin(PluginOptions options) : options_(std::move(options)) { start(); }

void Plugin::start() {
  const std::string what = "reward plug-in " + options_.path + ": ";
  auto child = std::make_unique<ChildProcess>(
      std::vector<std::string>{"/usr/bin/python3", "-c", kRunner, options_.path, options_.function,
                               std::to_string(::getpid())});
  std::string reply;
  switch (child->call("", options_.start_deadline_seconds, &reply)) {
    case ChildProcess::Outcome::kOk:
      break;
    case ChildProcess::Outcome::kTimeout:
      throw Error(what + "not loaded within " + std::to_string(options_.start_deadline_seconds) +
                  " s");
    case ChildProcess::Outcome::kClosed:
      throw Error(what + "ended while it was loaded, " + child->how_it_ended());
  }
  const json hello = json::parse(reply, nullptr, /*allow_exceptions=*/false);
  if (!hello.is_object()) throw Error(what + "broke its protocol");
  if (hello.contains("error")) throw Error(what + hello["error"].get<std::string>());
  form_ = hello.value("trl", false) ? PluginForm::kTrl : PluginForm::kVerl;
  child_ = std::move(child);
}

Score Plugin::score(const PluginRequest& request) {
  const json message = {{"data_source", request.data_source},
                        {"solution", request.solution},
                        {"ground_truth", parse_or_null(request.ground_truth)},
                        {"extra_info", parse_or_null(request.extra_info)},
                        {"row", parse_or_null(request.row)}};
  // Sampled text may be cut inside a character.
  const std::string line = message.dump(-1, ' ', true, json::error_handler_t::replace);
  const std::lock_guard lock(mutex_);
  std::string reply;
  try {
    if (!child_) start();
  } catch (const Error& e) {
    return failed(Status::kVerifierFailed, e.what());
  }
  switch (child_->call(line, options_.call_deadline_seconds, &reply)) {
    case ChildProcess::Outcome::kOk:
      break;
    case ChildProcess::Outcome::kTimeout:
      child_.reset();
      return failed(Status::kTimeout,
                    "no score within " + std::to_string(options_.call_deadline_seconds) + " s");
    case ChildProcess::Outcome::kClosed: {
      const std::string end = child_->how_it_ended();
      child_.reset();
      return failed(Status::kVerifierFailed, "the plug-in crashed, " + end);
    }
  }
  const json answer = json::parse(reply, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object() || !answer.contains("status")) {
    child_.reset();
    return failed(Status::kVerifierFailed, "the plug-in broke its protocol");
  }
  const Status status = parse_status(answer["status"].get<std::string>());
  if (status == Status::kScored) return scored(answer["score"].get<double>(), "plug-in");
  return failed(status, answer["detail"].get<std::string>());
}

}  // namespace amalgam::rewards
