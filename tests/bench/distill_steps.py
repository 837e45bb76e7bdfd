"""Distillation steps of two builds of the program on the same models, alternately.

Usage: distill_steps.py BINARY OTHER_BINARY DIR [quickstart|eight] [ROUNDS]

quickstart: the whole step of configs/quickstart.toml with a base and specialists of its shape.
eight: the learning part of a step with eight domains whose specialists are of `small` size, all of
them in memory, 2,048 tokens a step. Models are made in DIR and kept there for the next time."""

import json
import os
import shutil
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
QUICKSTART = os.path.join(ROOT, "configs", "quickstart.toml")
STEPS = 6

EIGHT = """
threads = 2
[data]
train_rows = 64
heldout_rows = 8
[tokenizer]
vocab_size = {vocab_size}
""" + "".join(f'[[domain]]\nname = "d{i}"\ngenerator = "math"\nmode = "chat"\n' for i in range(8))


def run(command, cwd):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command}: {done.stdout[-500:]}{done.stderr[-800:]}")


def copies(base, names, folder):
    for name in names:
        if not os.path.exists(f"{folder}/{name}"):
            shutil.copytree(base, f"{folder}/{name}")
    return [a for name in names for a in ("--teacher", f"{name}={folder}/{name}")]


def quickstart(binary, folder):
    """Command line, overrides and metric."""
    base = f"{folder}/run/base"
    if not os.path.exists(base):
        run([binary, "run", QUICKSTART, "--run-dir", f"{folder}/run", "base.sft.steps=40", "base.anneal.steps=0", "rl.steps=0",
             "distill.steps=0", "eval.prompts=1", "eval.n=1", "compare=[]"], folder)
    teachers = copies(base, ("math", "code", "agent", "instruct"), folder)
    return [QUICKSTART, "--model", base, *teachers], [], "timing_s/step"


def eight(binary, folder):
    sizes = json.load(open(f"{ROOT}/tests/golden/sizes/small.json"))
    base, config = f"{folder}/small", f"{folder}/eight.toml"
    with open(config, "w") as file:
        file.write(EIGHT.format(vocab_size=sizes["vocab_size"]))
    if not os.path.exists(base):
        run([binary, "run", QUICKSTART, "--run-dir", f"{folder}/tokens", "base.sft.steps=1", "base.anneal.steps=0", "rl.steps=0",
             "distill.steps=0", "eval.prompts=1", "eval.n=1", "compare=[]"], folder)
        tokenizer = f"{folder}/tokens/base"
        sizes["vocab_size"] = json.load(open(f"{tokenizer}/config.json"))["vocab_size"]
        with open(f"{folder}/small.json", "w") as file:
            json.dump(sizes, file)
        run([binary, "init", "--config", f"{folder}/small.json", "--seed", "1", "--out", base], folder)
        for name in os.listdir(tokenizer):
            if name.startswith("tokenizer"):
                shutil.copy(f"{tokenizer}/{name}", base)
    teachers = copies(base, [f"d{i}" for i in range(8)], folder)
    overrides = ["distill.data.train_batch_size=8", "distill.data.max_response_length=224"]
    return [config, "--model", base, *teachers], overrides, "timing_s/learn"


def step_seconds(binary, folder, arguments, overrides, metric):
    """The median over the steps after the first, which loads what later ones have."""
    out = f"{folder}/out"
    for path in (out, out + "-run"):
        shutil.rmtree(path, ignore_errors=True)
    run([binary, "distill", *arguments, "--out", out, "--run-dir", out + "-run", f"distill.steps={STEPS}",
         "distill.lr_candidates=[]", "distill.test_freq=0", *overrides], folder)
    with open(out + "-run/metrics.jsonl") as file:
        values = [json.loads(line) for line in file]
    return statistics.median(v[metric] for v in values[1:] if metric in v)


def main():
    binaries, folder = [os.path.abspath(b) for b in sys.argv[1:3]], os.path.abspath(sys.argv[3])
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 3
    os.makedirs(folder, exist_ok=True)
    for case in (quickstart, eight):
        if len(sys.argv) > 4 and sys.argv[4] != case.__name__:
            continue
        arguments, overrides, metric = case(binaries[0], folder)
        ratios = []
        for _ in range(rounds):
            ours, other = (step_seconds(b, folder, arguments, overrides, metric) for b in binaries)
            ratios.append(ours / other)
            print(f"{case.__name__}: {metric} {ours:.3f} s against {other:.3f} s: {ours / other:.3f} x", flush=True)
        print(f"{case.__name__}: median {statistics.median(ratios):.3f} x")


if __name__ == "__main__":
    main()
