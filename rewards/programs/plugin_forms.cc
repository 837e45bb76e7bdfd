#include "rewards/programs/plugin_program.h"

namespace amalgam::rewards {

const char* const kPluginForms = R"python(
# The user's functions: finding them, and what they are given.

import difflib, functools, types

class Refused(Exception):
    """Why what a config names cannot be used; the message says it all."""

def load_module(setup):
    if setup["source"]:
        module = types.ModuleType("reward_program")
        module.Refused, module.seed = Refused, seed
        exec(compile(setup["source"], setup["path"], "exec"), module.__dict__)
        return module
    spec = importlib.util.spec_from_file_location("reward_plugin", setup["path"])
    module = importlib.util.module_from_spec(spec)
    sys.modules["reward_plugin"] = module
    sys.path.insert(0, os.path.dirname(os.path.abspath(setup["path"])))
    spec.loader.exec_module(module)
    return module

def named_function(module, name):
    if not hasattr(module, name):
        near = difflib.get_close_matches(name, [n for n in vars(module) if callable(getattr(module, n))], 1)
        raise Refused(f"has no {name}" + (f"; did you mean {near[0]}?" if near else ""))
    found = getattr(module, name)
    if isinstance(found, str):
        raise Refused(f"{name} is a text: models by name are not served as rewards; a function may ask one")
    if inspect.isclass(found):
        raise Refused(f"{name} is a class; name an object of it, which can be called")
    if hasattr(found, "named_parameters"):
        raise Refused(f"{name} is a model: models are not served as rewards; a function may ask one")
    if isinstance(found, (list, tuple)):
        raise Refused(f"{name} is a list; name its functions in a list, reward_function = [\"A\", \"B\"]")
    if not callable(found):
        raise Refused(f"{name} is of type {type(found).__name__}, which cannot be called")
    return found

def find_functions(module, names):
    if names:
        return [Function(name, named_function(module, name)) for name in names]
    if hasattr(module, "compute_score"):
        return [Function("compute_score", named_function(module, "compute_score"))]
    found = [n for n, f in vars(module).items() if inspect.isfunction(f)
             and f.__module__ == "reward_plugin" and "reward" in n and n[0] != "_"]
    if len(found) != 1:
        raise Refused(f"no compute_score and not one reward function but {', '.join(found) or 'none'}: "
                      "name the function, or several in a list, in reward_function")
    return [Function(found[0], getattr(module, found[0]))]

VERL = {"data_source": "data_source", "solution_str": "solution", "ground_truth": "ground_truth",
        "extra_info": "extra_info"}
VERL_BATCH = {name + "s": key for name, key in VERL.items()}
# Of TRL's form beside columns; where a row has no such columns the last three are there too.
TRL = ("prompts", "completions", "completion_ids", "log_extra", "log_metric", "trainer_state")
TRL_COLUMNS = ("data_source", "ground_truth", "extra_info")
GIVEN = {"verl": tuple(VERL), "verl_batch": tuple(VERL_BATCH), "trl": TRL}
FORM_NAMES = {"verl": "verl's form", "verl_batch": "verl's form for batches", "trl": "TRL's form"}

class Function:
    def __init__(self, name, function):
        self.name, self.function = name, function
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            raise Refused(f"{name} has no signature that can be read") from None
        by_name = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        self.takes_all = any(p.kind == p.VAR_KEYWORD for p in parameters)
        self.names = [p.name for p in by_name]
        self.required = [p.name for p in by_name if p.default is p.empty]
        by_place = [p.name for p in parameters if p.kind == p.POSITIONAL_ONLY and p.default is p.empty]
        if by_place:
            raise Refused(f"{name}() takes {', '.join(by_place)} by position alone (before a \"/\"), and "
                          "arguments are given by name")
        innermost = function
        while isinstance(innermost, functools.partial):
            innermost = innermost.func
        self.is_async = any(inspect.iscoroutinefunction(f) for f in (innermost, getattr(innermost, "__call__", None)))

