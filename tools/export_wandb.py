#!/usr/bin/env python3
"""Copies a run's figures to Weights & Biases: one W&B run for each stage, steps as in metrics.jsonl.

    pip install wandb
    tools/export_wandb.py runs/quickstart [PROJECT]

WANDB_MODE=offline writes a folder `wandb` to sync later. The names are those of docs/METRICS.md.
"""
import json
import os
import sys

import wandb


def main(run_dir, project="amalgam"):
    stages = {}
    with open(os.path.join(run_dir, "metrics.jsonl"), encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            stages.setdefault(row.pop("stage"), []).append((row.pop("step"), row))
    group = os.path.basename(os.path.abspath(run_dir))
    for stage, rows in stages.items():
        run = wandb.init(project=project, group=group, name=f"{group}/{stage}", job_type=stage, reinit=True)
        for step, figures in rows:
            run.log(figures, step=step)
        run.finish()
    results = os.path.join(run_dir, "results.json")
    if os.path.exists(results):
        run = wandb.init(project=project, group=group, name=f"{group}/results", job_type="results", reinit=True)
        with open(results, encoding="utf-8") as file:
            run.summary.update({"results": json.load(file)})
        run.finish()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) in (2, 3) else __doc__)
