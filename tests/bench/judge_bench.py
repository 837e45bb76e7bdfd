#!/usr/bin/env python3
"""How fast a judge writes, beside `amalgam generate` on the same prompts with the same model: tokens a second.

    judge_bench.py BINARY CONFIG MODEL_DIR [ROUNDS]

CONFIG has a domain with a judge; a few RL steps of it with the weights of MODEL_DIR as a frozen judge take turns with
generate on the prompts that the judge had in them. Of both, all tokens by all seconds in which they were sampled; the
first round is left out.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def judge(binary, config, model, domain, folder):
    """(tokens, seconds, rows for generate)"""
    run(binary, "rl", config, "--domain", domain, "--model", model, "--out", folder + ".model", "--run-dir", folder, f"domain.{domain}.judge.model={model}",
        f"domain.{domain}.rl.steps=6", f"domain.{domain}.rl.test_freq=0", "threads=2")
    stage = f"rl-{domain}-judge"
    rows, tokens = [], 0
    for line in run(binary, "samples", folder, "--stage", stage, "--limit", "0", "--json").splitlines():
        sample = json.loads(line)
        tokens += sample["response_tokens"]
        rows.append({"messages": sample["messages"][:-1], "thinking_mode": "chat", "max_tokens": 48, "seed": len(rows)})
    with open(folder + "/metrics.jsonl") as file:
        steps = [json.loads(line) for line in file]
    seconds = sum(s["judge_tokens"] / s["perf/judge_throughput"] for s in with_tokens(steps, folder, binary, stage))
    return tokens, seconds, rows


def with_tokens(steps, folder, binary, stage):
    """The steps that were judged, with the tokens of their verdicts."""
    for step in steps:
        if "perf/judge_throughput" in step:
            samples = run(binary, "samples", folder, "--stage", stage, "--step", str(step["step"]), "--limit", "0", "--json")
            step["judge_tokens"] = sum(json.loads(line)["response_tokens"] for line in samples.splitlines())
            yield step


def generate(binary, model, rows, folder):
    """(tokens, seconds)"""
    with open(folder + "/in.jsonl", "w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)

    def once(name, command_rows):
        with open(f"{folder}/{name}.in", "w") as file:
            file.writelines(json.dumps(row) + "\n" for row in command_rows)
        begin = time.monotonic()
        run(binary, "generate", "--model", model, "--in", f"{folder}/{name}.in", "--out", f"{folder}/{name}.out", "--threads", "2")
        return time.monotonic() - begin

    start = once("one", rows[:1])  # loading the model and one row
    seconds = once("all", rows) - start
    with open(folder + "/all.out") as file:
        tokens = sum(len(json.loads(line)["ids"]) for line in file)
    return tokens, seconds


def main():
    binary, config, model = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    with open(config, "rb") as file:
        domain = next(d["name"] for d in tomllib.load(file)["domain"] if "judge" in d)
    sums = [[0, 0], [0, 0]]
    for number in range(rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            tokens, seconds, rows = judge(binary, config, os.path.abspath(model), domain, folder + "/run")
            other = generate(binary, model, rows, folder)
        if number == 0:
            continue
        for total, (t, s) in zip(sums, ((tokens, seconds), other)):
            total[0] += t
            total[1] += s
        print(f"round {number}: judge {tokens / seconds:.0f}, generate {other[0] / other[1]:.0f} tokens/s", flush=True)
    rates = [t / s for t, s in sums]
    print(f"judge {rates[0]:.0f}, generate {rates[1]:.0f} tokens/s: {rates[0] / rates[1]:.2f}")


if __name__ == "__main__":
    main()
