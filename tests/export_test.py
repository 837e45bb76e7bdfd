"""tools/export_*.py hand every figure of a run over, against modules that record what they get.

Usage: export_test.py BINARY CHECK RUN_DIR; see tests/tests.cmake."""

import json
import os
import subprocess
import sys

from run_harness import ROOT, check, main, metric_lines

WANDB = """
import json, os
class Run:
    def __init__(self, **about):
        self.about, self.summary = about, self
    def log(self, figures, step):
        say(self.about["job_type"], step, figures)
    def update(self, figures):
        say(self.about["job_type"], -1, figures)
    def finish(self): pass
def say(*what):
    with open(os.environ["RECORD"], "a") as file:
        file.write(json.dumps(what) + "\\n")
def init(**about): return Run(**about)
"""
MLFLOW = """
import json, os, re
stage = None
class Started:
    def __enter__(self): pass
    def __exit__(self, *error): pass
def set_experiment(name): pass
def start_run(run_name, tags):
    global stage
    stage = tags["stage"]
    return Started()
def log_metrics(figures, step):
    assert all(re.fullmatch(r"[\\w./ -]+", name) and name.count("/") < 2 for name in figures), figures
    with open(os.environ["RECORD"], "a") as file:
        file.write(json.dumps([stage, step, figures]) + "\\n")
def log_artifact(path): assert os.path.exists(path)
"""


def named(peer, name):
    """MLflow has no @ and no metric below another."""
    if peer == "wandb":
        return name
    folder, rest = name.replace("@", "_at_").split("/", 1)
    return folder + "/" + rest.replace("/", ".")


def export(program, run_dir):
    rows = [json.loads(line) for line in metric_lines(run_dir)]
    for name, module in (("wandb", WANDB), ("mlflow", MLFLOW)):
        script = f"{ROOT}/tools/export_{name}.py"
        with open(script, encoding="utf-8") as file:
            check(len(file.readlines()) <= 40, f"{script} is long")
        os.makedirs(program.path(name))
        with open(program.path(name) + f"/{name}.py", "w", encoding="utf-8") as file:
            file.write(module)
        record = program.path(name + ".jsonl")
        subprocess.run(["/usr/bin/python3", "-B", script, run_dir], check=True, timeout=120, capture_output=True,
                       env={**os.environ, "PYTHONPATH": program.path(name), "RECORD": record})
        with open(record, encoding="utf-8") as file:
            got = [json.loads(line) for line in file]
        if name == "wandb":
            check(got.pop()[0] == "results", "no results")
        want = [[r["stage"], r["step"], {named(name, k): v for k, v in r.items() if k not in ("stage", "step")}]
                for r in sorted(rows, key=lambda r: [x["stage"] for x in rows].index(r["stage"]))]
        check(got == want, f"{name} got {len(got)} rows of {len(rows)}, {[g for g, w in zip(got, want) if g != w][:1]}")
    return f"{len(rows)} rows of figures to W&B and to MLflow"


if __name__ == "__main__":
    sys.exit(main({"export": export}))
