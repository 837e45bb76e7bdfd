"""Distillation from teachers beside the specialists: weights by row, budgets, kills and faults.

Usage: teachers_test.py BINARY CHECK CI_RUN; tests/tests.cmake lists the checks."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

from run_harness import (CONFIG, DEADLINE_S, ROOT, SMALL, check, finish, main, metric_lines, text_of)

SETTINGS = [*SMALL, "distill.lr_candidates=[]", "distill.steps=3", "distill.test_freq=0", "rl.test_freq=0"]
OWN_DOMAIN = os.path.join(ROOT, "configs", "own_domain")


class Merge:
    """`amalgam distill` on the models of a run, with two teachers more: one in FP8, one of another width and depth."""

    def __init__(self, program, ci_run):
        self.program, self.ci_run = program, ci_run
        self.teachers = {name: program.path(name) for name in ("eights", "other")}
        self.make(["convert", "--model", f"{ci_run}/specialist-math", "--out", self.teachers["eights"], "--to", "fp8"])
        config = json.loads(text_of(f"{ci_run}/base/config.json"))
        config.update(hidden_size=96, num_hidden_layers=2, layer_types=config["layer_types"][:2],
                      mlp_layer_types=config["mlp_layer_types"][:2])
        with open(program.path("other.json"), "w") as file:
            json.dump(config, file)
        self.make(["init", "--config", program.path("other.json"), "--seed", "3", "--out", self.teachers["other"]])
        for name in os.listdir(f"{ci_run}/base"):
            if name.startswith("tokenizer"):
                shutil.copy(f"{ci_run}/base/{name}", self.teachers["other"])
        # Every third row of the user's own domain follows teachers of its own.
        self.rows = program.path("rows")
        shutil.copytree(OWN_DOMAIN, self.rows)
        lines = [json.loads(line) for line in text_of(f"{self.rows}/train.jsonl").splitlines() if line]
        for i, row in enumerate(lines):
            if i % 3 == 0:
                row.setdefault("extra_info", {})["teachers"] = {"dates": 0.5, "other": 1, "math": 0}
        self.write_rows(lines)
        self.lines = lines

    def make(self, arguments):
        done = subprocess.run([self.program.binary, *arguments], capture_output=True, text=True, timeout=300, check=False)
        check(done.returncode == 0, f"{arguments}: {done.stderr}")

    def write_rows(self, lines):
        with open(f"{self.rows}/train.jsonl", "w") as file:
            file.writelines(json.dumps(row) + "\n" for row in lines)

    def command(self, name, *overrides, teachers=None):
        tables = ",".join(f'{{name="{n}",path="{p}"}}' for n, p in (teachers or self.teachers).items())
        command = [self.program.binary, "distill", CONFIG, "--model", f"{self.ci_run}/base", "--out", self.program.path(name),
                   "--run-dir", self.program.path(name + "-run")]
        for domain in ("math", "code", "dates"):
            command += ["--teacher", f"{domain}={self.ci_run}/specialist-{domain}"]
        return [*command, *SETTINGS, f"teacher=[{tables}]",
                'distill.teachers=[{domain="math", weight={math=1, eights=0.5, other=0.1}}]',
                *(f"domain.dates.{key}={self.rows}/{file}" for key, file in (
                    ("train_file", "train.jsonl"), ("heldout_file", "heldout.jsonl"),
                    ("sft_file", "sft.jsonl"), ("reward_file", "reward.py"))), *overrides]

    def run(self, name, *overrides):
        process = self.program.popen(self.command(name, *overrides), self.program.path(name + ".log"))
        finish(process)
        check(process.returncode == 0, f"{name}: {text_of(self.program.path(name + '.log'))[-600:]}")
        return self.bytes(name)

    def bytes(self, name):
        with open(self.program.path(name) + "/model.safetensors", "rb") as file:
            return file.read()

    def metrics(self, name):
        return [json.loads(line) for line in metric_lines(self.program.path(name + "-run"))]


def teacher_budgets(program, ci_run):
    """The same student for any memory, any threads and after kills."""
    merge = Merge(program, ci_run)
    expected = merge.run("whole")
    found = merge.metrics("whole")[-1]
    for name in ("distill/kl/math/math", "distill/kl/math/eights", "distill/kl/math/other", "distill/kl/dates/other",
                 "distill/kl/dates/dates", "distill/kl/code/code", "distill/kl/code", "timing_s/teacher_wait",
                 "timing_s/teacher_forward", "distill/teacher_bytes", "distill/hidden_bytes"):
        check(name in found, f"no {name} in {sorted(found)}")
    check("distill/kl/dates/math" not in found, "a teacher with weight 0 was asked")
    check(found["distill/hidden_bytes"] > 0 and found["distill/teacher_bytes"] > 0, f"nothing in memory: {found}")
    check(merge.run("plain", 'distill.teachers=[]') != expected, "the teachers make no difference")
    for i, settings in enumerate((["distill.teacher_memory=0", "distill.hidden_memory=0", "threads=1"],
                                  ["distill.teacher_memory=1", "distill.hidden_memory=1", "threads=2"],
                                  ["distill.teacher_memory=1000", "distill.hidden_memory=0", "threads=2"])):
        check(merge.run(f"budget{i}", *settings) == expected, f"other bytes with {settings}")
        last = merge.metrics(f"budget{i}")[-1]
        check(last["distill/hidden_bytes"] == 0 or i == 1, f"hidden states in memory: {last}")
    # As text, which is how tables of rows hold it.
    merge.write_rows([{**row, "extra_info": json.dumps(row.get("extra_info", {}))} for row in merge.lines])
    check(merge.run("text") == expected, "other bytes where extra_info is JSON in a string")
    merge.write_rows(merge.lines)
    # Killed at any moment; a part of the run may have other memory.
    log, killed = program.path("killed.log"), 0
    for i in range(40):
        command = merge.command("killed", f"distill.teacher_memory={i % 2}", f"distill.hidden_memory={i % 3 - 1}")
        process = program.popen(command, log)
        time.sleep(0.4 + 0.35 * i)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed += 1
        check(not os.path.exists(program.path("killed-run") + "/hidden-states"), "hidden states were left")
    check(process.returncode == 0, f"after {killed} kills: {text_of(log)[-600:]}")
    check(killed >= 2 and merge.bytes("killed") == expected, f"other bytes after {killed} kills")
    return f"the same student with all, some and no memory, one and two threads, and after {killed} kills"


def teacher_refusals(program, ci_run):
    """What is wrong with teachers and the weights of rows: one line, before a run is begun."""
    merge, shown = Merge(program, ci_run), []

    def refused(words, *overrides, teachers=None, rows=None):
        merge.write_rows(rows or merge.lines)
        lines = program.fails(merge.command("refused", *overrides, teachers=teachers), program.path("log"))
        errors = [line for line in lines if line.startswith("amalgam: ")]
        check(len(errors) == 1 and lines[-1] == errors[0], f"not one line: {lines}")
        for word in words:
            check(word in errors[0], f"'{word}' is not in: {errors[0]}")
        shown.append(words)

    def with_weights(weights):
        rows = json.loads(json.dumps(merge.lines))
        rows[4].setdefault("extra_info", {})["teachers"] = weights
        return rows

    refused(["train.jsonl:5: ", "no [[domain]] and no [[teacher]] is named 'bigg'"], rows=with_weights({"bigg": 1}))
    refused(["train.jsonl:5: ", "the weight of 'other' must be a number"], rows=with_weights({"other": -1}))
    refused(["train.jsonl:5: ", "the weight of 'other' must be a number"], rows=with_weights({"other": "much"}))
    refused(["train.jsonl:5: ", "the weight of 'other' must be a number"], rows=with_weights({"other": True}))
    refused(["train.jsonl:5: ", "no teacher a weight above 0"], rows=with_weights({"other": 0}))
    refused(["train.jsonl:5: ", "gives no weights"], rows=with_weights(["other"]))
    refused(["no_such"], teachers={**merge.teachers, "other": program.path("no_such")})
    # Another tokenizer, and another number of tokens with the same one.
    other = program.path("swapped")
    shutil.copytree(merge.teachers["other"], other)
    tokenizer = json.loads(text_of(other + "/tokenizer.json"))
    vocabulary = tokenizer["model"]["vocab"]
    a, b = list(vocabulary)[300:302]
    vocabulary[a], vocabulary[b] = vocabulary[b], vocabulary[a]
    with open(other + "/tokenizer.json", "w") as file:
        json.dump(tokenizer, file)
    refused(["swapped: its tokenizer is not that of"], teachers={**merge.teachers, "other": other})
    config = json.loads(text_of(program.path("other.json")))
    config["vocab_size"] += 8
    with open(program.path("wide.json"), "w") as file:
        json.dump(config, file)
    wide = program.path("wide")
    merge.make(["init", "--config", program.path("wide.json"), "--seed", "3", "--out", wide])
    shutil.copy(f"{ci_run}/base/tokenizer.json", wide)
    refused(["wide: has", "tokens in its vocabulary"], teachers={**merge.teachers, "other": wide})
    refused(["two teachers are named 'other'"], 'teacher=[{name="other",path="a"},{name="other",path="b"}]')
    check(not os.path.exists(program.path("refused-run") + "/run.sqlite"), "a run was begun")
    # A teacher that nothing names is told of.
    merge.write_rows([{**row, "extra_info": {}} for row in merge.lines])
    doctor = subprocess.run([program.binary, "doctor", CONFIG, f'teacher=[{{name="other",path="{merge.teachers["other"]}"}}]',
                             f"model.path={ci_run}/base"], capture_output=True, text=True, timeout=300, check=False)
    check("teacher 'other' is not used" in doctor.stdout, f"doctor: {doctor.stdout} {doctor.stderr}")
    return f"{len(shown)} wrong teachers and weights: one line each, and no run"


def teacher_faults(program, ci_run):
    """Files that change while the run goes on, and a disk that is full: one line; put back, the same bytes."""
    merge, shown = Merge(program, ci_run), []
    small = ["distill.teacher_memory=0", "distill.hidden_memory=0", "distill.steps=6"]
    expected = merge.run("whole", *small)
    log, weights = program.path("fault.log"), merge.teachers["other"] + "/model.safetensors"
    shutil.copy(weights, program.path("kept"))

    def one_line(process, words):
        finish(process)
        lines = text_of(log).replace("\r", "\n").strip().split("\n")
        errors = [line for line in lines if line.startswith("amalgam: ")]
        check(process.returncode == 1 and len(errors) == 1 and lines[-1] == errors[0], f"not one line: {lines[-4:]}")
        for word in words:
            check(word in errors[0], f"'{word}' is not in: {errors[0]}")
        shown.append(errors[0])

    def shorten():
        os.truncate(weights, os.path.getsize(weights) // 2)

    def change():
        with open(weights, "r+b") as file:
            file.seek(-2, os.SEEK_END)
            file.write(b"\x11\x22")

    for spoil, word in ((shorten, "was changed"), (change, "was changed"), (lambda: os.remove(weights), "is gone"),
                        (lambda: shutil.rmtree(merge.teachers["other"]), "is gone")):
        name = f"fault{len(shown)}"
        process = program.popen(merge.command(name, *small), log)
        deadline = time.monotonic() + DEADLINE_S
        while process.poll() is None and len(metric_lines(program.path(name + "-run"))) < 2:
            check(time.monotonic() < deadline, "no step is done")
            time.sleep(0.005)
        shutil.copytree(merge.teachers["other"], program.path("whole-other"))
        spoil()
        one_line(process, [merge.teachers["other"], word])
        shutil.rmtree(merge.teachers["other"], ignore_errors=True)
        os.rename(program.path("whole-other"), merge.teachers["other"])
        shutil.copy(program.path("kept"), weights)
        check(merge.run(name, *small) == expected, f"other bytes after {spoil}")

    disk = program.path("disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "none", disk], capture_output=True).returncode != 0:
        return f"{len(shown)} changes of files: one line each, then the same bytes; without the right to mount, no full disk"
    try:
        # What is left takes a step's samples, and not its hidden states.
        command = merge.command("full", *small, "distill.data.train_batch_size=24")
        command[command.index("--run-dir") + 1] = disk + "/run"
        process = program.popen(command, log)
        while process.poll() is None and len(metric_lines(disk + "/run")) < 2:
            time.sleep(0.005)
        process.send_signal(signal.SIGSTOP)
        with open(disk + "/balloon", "wb", buffering=0) as balloon:
            free = os.statvfs(disk)
            os.posix_fallocate(balloon.fileno(), 0, free.f_bavail * free.f_frsize - (300 << 10))
        process.send_signal(signal.SIGCONT)
        one_line(process, ["cannot write teachers' hidden states to", "distill.hidden_memory"])
        os.remove(disk + "/balloon")
        process = program.popen(command, log)
        finish(process)
        check(process.returncode == 0, f"after a full disk: {text_of(log)[-600:]}")
        more = merge.run("more", *small, "distill.data.train_batch_size=24")
        check(merge.bytes("full") == more, "other bytes after a full disk")
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
    return f"{len(shown) - 1} changes of files and a full disk: one line each, then the same bytes"



if __name__ == "__main__":
    sys.exit(main({f.__name__: f for f in (teacher_budgets, teacher_refusals, teacher_faults)}))
