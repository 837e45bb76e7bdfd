"""Reasoning efforts in whole runs of configs/bus_line, so small that nothing is learned: who is trained on what, and
what is said of it. Whether effort is learned, docs/EFFORT.md shows.

Usage: effort_test.py BINARY CHECK, see tests/tests.cmake."""

import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys

from run_harness import ROOT, check, finish, main, metric_lines, results, text_of

TINY = """
seed = 1
effort_form = "line"
[model]
hidden_size = 32
num_attention_heads = 2
q_lora_rank = 32
o_groups = 1
n_routed_experts = 4
layer_types = ["sliding_attention"]
[tokenizer]
vocab_size = 400
[base]
sft = { steps = 4, batch_tokens = 512 }
[rl]
steps = 2
data.train_batch_size = 4
data.max_response_length = 20
rollout.n = 4
test_freq = 1
val_prompts = 4
[distill]
students = "per_domain"
steps = 2
data.train_batch_size = 4
data.max_response_length = 20
rollout.n = 2
test_freq = 1
[[compare]]
name = "weight_average"
[eval]
prompts = 6
n = 2
"""
DOMAIN = """
[[domain]]
name = "{name}"
efforts = {efforts}
windows = {{ none = 5, b1-50 = 7 }}
train_file = "{folder}/train.jsonl"
validation_file = "{folder}/validation.jsonl"
heldout_file = "{folder}/test.jsonl"
sft_file = "{folder}/sft.jsonl"
reward_file = "{folder}/reward.py"
"""
MODES, BANDS = ["none", "max"], ["b1-50", "b51-100"]
MODELS = ["base", "specialist", "student", "weight_average"]
FIGURES = ["accuracy", "accuracy_se", "tokens", "tokens_se"]


def config(program, *domains, head=TINY):
    path = program.path("effort.toml")
    with open(path, "w") as file:
        file.write(head)
        for name, efforts, more in domains:
            file.write(DOMAIN.format(name=name, efforts=efforts, folder=f"{ROOT}/configs/bus_line") + more)
    return path


def lines_of(program, run_dir, *options):
    done = subprocess.run([program.binary, "samples", run_dir, "--json", "--limit", "100000", *options],
                          capture_output=True, text=True, timeout=300, check=False)
    check(done.returncode == 0, done.stderr)
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def fails(program, *arguments):
    done = subprocess.run([program.binary, *arguments], capture_output=True, text=True, timeout=300, check=False)
    check(done.returncode != 0, f"{arguments}: accepted")
    return done.stderr.strip().split("\n")[-1]


def samples_of(run_dir):
    with sqlite3.connect(f"file:{run_dir}/run.sqlite?mode=ro", uri=True) as store:
        return store.execute("SELECT stage, domain, effort, response_length, finish_reason FROM trajectories").fetchall()


def check_samples(run_dir):
    """Every sample's effort is one of its domain's, and its window held. Returns how many of them the window cut."""
    cut = 0
    for stage, domain, effort, length, reason in samples_of(run_dir):
        mode = domain.split("-", 1)[1]
        if mode[0] == "b":
            first, last = map(int, mode[1:].split("-"))
            check(first <= int(effort) <= last, f"{stage}: effort {effort} in {domain}")
        else:
            check(effort == mode, f"{stage}: effort {effort} in {domain}")
        window = {"none": 5, "b1-50": 7}.get(mode, 20)
        check(length <= window, f"{stage}: {length} tokens in a window of {window}")
        cut += reason == "length" and length == window < 20
    return cut


