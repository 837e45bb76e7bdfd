"""Starts, kills and inspects whole runs of `amalgam run`. Needs nothing but Python."""

import glob
import hashlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CONFIG = os.path.join(ROOT, "configs", "ci.toml")
DEADLINE_S = 600  # of one process; generous, for busy machines
TICKS = os.sysconf("SC_CLK_TCK")

# Overrides that make a run of every stage take seconds.
SMALL = [
    "data.train_rows=40", "data.validation_rows=8", "data.heldout_rows=16", "data.sft_rows=200",
    "base.sft.steps=16", "base.anneal.steps=4", "base.sft.batch_tokens=1024",
    "rl.steps=2", "domain.math.rl.steps=2", "domain.dates.rl.steps=2",
    "rl.data.train_batch_size=4", "rl.rollout.n=4",
    "rl.val_prompts=4", "rl.data.max_response_length=48",
    "distill.steps=2", "distill.data.train_batch_size=6", "distill.rollout.n=2",
    "distill.data.max_response_length=48", "distill.lr_candidates=[5e-4, 1e-3]",
    "distill.sweep_steps=1", "distill.test_freq=1",
    "eval.prompts=5", "eval.n=2",
    # Sampler and learner are one policy at any temperature.
    "rl.rollout.temperature=0.7", "distill.rollout.temperature=1.3",
]


class Failure(Exception):
    pass


def check(condition, message):
    if not condition:
        raise Failure(message)


class Program:
    """The program under test with a scratch directory, removed at the end."""

    def __init__(self, binary):
        self.binary = os.path.abspath(binary)
        self.scratch = tempfile.mkdtemp(prefix="amalgam-run-")
        os.chmod(self.scratch, 0o755)

    def path(self, name):
        return os.path.join(self.scratch, name)

    def start(self, run_dir, *arguments, config=CONFIG, log=None, **popen):
        command = [self.binary, "run", config, "--run-dir", run_dir, *arguments]
        return self.popen(command, log or run_dir + ".log", **popen)

    def popen(self, command, log, **popen):
        with open(log, "w") as stderr:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=stderr, start_new_session=True, **popen)

    def run(self, run_dir, *arguments, **popen):
        """To the end, which must be a good one. Returns the CPU seconds it took."""
        process = self.start(run_dir, *arguments, **popen)
        cpu_s = finish(process)
        check(process.returncode == 0,
              f"amalgam run {' '.join(arguments)} ended with {process.returncode}: "
              + text_of(popen.get("log") or run_dir + ".log")[-600:])
        return cpu_s

    def fails(self, command, log, **popen):
        """Runs a command that must fail with exit code 1; returns its lines on stderr."""
        process = self.popen(command, log, **popen)
        finish(process)
        text = text_of(log)
        check(process.returncode == 1, f"{command} ended with {process.returncode}: {text[-600:]}")
        return text.replace("\r", "\n").strip().split("\n")

    def close(self):
        shutil.rmtree(self.scratch, ignore_errors=True)


def text_of(path):
    with open(path, errors="replace") as file:
        return file.read()


def finish(process):
    """Waits; returns the CPU seconds of the process and its workers, as run_until() counts them."""
    cpu_s, deadline = 0.0, time.monotonic() + DEADLINE_S
    while process.poll() is None:
        cpu_s = max(cpu_s, own_cpu_seconds(process))
        if time.monotonic() > deadline:
            process.kill()
            raise Failure(f"not finished after {DEADLINE_S} s: {process.args}")
        time.sleep(0.01)
    return cpu_s


def stat_of(pid):
    """(name, parent, CPU seconds), or None when the process is gone or a zombie."""
    try:
        text = text_of(f"/proc/{pid}/stat")
    except (FileNotFoundError, ProcessLookupError):
        return None
    name, rest = text[text.index("(") + 1:].rsplit(")", 1)
    fields = rest.split()
    if fields[0] in "ZX":
        return None
    return name, int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS


