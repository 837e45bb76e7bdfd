"""What a run read is part of what it is: the same is answered from the record, other inputs are refused, extend it or
begin a stage anew; and where commands keep what they do. Each check is a program run as its users run it."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time

from run_harness import (CONFIG, ROOT, SMALL, check, check_same, finish, main, metric_lines, outcome, results, rows_of,
                         text_of)

OWN_DOMAIN = os.path.join(ROOT, "configs", "own_domain")


def lines_of(log):
    return text_of(log).replace("\r", "\n").strip().split("\n")


def done_before(log):
    return [line.split(":")[0] for line in lines_of(log) if ": done before" in line]


def begun_anew(log):
    return [line.split(":")[0] for line in lines_of(log) if line.endswith("begins anew") and "eval of" not in line]


class Own:
    """A copy of the example domain, whose reward function imports a module beside it, and small runs with it."""

    def __init__(self, program, ci_run):
        self.program, self.folder = program, program.path("own")
        shutil.copytree(OWN_DOMAIN, self.folder)
        with open(self.folder + "/reward.py", "a") as file:
            file.write("\nimport helper\n")
        self.write("helper.py", "x = 1\n")
        self.settings = [*SMALL, f"model.path={ci_run}/base", "distill.lr_candidates=[]"] + [
            f"domain.dates.{key}={self.folder}/{name}" for key, name in (
                ("train_file", "train.jsonl"), ("heldout_file", "heldout.jsonl"), ("sft_file", "sft.jsonl"),
                ("reward_file", "reward.py"))]

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(text)

    def run(self, name, *arguments):
        run_dir = self.program.path(name)
        self.program.run(run_dir, *self.settings, *arguments)
        return run_dir

    def refused(self, run_dir, *arguments):
        lines = self.program.fails([self.program.binary, "run", CONFIG, "--run-dir", run_dir, *self.settings,
                                    *arguments], run_dir + ".log")
        return lines[-1]


def changed_inputs(program, ci_run):
    own = Own(program, ci_run)
    run_dir = own.run("run")
    expected, log = outcome(run_dir), run_dir + ".log"
    stages = ["rl-math", "rl-code", "rl-dates", "distill", "compare-weight_average", "compare-sampled_kl"]

    begin = time.monotonic()
    own.run("run", "--resume")
    seconds = time.monotonic() - begin
    check(done_before(log) == stages, f"not answered from the record: {lines_of(log)}")
    check_same(run_dir, expected, "resumed when it was finished")

    # A module that the reward function imports; then the same again.
    own.write("helper.py", "x = 2\n")
    line = own.refused(run_dir, "--resume")
    check("rl-dates is at step 2 and was begun with other inputs: helper.py of dates changed; put that back, or begin "
          "the stage anew with --restart rl-dates" in line, line)
    own.write("helper.py", "x = 1\n")
    own.run("run", "--resume")
    check(done_before(log) == stages, "the same inputs are not the same")
    own.write("helper.py", "x = 3\n")
    own.run("run", "--restart", "rl-dates")
    check(begun_anew(log) == ["rl-dates", *stages[3:]], f"after --restart: {begun_anew(log)}")
    check_same(run_dir, expected, "the same function from other text")

    # Rows, keys, weights.
    with open(own.folder + "/train.jsonl") as file:
        rows = file.readlines()
    own.write("train.jsonl", "".join(rows[1:]))
    line = own.refused(run_dir, "--resume")
    check("domain.dates.train_file changed" in line, line)
    own.write("train.jsonl", "".join(rows))
    line = own.refused(run_dir, "--resume", "domain.code.rl.optim.lr=0.5")
    check("domain.code.rl.optim.lr is 0.5, was 2e-04" in line and "--restart rl-code" in line, line)
    line = own.refused(run_dir, "--resume", "domain.math.rl.steps=1")
    check("domain.math.rl.steps is 1, was 2" in line, line)
    with open(run_dir + "/specialist-math/model.safetensors", "r+b") as file:
        file.seek(100_000)
        file.write(bytes(200_000))
    line = own.refused(run_dir, "--resume")
    check("specialist-math is not what stage rl-math made" in line, line)
    own.run("run", "--restart", "rl-math")
    check(begun_anew(log) == ["rl-math"], f"other stages again: {begun_anew(log)}")
    check_same(run_dir, expected, "a damaged specialist made again")

    line = own.refused(run_dir, "--restart", "rl-maths")
    check("no stage 'rl-maths'; its stages are rl-math, rl-code" in line, line)
    line = own.refused(run_dir)
    check("holds a run already; add --resume" in line, line)
    return f"{len(stages)} stages answered from the record in {seconds:.2f} s; other inputs named, refused or begun anew"


def damaged_state(program, ci_run):
    """Of a stage that was killed on its way; both halves of the file, one of them holds the current step."""
    own = Own(program, ci_run)
    expected = outcome(own.run("whole"))
    run_dir, state = program.path("run"), program.path("run") + "/checkpoints/rl-math/state"
    process = program.start(run_dir, *own.settings, log=run_dir + ".log")
    deadline = time.monotonic() + 120
    while not any('"rl-math"' in line for line in metric_lines(run_dir)):
        check(process.poll() is None and time.monotonic() < deadline, "rl-math took no step")
        time.sleep(0.01)
    process.kill()
    finish(process)
    size = os.path.getsize(state)
    with open(state, "r+b") as file:
        for part in (size // 4, size * 3 // 4):
            file.seek(part)
            file.write(bytes(20_000))
    line = own.refused(run_dir, "--resume")
    check(f"{state}: the training state is damaged" in line and "begin its stage anew with --restart STAGE" in line, line)
    own.run("run", "--restart", "rl-math")
    check_same(run_dir, expected, "a damaged training state made again")
    return "20 kB of a training state zeroed: refused, begun anew, the same bytes"


def longer(program, ci_run):
    """More steps, prompts and comparisons: the bytes of a fresh longer run."""
    own = Own(program, ci_run)
    own.settings += ["rl.test_freq=2", "distill.optim.decay_fraction=0", "distill.test_freq=2"]
    more = ["distill.steps=4", "eval.prompts=8", "eval.n=3"]
    run_dir = own.run("run")
    own.run("run", "--resume", *more)
    check(begun_anew(run_dir + ".log") == ["compare-weight_average"], f"{begun_anew(run_dir + '.log')}")
    check_same(run_dir, outcome(own.run("longer", *more)), "more steps of distillation")
    more += ["domain.math.rl.steps=4", "domain.code.rl.steps=3"]
    own.run("run", "--resume", *more)
    check_same(run_dir, outcome(own.run("longest", *more)), "more steps of RL")
    line = own.refused(run_dir, "--resume", *more, "domain.code.rl.steps=5")
    check("domain.code.rl.steps is 5, was 3 (step 3 was validated as the last one" in line, line)
    line = own.refused(run_dir, "--resume", *more, "distill.optim.decay_fraction=0.5")
    check("distill.optim.decay_fraction is 0.5, was 0" in line, line)
    return "more steps, prompts and samples give the bytes of a longer run"


def eval_again(program, ci_run):
    model, rows = program.path("model"), program.path("own")
    shutil.copytree(OWN_DOMAIN, rows)
    shutil.copytree(ci_run + "/base", model)

    def evaluate(*arguments, cwd="here"):
        os.makedirs(program.path(cwd), exist_ok=True)
        done = subprocess.run(
            [program.binary, "eval", CONFIG, "--model", model, "--domain", "dates", "eval.prompts=16", "eval.n=2",
             f"domain.dates.reward_file={rows}/reward.py", f"domain.dates.heldout_file={rows}/heldout.jsonl",
             *arguments], cwd=program.path(cwd), capture_output=True, text=True, timeout=300, check=False)
        check(done.returncode == 0, done.stderr[-600:])
        return done.stdout, done.stderr

    base, said = evaluate()
    check("nothing that it read" not in said, said)
    same, said = evaluate()
    check(same == base and "dates: scored before, and nothing that it read has changed" in said, said)
    shutil.rmtree(model)
    shutil.copytree(ci_run + "/specialist-dates", model)
    better, said = evaluate()
    check("eval of model on dates: model model changed; it begins anew" in said, said)
    check(better == evaluate(cwd="fresh")[0] != base, f"the score of the old weights: {better}")
    with open(rows + "/reward.py", "a") as file:
        file.write("\ndef compute_score(*arguments, **more):\n    return 0.25\n")
    other, said = evaluate()
    check("reward.py of dates changed" in said and "0.25" in other, other + said)
    with open(rows + "/heldout.jsonl") as file:
        text = file.read()
    with open(rows + "/heldout.jsonl", "w") as file:
        file.write("".join(text.splitlines(keepends=True)[:100]))
    check("domain.dates.heldout_file changed" in evaluate()[1], "other rows were not noticed")
    longer, said = evaluate("eval.prompts=24", "eval.n=3")
    check("it goes on" in said and longer == evaluate("eval.prompts=24", "eval.n=3", cwd="fresh2")[0], longer + said)
    check(os.listdir(model) == os.listdir(ci_run + "/specialist-dates") and
          sorted(os.listdir(program.scratch)) == sorted(["fresh", "fresh2", "here", "model", "own"]),
          "something was written beside the model")
    return "the same is answered from the record; other weights, rows or functions are scored anew"


def directories(program, ci_run):
    work = program.path("work")
    os.makedirs(work + "/a")
    shutil.copytree(ci_run + "/base", work + "/b")
    small = [*SMALL, "eval.prompts=4"]

    def amalgam(*arguments, cwd=work, expect=0):
        done = subprocess.run([program.binary, *arguments[:2], *small, *arguments[2:]], cwd=cwd, capture_output=True, text=True,
                              timeout=300, check=False)
        check(done.returncode == expect, f"{arguments}: {done.returncode}: {done.stderr[-600:]}")
        return done.stderr

    def runs(folder=work):
        return sorted(os.listdir(folder + "/runs")) if os.path.exists(folder + "/runs") else []

    # What computes nothing leaves nothing.
    amalgam("rl", CONFIG, "--model", "b", "--domain", "math", "--out", "a/x", "rl.steps=0.5", expect=1)
    amalgam("rl", CONFIG, "--model", "none", "--domain", "math", "--out", "a/x", expect=1)
    amalgam("run", CONFIG, "model.path=none", expect=1)
    check(not os.path.exists(work + "/runs"), f"left behind: {runs()}")

    amalgam("rl", CONFIG, "--model", "b", "--domain", "math", "--out", "a/x")
    check(runs() == ["ci-rl-math-x"], f"{runs()}")
    for model in ("./b", "../work/b", work + "/b/"):
        check("done before" in amalgam("rl", CONFIG, "--model", model, "--domain", "math", "--out", "./a/x/"),
              f"--model {model} is another command")
    amalgam("eval", CONFIG, "--model", "a/x")  # the help's next step
    check(runs() == ["ci-eval-x", "ci-rl-math-x"], f"{runs()}")
    check(sorted(os.listdir(work + "/a")) == ["x"] and sorted(os.listdir(work)) == ["a", "b", "runs"],
          "something was written beside the models")
    amalgam("rl", CONFIG, "--model", "b", "--domain", "math", "--out", "x")
    check(len(runs()) == 3 and re.fullmatch("ci-rl-math-x-[0-9a-f]{6}", runs()[2]), f"{runs()}")
    check("exists already" in amalgam("rl", CONFIG, "--model", "b", "--domain", "code", "--out", "x", expect=1),
          "overwrites a model")

    # A run from models that are there: no RL for this domain, and it is scored as it is.
    amalgam("run", CONFIG, "--run-dir", "own", f"model.path={work}/b", f"domain.math.specialist={work}/a/x",
            f"distill.student={work}/x", "distill.lr_candidates=[]")
    stages = [row[0] for row in rows_of(work + "/own", "SELECT name FROM stages ORDER BY position")]
    check(stages == ["rl-code", "rl-dates", "distill", "compare-weight_average", "compare-sampled_kl", "eval"],
          f"{stages}")
    check(results(work + "/own")["domains"]["math"]["specialist"] is not None, "the specialist was not scored")

    # An earlier version's directory.
    with sqlite3.connect(work + "/own/run.sqlite") as db:
        db.execute("PRAGMA user_version = 2")
    check("has format 2, this program reads 3" in amalgam("run", CONFIG, "--run-dir", "own", "--resume", expect=1),
          "no line for an earlier version's directory")
    return "run directories are named as documented, nothing is written beside models, and models can be brought"


if __name__ == "__main__":
    sys.exit(main({f.__name__: f for f in (changed_inputs, damaged_state, longer, eval_again, directories)}))
