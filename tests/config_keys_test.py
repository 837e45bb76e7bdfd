"""Every key of docs/CONFIG.md does what it says, to the bytes: changed where it acts, it
changes models, trajectories or tables; or it is said to change no result, and does not; or it is
refused where it would have no effect. tests/config_keys.py has the run and the change of each key.

Usage: config_keys_test.py BINARY config_keys; see tests/tests.cmake."""

import concurrent.futures
import glob
import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading

import config_keys
from config_keys import Changes, Refused, Same
from run_harness import check, finish, main, results, text_of, trajectories
from run_test import Service

PARTS = ("models", "trajectories", "tables")


def documented_keys(binary):
    """{dotted key: its row} of the reference, keys of [[tables]] as of [tables]."""
    text = subprocess.run([binary, "--config-reference"], check=True, capture_output=True,
                          text=True).stdout
    keys, table = {}, ""
    for line in text.split("\n"):
        if heading := re.match(r"## `\[+([a-z_.]+)\]+`$", line):
            table = heading.group(1) + "."
        elif row := re.match(r"\| `([A-Za-z0-9_]+)` \|", line):
            check(table + row.group(1) not in keys, f"{line} stands there twice")
            keys[table + row.group(1)] = line
    return keys


def digest(value):
    return hashlib.sha256(repr(value).encode()).hexdigest()


def models_of(folder):
    found = {}
    for path in sorted(glob.glob(folder + "/**/model.safetensors", recursive=True)):
        with open(path, "rb") as file:
            found[os.path.relpath(path, folder)] = hashlib.sha256(file.read()).hexdigest()
    return found


def bytes_of(run_dir, out):
    """The digest of each part of what a command left behind."""
    sampled = sorted((key, sorted(fields.items())) for key, _, fields in trajectories(run_dir))
    store = sqlite3.connect(run_dir + "/run.sqlite")
    tables = [store.execute(f"SELECT * FROM {table} ORDER BY position").fetchall()
              for table in ("evals", "sweeps")]
    store.close()
    if os.path.exists(run_dir + "/results.json"):
        tables += [results(run_dir)[key] for key in ("domains", "choices")]
    models = models_of(run_dir), models_of(out)
    return {"models": digest(models), "trajectories": digest(sampled), "tables": digest(tables)}


class Lab:
    """Runs commands, each only once."""

    def __init__(self, program):
        self.program = program
        config_keys.write_inputs(program.path("inputs"))
        os.makedirs(program.path("layer"))
        open(program.path("layer/marker"), "w").close()
        for arguments in ([], ["--name", "marked", "--base", "python", "--from",
                               program.path("layer")]):
            subprocess.run([program.binary, "sandbox", "build", "--store", program.path("images"),
                            *arguments], check=True, stdout=subprocess.DEVNULL)
        self.words = {}  # {WORD} in an override
        self.runs = {}  # (context, overrides): future of the parts' digests
        self.lock = threading.Lock()
        self.num_runs = 0

    def fill(self, text):
        """With what {WORD} stands for: a path, {NAME} that of the model NAME."""
        return re.sub(r"\{([a-z]+)\}", lambda m: self.words.get(m.group(1)) or
                      self.program.path(m.group(1)), text)

    def train(self, name, config, overrides):
        """Trains a base for other runs to start from."""
        run_dir = self.program.path(name + ".run")
        self.finish(["run", f"{{inputs}}/{config}.toml", "--run-dir", run_dir, *overrides], name)
        os.rename(run_dir + "/base", self.program.path(name))

    def finish(self, arguments, name):
        log = self.program.path(name + ".log")
        command = [self.program.binary, *map(self.fill, arguments)]
        process = self.program.popen(command, log)
        finish(process)
        check(process.returncode == 0, f"{' '.join(command)}: {text_of(log)[-600:]}")

    def run(self, context, overrides):
        key = (context, tuple(overrides))
        with self.lock:
            mine = key not in self.runs
            if mine:
                self.runs[key] = concurrent.futures.Future()
                self.num_runs += 1
                name = f"run{self.num_runs}"
        if mine:
            try:
                self.runs[key].set_result(self.fresh(context, overrides, name))
            except BaseException as error:
                self.runs[key].set_exception(error)
        return self.runs[key].result()

    def fresh(self, context, overrides, name):
        command, config, arguments, settings = config_keys.CONTEXTS[context]
        run_dir, out = self.program.path(name + ".run"), self.program.path(name + ".out")
        line = [command, f"{{inputs}}/{config}.toml", *arguments]
        if command in ("sft", "rl", "distill"):
            line += ["--out", out]
        overrides = [o.replace("{run_dir}", run_dir) for o in overrides]
        if not any(o.startswith("run_dir=") for o in overrides):
            line += ["--run-dir", run_dir]
        self.finish([*line, *settings, *overrides], name)
        return bytes_of(run_dir, out)

    def refusal(self, context, overrides):
        """The line that refuses these overrides."""
        command, config, arguments, settings = config_keys.CONTEXTS[context]
        with self.lock:
            self.num_runs += 1
            name = self.program.path(f"refused{self.num_runs}")
        line = [command, f"{{inputs}}/{config}.toml", *arguments, "--run-dir", name, *settings,
                *overrides]
        if command in ("sft", "rl", "distill"):
            line += ["--out", name + ".out"]
        return self.program.fails([self.program.binary, *map(self.fill, line)], name + ".log")[-1]


