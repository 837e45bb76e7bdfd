"""RUN/log.txt tells what happened: whose words, where, through kills and crashes, without secrets.

Usage: log_test.py BINARY CHECK; see tests/tests.cmake."""

import ctypes
import json
import os
import re
import signal
import sys
import time

import config_keys
from run_harness import check, finish, kill_all, main, text_of, workers_of

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error|critical) +"
                  r"\[[^]]+\] \[(-|[-a-z0-9_.]+( \d+)?)\] [a-z]+: .*")
SECRET, OTHER = "sk-planted-0815", "sk-other-4711"

# Fails once; is slow, so that there is time to kill.
REWARD = '''
import os, sys, time

def compute_score(data_source, solution_str, ground_truth, extra_info=None, nap_s=0, flag=""):
    print("to stdout")
    print("to stderr", file=sys.stderr)
    print("again\\n" * 20, file=sys.stderr, end="")
    print("the key is", os.environ["AMALGAM_LOG_SECRET"], file=sys.stderr)
    if not os.path.exists(flag):
        open(flag, "w").close()
        raise ValueError("the first call")
    time.sleep(nap_s)
    return sum(map(ord, solution_str)) % 7 / 6
'''


class Run:
    """A run with two workers whose reward function takes its time."""

    def __init__(self, program, name, nap_s, *more):
        inputs = program.path("inputs-" + name)
        config_keys.write_inputs(inputs)
        with open(inputs + "/reward.py", "w") as file:
            file.write(REWARD)
        os.environ.update(AMALGAM_LOG_SECRET=SECRET, AMALGAM_LOG_OTHER=OTHER)
        self.run_dir, self.console = program.path(name), program.path(name + ".console")
        self.program, self.config = program, inputs + "/words.toml"
        self.settings = ["--workers", "2", "log.json=true", 'reward.env=["AMALGAM_LOG_SECRET"]',
                         f'reward.kwargs={{nap_s = {nap_s}, flag = "{inputs}/flag"}}', *more]
        self.start()

    def start(self):
        self.process = self.program.start(self.run_dir, "--resume", *self.settings,
                                          config=self.config, log=self.console)

    def lines(self):
        path = self.run_dir + "/log.txt"
        return text_of(path).split("\n")[:-1] if os.path.exists(path) else []

    def wait_for(self, pattern):
        deadline = time.monotonic() + 120
        while not any(re.search(pattern, line) for line in self.lines()):
            check(self.process.poll() is None, f"ended before '{pattern}': {text_of(self.console)[-600:]}")
            check(time.monotonic() < deadline, f"no line with '{pattern}': {self.lines()[-20:]}")
            time.sleep(0.02)

    def worker(self, number):
        """The process of a worker, which the log names."""
        pids = [int(m.group(1)) for line in self.lines()
                if (m := re.search(rf"worker {number} is process (\d+)$", line))]
        check(pids and pids[-1] in workers_of(self.process.pid), f"worker {number} is none of {pids}")
        return pids[-1]

    def check_lines(self):
        check(text_of(self.run_dir + "/log.txt").endswith("\n"), "the last line is not whole")
        odd = [line for line in self.lines() if not LINE.fullmatch(line)]
        check(not odd, f"strange lines: {odd[:5]}")
        for line in text_of(self.run_dir + "/log.jsonl").split("\n")[:-1]:
            keys = list(json.loads(line))
            check(keys == ["time", "level", "process", "part", "stage", "step", "text"], line)


def has(lines, pattern):
    check(any(re.search(pattern, line) for line in lines), f"no line with '{pattern}': {lines[-40:]}")


