#include "rewards/programs/reasoning_gym_program.h"

namespace amalgam::rewards {

const char* const kReasoningGymProgram = R"python(
import copy, difflib, json, sys

def load(kwargs):
    """Returns the package and its version."""
    global dataset
    name = kwargs["task"]
    try:
        import reasoning_gym
    except ImportError as e:
        raise Refused(f"generator reasoning_gym:{name} needs the Python package reasoning-gym, which {sys.executable} "
                      f"does not have ({e}): {sys.executable} -m pip install reasoning-gym, or name another "
                      "interpreter in reward.python") from None
    try:
        from reasoning_gym.factory import DATASETS
    except ImportError:
        DATASETS = None
    if DATASETS is not None and name not in DATASETS:
        near = difflib.get_close_matches(name, DATASETS, 1)
        raise Refused(f"generator reasoning_gym:{name}: reasoning-gym has no data set {name}" +
                      (f"; did you mean {near[0]}?" if near else ""))
    try:
        dataset = create(name, kwargs["config"], size=10, seed=0)
        dataset.score_answer(dataset[0]["answer"], dataset[0])
    except Exception as e:
        raise Refused(f"generator reasoning_gym:{name} does not work with generator_config "
                      f"{json.dumps(kwargs['config'])}: {type(e).__name__}: {e}") from None
    try:
        import importlib.metadata
        version = importlib.metadata.version("reasoning-gym")
    except Exception:
        version = getattr(reasoning_gym, "__version__", "of unknown version")
    return f"reasoning-gym {version}"

def create(name, config, size, seed):
    import reasoning_gym
    return reasoning_gym.create_dataset(name, **config, size=size, seed=seed)

def tagged(value):
    """JSON that `restored` makes the same value of, as far as JSON's and Python's own types go."""
    if isinstance(value, tuple):
        return {"__tuple__": [tagged(v) for v in value]}
    if isinstance(value, list):
        return [tagged(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return {"__set__": sorted((tagged(v) for v in value), key=json.dumps)}
    if isinstance(value, dict):
        if all(isinstance(k, str) for k in value):
            return {k: tagged(v) for k, v in value.items()}
        return {"__dict__": [[tagged(k), tagged(v)] for k, v in value.items()]}
    return value

def restored(value):
    if isinstance(value, list):
        return [restored(v) for v in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (kind, items), = value.items()
        if kind == "__tuple__":
            return tuple(restored(v) for v in items)
        if kind == "__set__":
            return {restored(v) for v in items}
        if kind == "__dict__":
            return {restored(k): restored(v) for k, v in items}
    return {k: restored(v) for k, v in value.items()}

def without_difficulty(entry):
    """What answers are verified by: `difficulty` repeats the config."""
    metadata = entry.get("metadata")
    if not isinstance(metadata, dict) or "difficulty" not in metadata:
        return entry
    return entry | {"metadata": {k: v for k, v in metadata.items() if k != "difficulty"}}

def plain(value):
    return value.item() if hasattr(value, "item") else sorted(value, key=str) if isinstance(value, set) else str(value)

def keys_are_texts(value):
    if isinstance(value, dict):
        return {str(k): keys_are_texts(v) for k, v in value.items()}
    return [keys_are_texts(v) for v in value] if isinstance(value, (list, tuple)) else value

def drawn(entry):
    text = json.dumps(keys_are_texts(entry), default=plain)
    exact = without_difficulty(entry)
    if without_difficulty(json.loads(text)) == exact:
        exact = None
    answer = entry["answer"] if isinstance(entry.get("answer"), str) else None
    return {"question": entry["question"], "answer": answer, "entry": text,
            "exact": exact and json.dumps(tagged(exact), default=plain)}

def reply(request):
    """All entries of a data set, which may depend on its size."""
    entries = []
    seed(f"{request['seed']}")
    drawing = create(request["task"], request["config"], request["size"], request["seed"])
    for i in range(request["size"]):
        seed(f"{request['seed']}/{i}")
        entries.append(drawn(drawing[i]))
    return {"entries": entries}

def answer_of(text, extra_info):
    """The final message, of it what stands in <answer> tags, the last ones."""
    turns = [m for m in extra_info["messages"] if m["role"] == "assistant"]
    if extra_info["finish_reason"] != "submit" and turns:
        text = turns[-1].get("content") or ""
    found, place = text, 0
    while (begin := text.find("<answer>", place)) >= 0 and (end := text.find("</answer>", begin)) >= 0:
        found, place = text[begin + len("<answer>"):end], end + len("</answer>")
    return found.strip()

def compute_score(data_source, solution_str, ground_truth, extra_info, task, config):
    answer = answer_of(solution_str, extra_info)
    if not answer:
        return {"score": 0.0}
    entry = restored(extra_info["entry"]) if "entry" in extra_info else ground_truth
    try:
        value = dataset.score_answer(answer, copy.deepcopy(entry))
    except Exception:
        # Is it the answer that cannot be read? Then it is a wrong one.
        dataset.score_answer(entry["answer"], copy.deepcopy(entry))
        value = 0.0
    return {"score": float(value), "pred": answer}
)python";

}  // namespace amalgam::rewards