def other_parts(before, after):
    return [part for part in PARTS if before[part] != after[part]]


def failure_of(lab, key, case):
    """What is wrong with a case, or None."""
    change = case.overrides(key)
    what = f"{key}: {' '.join(change)} in '{case.context}' with {' '.join(case.given) or 'nothing'}"
    if isinstance(case, Refused):
        line = lab.refusal(case.context, [*case.given, *change])
        return None if key.rsplit(".", 1)[1] in line else f"{what}: does not name the key: {line}"
    before = lab.run(case.context, case.given)
    after = lab.run(case.context, [*case.given, *change])
    other = other_parts(before, after)
    if isinstance(case, Same):
        return f"{what} changes {other}" if other else None
    if case.part not in other:
        return f"{what} changes {other or 'nothing'}, not {case.part}"
    # One domain's own key does the same as the key for all domains, of a config with one domain.
    own = case.of_domain(key)
    if own and other_parts(after, lab.run(case.context, [*case.given, *own])):
        return f"{what} is not the same as {own}"
    return None


def config_keys_check(program):
    known = documented_keys(program.binary)
    check(len(known) > 150, f"a strange reference: {known}")
    missing = [key for key in known if key not in config_keys.KEYS]
    gone = [key for key in config_keys.KEYS if key not in known]
    check(not missing, f"tests/config_keys.py says no effect of {', '.join(missing)}")
    check(not gone, f"tests/config_keys.py knows what is no key: {', '.join(gone)}")
    for key, row in known.items():
        same = any(isinstance(case, Same) for case in config_keys.KEYS[key])
        check(same == ("changes no result" in row),
              f"{key} is {'' if same else 'not '}to change no result; the reference says: {row}")

    lab = Lab(program)
    service = Service(program)
    try:
        service.start_agent("agent1")
        lab.words = {"gateway": service.url, "key": program.path("run.key")}
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda m: lab.train(*m), config_keys.MODELS))
            cases = [(key, case) for key in known for case in config_keys.KEYS[key]]

            def attempt(item):
                try:
                    return failure_of(lab, *item)
                except Exception as error:  # one line a case, and all the others still
                    return f"{item[0]}: {error}"

            failures = [f for f in pool.map(attempt, cases) if f]
    finally:
        service.close()
    check(not failures, f"{len(failures)} of {len(cases)} cases:\n  " + "\n  ".join(failures))
    count = {kind: sum(isinstance(case, kind) for _, case in cases)
             for kind in (Changes, Same, Refused)}
    return (f"{len(known)} keys, {len(cases)} cases: {count[Changes]} change bytes, {count[Same]} "
            f"change none, {count[Refused]} are refused; {lab.num_runs} runs")


if __name__ == "__main__":
    sys.exit(main({"config_keys": config_keys_check}))