def children(pid):
    """{pid: name} of the living direct children."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            stat = stat_of(int(entry))
            if stat and stat[1] == pid:
                found[int(entry)] = stat[0]
    return found


def workers_of(pid):
    return [c for c, name in children(pid).items() if name == "exe"]  # started as /proc/self/exe


def own_cpu_seconds(process):
    pids = [process.pid, *(workers_of(process.pid) if "--workers" in process.args else [])]
    return sum(stat[2] for stat in map(stat_of, pids) if stat)


def run_until(process, cpu_s):
    """Waits until the process and its workers have used so much CPU time. False if it ended before."""
    deadline = time.monotonic() + DEADLINE_S
    while process.poll() is None:
        if own_cpu_seconds(process) >= cpu_s:
            return True
        check(time.monotonic() < deadline, f"the process has not used {cpu_s:.1f} s of CPU time")
        time.sleep(0.005)
    return False


def kill_all(process):
    """kill -9 of the controller; waits until its workers, which die with it, are gone too."""
    others = list(children(process.pid))
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while any(stat_of(pid) for pid in others):
        check(time.monotonic() < deadline, "a child outlived its killed controller by 10 s")
        time.sleep(0.01)


# What a run directory holds.

def outcome(run_dir):
    """All that must be the same: the digest of every model, the scores, and what sampled tokens chose."""
    digests = {}
    for path in sorted(glob.glob(run_dir + "/*/model.safetensors")):
        with open(path, "rb") as file:
            digests[os.path.relpath(path, run_dir)] = hashlib.sha256(file.read()).hexdigest()
    check("student/model.safetensors" in digests, f"{run_dir} holds no student")
    return digests, results(run_dir)["domains"], logged_choices(run_dir)


def check_same(run_dir, expected, what):
    digests, scores, choices = outcome(run_dir)
    other = [name for name in expected[0] if digests.get(name) != expected[0][name]]
    check(not other and len(digests) == len(expected[0]), f"{what}: other bytes in {other}")
    check(scores == expected[1], f"{what}: other scores")
    check(choices == expected[2], f"{what}: other experts or entries in the trajectories")


def results(run_dir):
    with open(run_dir + "/results.json") as file:
        return json.load(file)


def metric_lines(run_dir):
    """The complete lines of metrics.jsonl."""
    path = run_dir + "/metrics.jsonl"
    return text_of(path).split("\n")[:-1] if os.path.exists(path) else []


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def message_fields(data):
    """{number: last value} of a protobuf message."""
    fields, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 1:
            value, at = data[at:at + 8], at + 8
        elif kind == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            value, at = data[at:at + 4], at + 4
        fields[key >> 3] = value
    return fields


def records_of(path):
    """The messages of a TFRecord file: length, its checksum, message, its checksum."""
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at + 12 <= len(data):
        size = struct.unpack_from("<Q", data, at)[0]
        if at + 16 + size > len(data):
            break  # cut short by a kill
        yield data[at + 12:at + 12 + size]
        at += 16 + size


def trajectories(run_dir):
    """((stage, step, group, sample), metadata, fields) of all trajectory logs; each only once."""
    seen = set()
    for path in glob.glob(run_dir + "/trajectories/*.log"):
        for record in records_of(path):
            fields = message_fields(record)
            meta = message_fields(fields[1])
            key = (meta[1].decode(), meta.get(2, 0), meta.get(6, 0), meta.get(7, 0))
            check(key not in seen, f"{key} was sampled twice")
            seen.add(key)
            yield key, meta, fields


def logged_samples(run_dir):
    """{sample: policy tokens}."""
    return {key: meta.get(14, 0) for key, meta, _ in trajectories(run_dir)}


def logged_choices(run_dir):
    """{sample: digest of the experts and the entries that its tokens chose}, of those that kept them."""
    return {key: hashlib.sha256(fields.get(10, b"") + b"|" + fields.get(11, b"")).hexdigest()
            for key, _, fields in trajectories(run_dir) if 10 in fields or 11 in fields}


def unset_fields(run_dir):
    """Names of fields of proto/trajectory.proto that no trajectory of the run has."""
    text = text_of(os.path.join(ROOT, "proto", "trajectory.proto"))
    named = []
    for message in ("TrajectoryMetadata", "Trajectory"):
        body = re.search(r"message %s \{(.*?)\n\}" % message, text, re.DOTALL).group(1)
        named.append({int(number): name for name, number in
                      re.findall(r"^ *[\w ]+ (\w+) = (\d+)\b[^;]*;", body, re.MULTILINE)})
    check(len(named[0]) >= 15 and len(named[1]) >= 4, f"trajectory.proto was not read: {named}")
    seen = [set(), set()]
    for _, *messages in trajectories(run_dir):
        for fields, found in zip(messages, seen):
            found.update(fields)
    return {name for fields, found in zip(named, seen)
            for number, name in fields.items() if number not in found}


def rows_of(run_dir, query, *arguments):
    store = sqlite3.connect(run_dir + "/run.sqlite")
    try:
        return store.execute(query, arguments).fetchall()
    finally:
        store.close()


def check_rewards_vary(run_dir, stage):
    """A comparison of runs whose rewards are all equal shows little."""
    values = {row[0] for row in rows_of(
        run_dir, "SELECT DISTINCT reward FROM trajectories WHERE stage = ?", stage)} - {None}
    check(len(values) > 1, f"{run_dir}: all rewards of {stage} are {values}")


def durable_tokens(run_dir):
    """How many sampled tokens would survive a kill at this moment: those of finished samples, and
    those in the token logs of a step that is being sampled (which hold its finished ones too)."""
    finished, logged = {}, {}
    for (stage, step, _, _), tokens in logged_samples(run_dir).items():
        finished[stage, step] = finished.get((stage, step), 0) + tokens
    for path in glob.glob(run_dir + "/wal/*.wal"):
        stage, step = re.fullmatch(r"(.*)-(\d+)-\d+-\d+\.wal", os.path.basename(path)).groups()
        sampled = sum(6 in message_fields(record) for record in records_of(path))
        logged[stage, int(step)] = logged.get((stage, int(step)), 0) + sampled
    return sum(max(finished.get(key, 0), logged.get(key, 0)) for key in finished | logged)


def main(checks):
    """run_test.py BINARY CHECK [ARGUMENT…]: one line that says what was shown, or why it failed. What commands make under
    their working directory goes with the check."""
    program = Program(sys.argv[1])
    arguments = [os.path.abspath(a) if os.sep in a else a for a in sys.argv[3:]]
    os.chdir(program.scratch)
    begin = time.monotonic()
    try:
        shown = checks[sys.argv[2]](program, *arguments)
    except Failure as failure:
        print(f"FAILED {sys.argv[2]}: {failure}", file=sys.stderr)
        return 1
    finally:
        os.chdir("/")
        program.close()
    print(f"{sys.argv[2]}: {shown} ({time.monotonic() - begin:.0f} s)")
    return 0


def seeded(seed):
    return random.Random(seed)
