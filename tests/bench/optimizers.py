#!/usr/bin/env python3
"""Muon beside AdamW on the base training of a config: mean loss at some numbers of tokens, as a table.

    optimizers.py AMALGAM OUT [--config configs/quickstart.toml] [--steps 240]
                  [--muon 0.001,0.002,0.004,0.008,0.016] [--adamw 0.0005,0.001,0.002,0.004,0.008]

Every run sees the same batches in the same order, and no row twice: the loss of a batch, taken before its
step, is a loss on text that the model has not seen. Runs are kept in OUT; one that is there is not repeated.
"""
import argparse
import json
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WINDOW = 20  # steps that a mean is over
COLUMNS = 4
POLL_S = 0.5
STUCK_S = 120  # without a step, or without an end when asked for it


def read_base(run_dir):
    """The metrics of the base training's steps so far."""
    path = run_dir / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    rows = [json.loads(line) for line in lines if line.endswith("\n")]
    return [r for r in rows if r["stage"] == "base"]


def train(args, kind, lr):
    run_dir = args.out / f"{kind}-{lr:g}"
    if len(read_base(run_dir)) >= args.steps:
        return read_base(run_dir)
    print(f"{kind}, rate {lr:g} ...", file=sys.stderr, flush=True)
    with open(args.out / f"{kind}-{lr:g}.log", "w") as log:
        process = subprocess.Popen(
            [args.amalgam, "run", args.config, "--resume", "--run-dir", run_dir, "--threads", "1",
             f"base.sft.steps={args.steps}", f"base.sft.optim.kind={kind}", f"base.sft.optim.lr={lr}"],
            stdout=log, stderr=log)
        done, moved = len(read_base(run_dir)), time.monotonic()
        while done < args.steps and process.poll() is None and time.monotonic() < moved + STUCK_S:
            time.sleep(POLL_S)
            if (now := len(read_base(run_dir))) > done:
                done, moved = now, time.monotonic()
        process.send_signal(signal.SIGINT)  # nothing after the base is asked for
        try:
            process.wait(STUCK_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    rows = read_base(run_dir)
    if len(rows) < args.steps:
        sys.exit(f"{kind}, rate {lr:g}: the run ended early, see {log.name}")
    return rows


def main():
    rates = lambda text: [float(x) for x in text.split(",")]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("amalgam", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--config", default=ROOT / "configs" / "quickstart.toml")
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--muon", type=rates, default=[0.001, 0.002, 0.004, 0.008, 0.016])
    parser.add_argument("--adamw", type=rates, default=[0.0005, 0.001, 0.002, 0.004, 0.008])
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    ends = [args.steps * (i + 1) // COLUMNS for i in range(COLUMNS)]
    table = []
    for kind, lr in [("muon", r) for r in args.muon] + [("adamw", r) for r in args.adamw]:
        rows = train(args, kind, lr)
        tokens = [r["perf/throughput"] * r["timing_s/step"] for r in rows]
        losses = [sum(r["train/loss"] for r in rows[e - WINDOW:e]) / WINDOW for e in ends]
        table.append((kind, lr, losses))
    print("| optimiser | peak rate |" + "".join(f" {sum(tokens[:e]) * 1e-3:,.0f}k tokens |" for e in ends))
    print("|---|---|" + "---|" * COLUMNS)
    for kind, lr, losses in table:
        best = losses[-1] == min(row[2][-1] for row in table if row[0] == kind)
        mark = "**" if best else ""
        print(f"| {kind} | {mark}{lr:g}{mark} |" + "".join(f" {mark}{x:.3f}{mark} |" for x in losses))


if __name__ == "__main__":
    main()
