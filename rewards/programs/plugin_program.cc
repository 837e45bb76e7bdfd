#include "rewards/programs/plugin_program.h"

namespace amalgam::rewards {

const char* const kPluginProgram = R"python(
import sys
if sys.path[0] == "":  # the working directory: a file there may be named like a module of Python's
    sys.path.append(sys.path.pop(0))
import hashlib, importlib.util, inspect, json, math, os, random, signal, socket, traceback

owner = int(sys.argv[1])

# The guard.

WAKING = {signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP}
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36

def prctl(option, value):
    try:
        import ctypes
        ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), 0, 0, 0)
    except (ImportError, OSError):
        pass  # the guard looks for its owner once a second too

def reap(child):
    """The child's status, or None; others are orphans of its."""
    status = None
    try:
        while (got := os.waitpid(-1, os.WNOHANG))[0]:
            if got[0] == child:
                status = got[1]
    except ChildProcessError:
        pass
    return status

def guard(child):
    status = None
    while status is None and os.getppid() == owner:
        woken = signal.sigtimedwait(WAKING, 1)
        if woken and woken.si_signo == signal.SIGTERM:
            break
        status = reap(child)
    try:
        os.killpg(child, signal.SIGKILL)
        while True:
            os.waitpid(-child, 0)
    except (ProcessLookupError, ChildProcessError):
        pass
    if status is None:
        os._exit(1)
    if os.WIFSIGNALED(status):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WAKING)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status))

signal.pthread_sigmask(signal.SIG_BLOCK, WAKING)
prctl(PR_SET_PDEATHSIG, signal.SIGHUP)
prctl(PR_SET_CHILD_SUBREAPER, 1)
child = os.fork()
if child:
    os.close(0)
    try:
        os.setpgid(child, child)
    except OSError:
        pass  # it is gone already
    guard(child)
os.setpgid(0, 0)
prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
signal.pthread_sigmask(signal.SIG_UNBLOCK, WAKING)

# The calls.

channel = socket.socket(fileno=os.dup(0))
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
lines = channel.makefile("r", encoding="utf-8", newline="\n")
sys.stdout.reconfigure(line_buffering=True)

def answer(value):
    try:
        channel.sendall(json.dumps(value).encode() + b"\n")
    except OSError:
        os._exit(1)  # nobody wants it any more

class WrongType(Exception):
    pass

def describe(e):
    frames = traceback.extract_tb(e.__traceback__)
    at = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return " ".join(f"{type(e).__name__}: {e}{at}".split())[:500]

def find_function(path, name):
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

def local_files(path):
    """The function's file and the modules of its folder, or of the working directory, that it imported."""
    own = [f for f in (os.path.dirname(os.path.realpath(path)), os.getcwd()) if f != "/"]
    installed = [os.path.dirname(os.__file__)] + ([sys.prefix] if sys.prefix != sys.base_prefix else [])
    files = {os.path.realpath(path)}
    for module in list(sys.modules.values()):
        if not getattr(module, "__file__", None):
            continue
        file = os.path.realpath(module.__file__)
        is_own = any(file.startswith(folder.rstrip("/") + "/") for folder in own)
        if is_own and "-packages/" not in file and not any(file.startswith(f + "/") for f in installed):
            files.add(file)
    return sorted(files)

VERL = {"data_source": "data_source", "solution_str": "solution", "ground_truth": "ground_truth",
        "extra_info": "extra_info"}
VERL_BATCH = {name + "s": key for name, key in VERL.items()}

def arguments_of_verl(samples):
    return {name: samples[0][key] for name, key in VERL.items()}

def arguments_of_batch(samples):
    return {name: [s[key] for s in samples] for name, key in VERL_BATCH.items()}

