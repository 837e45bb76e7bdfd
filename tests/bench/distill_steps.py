"""Distillation steps of two builds of the program on the same models, alternately.

Usage: distill_steps.py BINARY OTHER_BINARY DIR [quickstart|eight] [ROUNDS]

quickstart: the whole step of configs/quickstart.toml with a base and specialists of its shape.
eight: the learning part of a step with eight domains whose specialists are of `small` size, all of
them in memory, 2,048 tokens a step. Models are made in DIR and kept there for the next time."""

import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
QUICKSTART = os.path.join(ROOT, "configs", "quickstart.toml")
STEPS = 4  # that are measured, after one
DOMAINS = ("math", "code", "agent", "instruct")  # of the quickstart
BASE_ONLY = ["base.anneal.steps=0", *(f"domain.{d}.rl.steps=0" for d in DOMAINS), "rl.steps=0", "distill.steps=0",
             "eval.prompts=1", "eval.n=1"]

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


def own_quickstart(folder):
    """Without comparisons, whose keys differ from build to build."""
    with open(QUICKSTART) as file:
        tables = re.split(r"\n(?=\[)", file.read())
    path = f"{folder}/quickstart.toml"
    with open(path, "w") as file:
        file.write("\n".join(t for t in tables if not t.startswith("[[compare]]")))
    return path


def quickstart(binary, folder):
    """Command line, overrides and metric."""
    base = f"{folder}/run/base"
    if not os.path.exists(base):
        run([binary, "run", own_quickstart(folder), "--run-dir", f"{folder}/run", "base.sft.steps=40", *BASE_ONLY],
            folder)
    teachers = copies(base, DOMAINS, folder)
    return [own_quickstart(folder), "--model", base, *teachers], [], "timing_s/step"


def eight(binary, folder):
    sizes = json.load(open(f"{ROOT}/tests/golden/sizes/small.json"))
    base, config = f"{folder}/small", f"{folder}/eight.toml"
    with open(config, "w") as file:
        file.write(EIGHT.format(vocab_size=sizes["vocab_size"]))
    if not os.path.exists(base):
        run([binary, "run", own_quickstart(folder), "--run-dir", f"{folder}/tokens", "base.sft.steps=1", *BASE_ONLY],
            folder)
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


def measure(binary, folder, arguments, overrides, metric, steps):
    """Processor seconds of the command, and the metric's median over the steps after the first, which loads what later
    ones have."""
    out = f"{folder}/out"
    for path in (out, out + "-run"):
        shutil.rmtree(path, ignore_errors=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run([binary, "distill", *arguments, "--out", out, "--run-dir", out + "-run", f"distill.steps={steps}",
         "distill.lr_candidates=[]", "distill.test_freq=0", "distill.optim.lr=1e-6", *overrides], folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(out + "-run/metrics.jsonl") as file:
        values = [json.loads(line) for line in file]
    seconds = statistics.median([v[metric] for v in values if metric in v][1:] or [0])
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, seconds


def main():
    binaries, folder = [os.path.abspath(b) for b in sys.argv[1:3]], os.path.abspath(sys.argv[3])
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 3
    os.makedirs(folder, exist_ok=True)
    for case in (quickstart, eight):
        if len(sys.argv) > 4 and sys.argv[4] != case.__name__:
            continue
        arguments, overrides, metric = case(binaries[0], folder)
        by_cpu, by_time = [], []
        for _ in range(rounds):
            cpu, real = [], []
            for binary in binaries:
                first = measure(binary, folder, arguments, overrides, metric, 1)[0]
                whole, seconds = measure(binary, folder, arguments, overrides, metric, 1 + STEPS)
                cpu.append((whole - first) / STEPS)
                real.append(seconds)
            by_cpu.append(cpu[0] / cpu[1])
            by_time.append(real[0] / real[1])
            print(f"{case.__name__}: a step {cpu[0]:.2f} s of processor time against {cpu[1]:.2f}: {by_cpu[-1]:.3f} x; "
                  f"{metric} {real[0]:.2f} s against {real[1]:.2f}: {by_time[-1]:.3f} x", flush=True)
        print(f"{case.__name__}: median {statistics.median(by_cpu):.3f} x by processor time of the whole step, "
              f"{statistics.median(by_time):.3f} x by {metric}")


if __name__ == "__main__":
    main()
