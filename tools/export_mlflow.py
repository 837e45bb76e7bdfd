#!/usr/bin/env python3
"""Copies a run's figures to MLflow: one MLflow run for each stage, steps as in metrics.jsonl.

    pip install mlflow
    MLFLOW_TRACKING_URI=http://host:5000 tools/export_mlflow.py runs/quickstart [EXPERIMENT]

Without MLFLOW_TRACKING_URI they are written where MLflow's default is. Names: docs/METRICS.md.
"""
import json
import os
import sys

import mlflow


def renamed(name):
    """MLflow has no @, and no metric below another: actor/entropy/math becomes actor/entropy.math."""
    first, *rest = name.replace("@", "_at_").split("/", 1)
    return "/".join([first, *(r.replace("/", ".") for r in rest)])


def main(run_dir, experiment="amalgam"):
    stages = {}
    with open(os.path.join(run_dir, "metrics.jsonl"), encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            stages.setdefault(row.pop("stage"), []).append((row.pop("step"), row))
    mlflow.set_experiment(experiment)
    name = os.path.basename(os.path.abspath(run_dir))
    for stage, rows in stages.items():
        with mlflow.start_run(run_name=f"{name}/{stage}", tags={"run": name, "stage": stage}):
            for step, figures in rows:
                mlflow.log_metrics({renamed(k): v for k, v in figures.items() if v is not None}, step=step)
            for file in ("config.toml", "results.json"):
                if os.path.exists(os.path.join(run_dir, file)):
                    mlflow.log_artifact(os.path.join(run_dir, file))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) in (2, 3) else __doc__)