def arguments_of_trl(samples):
    arguments = {}
    for sample in samples:  # of one row
        columns = dict(sample["row"] or {})
        prompt, text = columns.pop("prompt", ""), sample["solution"]
        columns.setdefault("data_source", sample["data_source"])
        columns.setdefault("ground_truth", sample["ground_truth"])
        columns |= {"extra_info": sample["extra_info"], "prompts": prompt, "completions":
                    text if isinstance(prompt, str) else [{"role": "assistant", "content": text}]}
        for name, value in columns.items():
            arguments.setdefault(name, []).append(value)
    return arguments

def check_kwargs():
    given = {"verl": VERL, "verl_batch": VERL_BATCH, "trl": ("completions", "prompts")}[form]
    takes_all = any(p.kind == p.VAR_KEYWORD for p in parameters.values())
    for name in kwargs:
        if name in given or not (takes_all or name in parameters):
            raise TypeError(f"{function.__name__}() has no parameter {name!r} for reward.kwargs")

def seed(text):
    random.seed(text)
    if numpy:
        numpy.random.seed(int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little"))

def call(samples):
    values = function(**(arguments_of(samples) | kwargs))
    if form == "verl":
        return [values]
    if not hasattr(values, "__len__") or isinstance(values, (str, bytes, dict)):
        raise WrongType(f"expected a list of {len(samples)} numbers, got {type(values).__name__}")
    if len(values) != len(samples):
        raise WrongType(f"expected a list of {len(samples)} numbers, got one of {len(values)}")
    return list(values)

def plain(value):
    """A Python number of one of numpy or torch."""
    if not hasattr(value, "item"):
        return value
    count = value.numel() if hasattr(value, "numel") else getattr(value, "size", 1)
    return value.item() if count == 1 else value

def valid(text, most):
    return text.encode("utf-8", "replace").decode()[:most]  # no lone surrogates

def extras(value):
    """Of a dict beside its score: figures, and the answer in "pred"."""
    parts = {}
    for name, part in value.items():
        part = plain(part)
        if name != "score" and isinstance(name, str) and isinstance(part, (bool, int, float)):
            try:
                if math.isfinite(float(part)):
                    parts[valid(name, 100)] = float(part)
            except OverflowError:
                pass
    pred = value.get("pred")
    return {"parts": dict(list(parts.items())[:50]), "answer": "" if pred is None else valid(str(plain(pred)), 2000)}

def score(value):
    more = {}
    if isinstance(value, dict):
        if "score" not in value:
            return {"status": "wrong_type", "detail": "a dict without \"score\""}
        value, more = value["score"], extras(value)
    value = plain(value)
    if not isinstance(value, (bool, int, float)):
        return {"status": "wrong_type", "detail": f"returned {type(value).__name__}"}
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        return {"status": "not_finite", "detail": f"returned {number}"}
    return {"status": "scored", "score": number, **more}

def scores(samples):
    try:
        return [score(value) for value in call(samples)]
    except WrongType as e:
        failure = {"status": "wrong_type", "detail": str(e)}
    except BaseException as e:
        own = e.__traceback__.tb_next  # call()
        traceback.print_exception(type(e), e, own and own.tb_next)
        failure = {"status": "error", "detail": describe(e)}
    return [failure] * len(samples)

try:
    setup = json.loads(next(lines))
    kwargs = setup["kwargs"]
    function = find_function(setup["path"], setup["function"])
    parameters = inspect.signature(function).parameters
    if "completions" in parameters:
        form, arguments_of = "trl", arguments_of_trl
    elif set(VERL_BATCH) <= set(parameters):
        form, arguments_of = "verl_batch", arguments_of_batch
    else:
        form, arguments_of = "verl", arguments_of_verl
    check_kwargs()
    try:
        import numpy
    except Exception:
        numpy = None
    answer({"form": form, "function": function.__name__, "python": sys.version.split()[0], "files": local_files(setup["path"])})
except BaseException as e:
    answer({"error": describe(e)})
    sys.exit(1)
for line in lines:
    request = json.loads(line)
    seed(request["seed"])
    answer({"scores": scores(request["samples"])})
)python";

}  // namespace amalgam::rewards