def efforts(program):
    toml = config(program, ("modes", json.dumps(MODES), ""), ("bands", "{ bands = 2 }", ""))
    run = program.path("run")
    program.run(run, config=toml)
    found = results(run)
    for domain, modes in (("modes", MODES), ("bands", BANDS)):
        for table in ("efforts", "efforts_greedy"):
            check(list(found[table][domain]) == modes, f"{table}: {found[table][domain].keys()}")
            for mode in modes:
                cells = found[table][domain][mode]
                check(sorted(cells) == sorted(MODELS) and all(list(c) == FIGURES for c in cells.values()), f"{cells}")
                check(all(c["tokens"] > 0 for c in cells.values()), f"{table} {mode}: {cells}")
    check(sorted(found["effort_correlation"]) == ["bands"], f"{found['effort_correlation']}")
    for folder in ("specialist-modes-none", "specialist-bands-b51-100", "student-modes", "student-bands",
                   "weight_average-modes"):
        check(os.path.exists(f"{run}/{folder}/model.safetensors"), f"{folder} is missing")
    check(check_samples(run) > 0, "no sample was cut by its window")
    metrics = {name for line in metric_lines(run) for name in json.loads(line)}
    for name in ("actor/entropy/modes/none", "distill/kl/bands/b51-100"):
        check(name in metrics, f"metric {name} is missing: {sorted(metrics)}")
    report = text_of(run + "/report.html")
    check("Reasoning effort</h2>" in report and report.count("class=\"xy-line\"") >= 8, "the report's plots are missing")
    # A question is asked at every effort, with its line.
    shown = lines_of(program, run, "--domain", "bands-b51-100")
    systems = {sample["messages"][0]["content"] for sample in shown}
    check(all(re.fullmatch(r"Reasoning Effort: (5[1-9]|[6-9]\d|100)", s) for s in systems) and len(systems) > 3,
          f"{systems}")

    # The same bytes in worker processes.
    again = program.path("again")
    program.run(again, "--workers", "2", config=toml)
    check(models_of(run) == models_of(again), "workers change the models")

    # One mode is scored alone, and what is not there is named.
    process = program.popen([program.binary, "eval", toml, "--model", f"{run}/student-modes", "--effort", "max",
                             "--run-dir", program.path("eval")], program.path("eval.log"))
    finish(process)
    check(process.returncode == 0, text_of(program.path("eval.log"))[-600:])
    check(list(results(program.path("eval"))["domains"]) == ["modes-max"], "eval --effort scored something else")
    base = ("--model", f"{run}/base")
    check("no effort 'low'; it has none, max" in fails(program, "eval", toml, *base, "--domain", "modes",
                                                      "--effort", "low"), "an effort that is not there")
    check("add --effort, one of none, max" in fails(program, "rl", toml, *base, "--domain", "modes", "--out",
                                                    program.path("x")), "a domain with two specialists")
    check("longer answers of this model are not better" in
          fails(program, "effort", "suggest", toml, *base, "--domain", "modes"), "a model that knows nothing")
    return f"{len(MODES + BANDS)} specialists, 2 students, windows held, the same with workers"


def models_of(run_dir):
    digests = {}
    for name in sorted(os.listdir(run_dir)):
        path = f"{run_dir}/{name}/model.safetensors"
        if os.path.exists(path):
            with open(path, "rb") as file:
                digests[name] = hashlib.sha256(file.read()).hexdigest()
    return digests


def one_policy(program):
    """One specialist for all efforts: each step mixes them, and advantages are inside (prompt, effort)."""
    toml = config(program, ("all", json.dumps(MODES), 'specialists = "one"\n'))
    run = program.path("run")
    program.run(run, "distill.steps=0", config=toml)
    check(os.path.exists(run + "/specialist-all/model.safetensors") and
          not os.path.exists(run + "/specialist-all-none"), "there is another specialist")
    groups = {}
    for sample in lines_of(program, run, "--stage", "rl-all"):
        groups.setdefault(sample["step"], set()).add(sample["effort"])
    check(groups == {0: {"none", "max"}, 1: {"none", "max"}}, f"efforts of the steps: {groups}")
    found = results(run)["efforts"]["all"]
    check(found["none"]["specialist"]["tokens"] <= 5, f"{found}")
    metrics = {name for line in metric_lines(run) for name in json.loads(line)}
    check({"actor/entropy/all/none", "actor/entropy/all/max"} <= metrics, f"{sorted(metrics)}")
    # Its training may be longer.
    program.run(run, "distill.steps=0", "rl.steps=3", "--resume", config=toml)
    steps = {sample["step"] for sample in lines_of(program, run, "--stage", "rl-all")}
    check(steps == {0, 1, 2}, f"steps after three were asked for: {steps}")
    # A row of an effort that is not listed is left out, and said.
    other = program.path("rows.jsonl")
    with open(f"{ROOT}/configs/bus_line/train.jsonl") as file, open(other, "w") as out:
        for i, line in enumerate(file):
            out.write(json.dumps({**json.loads(line), **({"effort": "high"} if i < 3 else {})}) + "\n")
    program.run(program.path("left"), "distill.steps=0",
                f"domain.all.train_file={other}", config=toml)
    check("3 of 220 rows are left out: their effort is none of domain all's" in text_of(program.path("left.log")),
          "rows of another effort are not told")
    return "one policy on mixed efforts, scored by effort"


if __name__ == "__main__":
    sys.exit(main({"efforts": efforts, "one_policy": one_policy}))
