#include "rewards/programs/plugin_program.h"

namespace amalgam::rewards {
namespace {

const char* const kCalls = R"python(
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

def seed(text):
    random.seed(text)
    if numpy:
        numpy.random.seed(int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little"))

loop = None

def wait_for(awaitables):
    """All at once. The loop stays, for what a function keeps between calls, as connections, is bound to it."""
    global loop
    import asyncio
    async def together():
        tasks = [asyncio.ensure_future(a) for a in awaitables]
        try:
            return await asyncio.gather(*tasks)
        finally:  # none goes on in the next call
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    loop = loop or asyncio.new_event_loop()
    try:
        return loop.run_until_complete(together())
    except Exception:
        raise
    except BaseException:  # left the loop in the middle of its work
        loop = None
        raise

def call_all(arguments):
    """What each function returns. Those that are async wait together, after the others."""
    results = [None] * len(functions)
    for i in sorted(range(len(functions)), key=lambda i: functions[i].is_async):
        results[i] = functions[i](arguments)
    waiting = [i for i, result in enumerate(results) if inspect.isawaitable(result)]
    if waiting:
        for i, result in zip(waiting, wait_for([results[i] for i in waiting])):
            results[i] = result
    return results

def as_list(values, count, name=""):
    of = f"{name}: " if len(functions) > 1 else ""
    if not hasattr(values, "__len__") or isinstance(values, (str, bytes, dict)):
        raise WrongType(f"{of}expected a list of {count} numbers, got {type(values).__name__}")
    if len(values) != count:
        raise WrongType(f"{of}expected a list of {count} numbers, got one of {len(values)}")
    return list(values)

def plain(value):
    """A Python number of one of numpy or torch."""
    if not hasattr(value, "item"):
        return value
    count = value.numel() if hasattr(value, "numel") else getattr(value, "size", 1)
    return value.item() if count == 1 else value

def valid(text, most):
    return text.encode("utf-8", "replace").decode()[:most]  # no lone surrogates

def figure(value):
    """As a finite float, or None."""
    value = plain(value)
    try:
        number = float(value) if isinstance(value, (bool, int, float)) else math.nan
    except OverflowError:
        number = math.inf
    return number if math.isfinite(number) else None

MOST_PARTS = 50

def add_parts(parts, more):
    """Those that are figures, of names that are not there yet."""
    for name, value in more:
        number = figure(value)
        if number is not None and isinstance(name, str) and len(parts) < MOST_PARTS:
            parts.setdefault(valid(name, 100), number)

def score(value):
    more = {}
    if isinstance(value, dict):
        if "score" not in value:
            return {"status": "wrong_type", "detail": "a dict without \"score\""}
        parts, pred = {}, value.get("pred")
        add_parts(parts, ((n, v) for n, v in value.items() if n != "score"))
        labels = value.get("labels")
        labels = labels.tolist() if hasattr(labels, "tolist") else labels  # of numpy or torch
        if isinstance(labels, (list, tuple)):
            for i, label in enumerate(labels, 1):  # however many figures there are
                if (number := figure(label)) is not None:
                    parts[f"label/{i}"] = number
        more = {"parts": parts, "answer": "" if pred is None else valid(str(plain(pred)), 2000)}
        value = value["score"]
    value = plain(value)
    if not isinstance(value, (bool, int, float)):
        return {"status": "wrong_type", "detail": f"returned {type(value).__name__}"}
    number = figure(value)
    if number is None:
        return {"status": "not_finite", "detail": f"returned {value if isinstance(value, float) else math.inf}"}
    return {"status": "scored", "score": number, **more}

def weighted(values):
    """The score of a sample of which each function returned one value: sum of weight * value, without those
    that are None or NaN, which say that a function is not for this row."""
    total, parts, more, result, nan = 0.0, {}, {}, "", None
    for f, weight, value in zip(functions, weights, values):
        value = plain(value)
        if value is None:
            continue
        one = score(value)
        if isinstance(value, float) and math.isnan(value):
            nan = one
            continue
        if one["status"] != "scored":
            return one | {"detail": f"{f.name}() {one['detail']}" if len(functions) > 1 else one["detail"]}
        total += weight * one["score"]
        parts[f.name] = one["score"]
        more |= one.get("parts", {})
        result = result or one.get("answer", "")
    if not parts:
        names = " and ".join(f.name + "()" for f in functions)
        return nan or {"status": "no_reward", "detail": f"{names} returned None: not for this row"}
    if not has_weights:
        parts.clear()  # it is the score
    add_parts(parts, more.items())
    return score(total) | {"parts": parts, "answer": result}

said = set()

def say(line):
    if line not in said:
        said.add(line)
        print(line, file=sys.stderr)

class Callback(NoColumn):
    def __init__(self, function):
        self.function = function
    def __call__(self, *positional, **named):
        return self.function(*positional, **named)

class Logged:
    """What functions say through TRL's log_extra and log_metric."""
    def __init__(self):
        self.columns, self.metrics = {}, {}
    def log_extra(self, column, values):
        self.columns.setdefault(column, []).extend(values)
    def log_metric(self, name, value):
        self.metrics.setdefault(name, []).append(value)
    def parts(self, count):
        """One list of (name, figure) for each sample."""
        all_parts = [[] for _ in range(count)]
        for name, values in self.columns.items():
            if len(values) != count:
                say(f"log_extra({name!r}): {len(values)} values for {count} completions; they are not kept")
                continue
            if any(figure(v) is None for v in values):
                say(f"log_extra({name!r}): only finite numbers are kept, as parts of a sample")
            for parts, value in zip(all_parts, values):
                parts.append((name, value))
        for name, values in self.metrics.items():
            figures = [figure(v) for v in values]
            if None in figures:
                say(f"log_metric({name!r}): a value that is no finite number is not kept")
                continue
            for parts in all_parts:  # one call, one value: the mean, as TRL has it
                parts.append((name, sum(figures) / len(figures)))
        return all_parts

def step_of(seed_text):
    step = seed_text.split("/")[-2:-1]  # STAGE/STEP/GROUP
    return int(step[0]) if step and step[0].isdigit() else 0

def scores_in_trl(samples, seed_text):
    logged, count = Logged(), len(samples)
    results = call_all(arguments_of_trl(samples) | {
        "log_extra": Callback(logged.log_extra), "log_metric": Callback(logged.log_metric),
        "trainer_state": TrainerState(step_of(seed_text))})
    lists = [as_list(values, count, f.name) for f, values in zip(functions, results)]
    scored = [weighted(values) for values in zip(*lists)]
    for one, more in zip(scored, logged.parts(count)):
        if one["status"] == "scored":
            add_parts(one["parts"], more)
    return scored

def scores_in_verl(samples, seed_text):
    if form == "verl":
        return [score(value) for value in call_all(arguments_of_verl(samples))]
    return [score(value) for value in as_list(*call_all(arguments_of_batch(samples)), len(samples))]

def scores(samples, seed_text):
    seed(seed_text)
    try:
        return (scores_in_trl if form == "trl" else scores_in_verl)(samples, seed_text)
    except WrongType as e:
        failure = {"status": "wrong_type", "detail": str(e)}
    except BaseException as e:
        own = e.__traceback__
        while own.tb_next and own.tb_frame.f_code.co_filename == "<string>":  # this program
            own = own.tb_next
        traceback.print_exception(type(e), e, own)
        failure = {"status": "error", "detail": describe(e)}
    return [failure] * len(samples)

def reply(request):
    if "samples" in request:
        return {"scores": scores(request["samples"], request["seed"])}
    try:
        return module.reply(request)
    except BaseException as e:
        return {"error": describe(e)}

numpy = None
try:
    setup = json.loads(next(lines))
    kwargs, needed_columns = setup["kwargs"], []
    module = load_module(setup)
    try:
        import numpy
    except Exception:
        pass
    functions = find_functions(module, setup["functions"])
    form = form_of_all(functions)
    has_weights = bool(setup["weights"]) or len(functions) > 1
    weights = setup["weights"] or [1.0] * len(functions)
    if setup["weights"] and form != "trl":
        raise Refused(f"reward_weights are of functions in TRL's form, and {functions[0].name}() has {FORM_NAMES[form]}")
    if len(weights) != len(functions):
        raise Refused(f"reward_weights has {len(weights)} numbers, for {len(functions)} functions")
    for f in functions:
        needed_columns += [n for n in check_required(f) if n not in needed_columns]
    check_kwargs()
    answer({"form": form, "function": ", ".join(f.name for f in functions), "columns": needed_columns,
            "python": sys.version.split()[0], "package": module.load(kwargs) if setup["source"] else "",
            "files": [] if setup["source"] else local_files(setup["path"])})
except Refused as e:
    answer({"error": " ".join(str(e).split())[:1000]})
    sys.exit(1)
except BaseException as e:
    answer({"error": describe(e)})
    sys.exit(1)
for line in lines:
    answer(reply(json.loads(line)))
)python";

}  // namespace

std::string plugin_program() { return std::string(kPluginGuard) + kPluginForms + kCalls; }

}  // namespace amalgam::rewards