def log_told(program):
    """Two workers, one of them killed, and a reward function that prints."""
    run = Run(program, "run", 0.1, "--log-level", "info,rollout=debug")
    run.wait_for(r"\[worker 1, reward words\] \[rl-words 0\] reward: to stderr$")
    os.kill(run.worker(1), signal.SIGKILL)
    finish(run.process)
    console, lines = text_of(run.console), run.lines()
    check(run.process.returncode == 0, console[-600:])
    run.check_lines()
    has(lines, r"info +\[main\] \[rl-words\] run: begins$")
    has(lines, r"info +\[main\] \[rl-words\] run: ends after ")
    has(lines, r"info +\[main\] \[rl-words 1\] learn: .*critic/score/mean ")
    has(lines, r"debug +\[worker 0\] \[rl-words 0\] rollout: is asked for samples of ")
    for worker in "01":
        for stream in ("stdout", "stderr"):
            has(lines, rf"info +\[worker {worker}, reward words\] \[rl-words \d\] reward: to {stream}\b")
    has(lines, r"\[worker \d, reward words\] \[rl-words 0\] reward: ValueError: the first call$")
    has(lines, r"warning +\[worker \d\] \[rl-words 0\] reward: .* has no score: .*; it is tried again$")
    has(lines, r"warning +\[main\] \[rl-words 0\] rollout: rollout worker 1 of stage rl-words died \(signal 9\); started again")
    has(lines, r"reward: again \(repeated \d+ times\)$")
    has(lines, r"reward: the key is \(hidden\)$")
    # The console has what people need.
    check("died (signal 9)" in console and "it is tried again" in console and
          "to stderr" not in console and "ValueError: the first call\n" not in console, console[-900:])
    for name in ("log.txt", "log.jsonl", "config.toml"):
        for secret in (SECRET, OTHER):
            check(secret not in text_of(f"{run.run_dir}/{name}"), f"{name} has a secret")
    check(SECRET not in console and OTHER not in console, "the console has a secret")
    return f"{len(lines)} lines: workers, a reward function, a restart, repeated lines; no secret"


def log_killed(program):
    """kill -9 of the run at any moment leaves whole lines, and the log goes on."""
    run, kills = Run(program, "run", 0.05), 0
    for step in (0, 1):
        run.wait_for(rf"reward words\] \[rl-words {step}\] reward: to stderr$")
        kill_all(run.process)
        kills += 1
        before = run.lines()
        run.check_lines()
        if step == 0:
            run.settings += ["--log-level", "debug", "log.max_mb=2"]  # is the same run still
        run.start()
        run.wait_for(r"run: amalgam .*, process " + str(run.process.pid))
        check(run.lines()[:len(before)] == before, "lines were lost")
    finish(run.process)
    check(run.process.returncode == 0, text_of(run.console)[-600:])
    run.check_lines()
    return f"{kills} kills, {len(run.lines())} whole lines"


def crash(pid, number):
    """The signal goes to the process's main thread: sent to the process, any thread may take it,
    one without a frame of this program too."""
    tgkill = {"x86_64": 234, "aarch64": 131}[os.uname().machine]
    check(ctypes.CDLL(None).syscall(tgkill, pid, pid, int(number)) == 0, f"no process {pid} to signal")


def log_crashed(program):
    """A signal that ends a worker, or the run, leaves a backtrace in log.txt and a line on the console."""
    run = Run(program, "run", 0.2, "--log-level", "info,rollout=debug")
    run.wait_for(r"\[worker 0, reward words\] \[rl-words 0\]")
    crash(run.worker(0), signal.SIGSEGV)
    run.wait_for(r"rollout worker 0 of stage rl-words died \(signal 11\)")
    crash(run.process.pid, signal.SIGABRT)
    finish(run.process)
    check(run.process.returncode == -signal.SIGABRT, f"ended with {run.process.returncode}")
    console, lines = text_of(run.console).strip().split("\n"), run.lines()
    run.check_lines()
    has(console, rf"^worker 0 crashed \(SIGSEGV\); its backtrace is in {run.run_dir}/log.txt$")
    check(console[-1] == f"amalgam: crashed (SIGABRT); its backtrace is in {run.run_dir}/log.txt",
          f"the console says {console[-3:]}")
    for who, name in ((r"worker 0", "SIGSEGV"), ("main", "SIGABRT")):
        has(lines, rf"critical \[{who}\] \[rl-words 0\] run: crashed \({name}\)$")
        frames = [line for line in lines if re.search(rf"critical \[{who}\] \[rl-words 0\] run: #\d\d ", line)]
        check(len(frames) > 3 and any("_ZN7amalgam" in frame for frame in frames),
              f"no backtrace of {who}: {lines[-30:]}")
    return "a worker's and the run's own crash: a backtrace each, and a line on the console"


if __name__ == "__main__":
    sys.exit(main({f.__name__: f for f in (log_told, log_killed, log_crashed)}))