    def takes(self, name):
        return self.takes_all or name in self.names

    def __call__(self, arguments):
        return self.function(**{n: v for n, v in (arguments | kwargs).items() if self.takes(n)})

def form_of(f, is_one_of_several):
    for names in (f.required, f.names):
        told = {"trl": [n for n in names if n in TRL or n == "environments"],
                "verl_batch": [n for n in names if n in VERL_BATCH],
                "verl": [n for n in names if n in VERL]}
        if told["trl"]:  # then what a row may have is a column
            told["verl"] = [n for n in told["verl"] if n not in TRL_COLUMNS]
        found = [form for form, its in told.items() if its]
        if len(found) > 1:
            raise Refused(f"{f.name}() mixes " + " and ".join(
                f"{FORM_NAMES[form]} ({', '.join(told[form])})" for form in found) + "; take the arguments of one")
        if found:
            return found[0]
    if f.takes_all:
        return "trl" if is_one_of_several else "verl"
    raise Refused(f"{f.name}() takes none of the arguments of a reward function: {', '.join(VERL)} (verl's), "
                  f"those with an s (batches), or completions and columns (TRL's)")

def form_of_all(fs):
    forms = [form_of(f, len(fs) > 1 or bool(setup["weights"])) for f in fs]
    for f, form in zip(fs, forms):
        if len(fs) > 1 and form != "trl":
            raise Refused(f"reward_function is a list, and {f.name}() has {FORM_NAMES[form]}; a list is of functions "
                          "in TRL's form")
    return forms[0]

def check_required(f):
    """Returns the columns that it needs."""
    missing = [n for n in f.required if n not in GIVEN[form] and n not in kwargs]
    if form == "trl":
        if "environments" in missing:
            raise Refused(f"{f.name}() requires environments, which are not there: tools are [[tool]] tables, and "
                          "their calls and results are in extra_info's messages")
        if never := [n for n in missing if n in ("prompt", "completion")]:
            raise Refused(f"{f.name}() requires {never[0]}, which is never given; take {never[0]}s, a list")
        return [n for n in missing if n not in TRL_COLUMNS]
    if missing:
        raise Refused(f"{f.name}() requires {', '.join(missing)}, which nothing gives; {FORM_NAMES[form]} has "
                      f"{', '.join(GIVEN[form])}, and reward.kwargs may give others")
    return []

def check_kwargs():
    for name in kwargs:
        if name in GIVEN[form]:
            raise Refused(f"reward.kwargs has {name}, which every call gives")
        if not any(f.takes(name) for f in functions):
            raise Refused(f"{functions[0].name}() has no parameter {name!r} for reward.kwargs")

def arguments_of_verl(samples):
    return {name: samples[0][key] for name, key in VERL.items()}

def arguments_of_batch(samples):
    return {name: [s[key] for s in samples] for name, key in VERL_BATCH.items()}

class NoColumn:
    """A function that goes through all of its **columns, v[i] for each, finds None in it."""
    def __getitem__(self, index):
        return None

class TrainerState(NoColumn):
    """What is known of TRL's."""
    def __init__(self, step):
        self.global_step = step
    def __getattr__(self, name):
        raise AttributeError(f"trainer_state has no {name} here, global_step alone")

def arguments_of_trl(samples):
    arguments = {}
    for sample in samples:  # of one row
        columns = dict(sample["row"] or {})
        prompt, text = columns.pop("prompt", ""), sample["solution"]
        columns.setdefault("data_source", sample["data_source"])
        columns.setdefault("ground_truth", sample["ground_truth"])
        columns |= {"extra_info": sample["extra_info"], "prompts": prompt,
                    "completion_ids": sample["completion_ids"], "completions":
                    text if isinstance(prompt, str) else [{"role": "assistant", "content": text}]}
        for name in needed_columns:  # that only other rows have
            columns.setdefault(name, None)
        for name, value in columns.items():
            arguments.setdefault(name, []).append(value)
    return arguments
)python";

}  // namespace amalgam::rewards
