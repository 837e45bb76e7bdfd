#!/usr/bin/env python3
"""Runs configs/rubric.toml for several seeds and prints its table, as docs/RUBRICS.md has it: what the judge gives the
test answers, what they are worth, and how far the judge agrees with labels, by what rewarded the policy; what should
hold of them and whether it does.

Usage: tools/rubric_seeds.py [--binary build/amalgam] [--config configs/rubric.toml] [--runs runs] [--curves FILE.svg]
                             SEED… [-- key=value …]

A run that is there already (runs/rubric-SEED) goes on, or is answered from its record. --curves draws, of the first
seed, worth and judge's score over the steps. Ends with 1 if something does not hold."""

import argparse
import json
import os
import subprocess
import sys

from curves import smoothed, svg

WINDOW = 4  # steps: a quarter of a step's answers have labels
ARMS = ["true_rule", "frozen_base", "joint", "untrained_judge"]


def percent(x):
    return "–" if x is None else f"{100 * x:.1f}"


def verdicts(arms):
    """[(what should hold, figure, whether it holds)]"""
    joint, rule, frozen = arms["joint"], arms["true_rule"], arms["frozen_base"]
    return [
        ("joint: agreement on held-out rows ≥ 95 %", percent(joint["agreement_heldout"]), joint["agreement_heldout"] >= 0.95),
        ("joint: agreement on its own answers ≥ 90 %", percent(joint["agreement_current"]), joint["agreement_current"] >= 0.9),
        ("joint: truth ≥ 90 %", percent(joint["truth"]), joint["truth"] >= 0.9),
        ("joint: within 6 points of true_rule", percent(rule["truth"] - joint["truth"]), rule["truth"] - joint["truth"] <= 0.06),
        ("frozen_base: score ≥ 10 points above truth", percent(frozen["score"] - frozen["truth"]), frozen["score"] - frozen["truth"] >= 0.1),
    ]


def curves_of(run):
    """{arm: ([(step, truth)], [(step, judge's score)])}, of a step's answers."""
    curves = {}
    with open(run + "/metrics.jsonl") as file:
        for row in map(json.loads, file):
            if row["stage"].startswith("rl-") and "critic/score/mean" in row:
                arm = curves.setdefault(row["stage"][3:], ([], []))
                truth = row.get("critic/audit/mean", row["critic/score/mean"] if "judge/score" not in row else None)
                for points, value in zip(arm, (truth, row.get("judge/score"))):
                    if value is not None:
                        points.append((row["step"], value))
    return curves


def curves_svg(curves):
    def smooth(points):
        return list(zip([step for step, _ in points], smoothed([100 * value for _, value in points], WINDOW)))

    return svg([(title, (60, 100), 0, {arm: smooth(curves[arm][part]) for arm in ARMS if curves[arm][part]})
                for part, title in enumerate(["what the answers are worth, %", "what the judge gives them, %"])], with_legend=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="build/amalgam")
    parser.add_argument("--config", default="configs/rubric.toml")
    parser.add_argument("--runs", default="runs", help="directory of the run directories")
    parser.add_argument("--curves", metavar="FILE.svg")
    parser.add_argument("seeds", nargs="+", type=int)
    known = sys.argv[1:]
    overrides = known[known.index("--") + 1:] if "--" in known else []
    options = parser.parse_args(known[:known.index("--")] if "--" in known else known)
    name = os.path.splitext(os.path.basename(options.config))[0]
    runs = {seed: f"{options.runs}/{name}-{seed}" for seed in options.seeds}
    print("| seed | time | rewarded by | judge's score | truth | agreement, own answers | agreement, held-out rows |\n|---|---|---|---|---|---|---|")
    ok, lines = True, []
    for seed, run in runs.items():
        subprocess.run([options.binary, "run", options.config, f"seed={seed}", *overrides, "--run-dir", run, "--resume"],
                       check=True, stdout=subprocess.DEVNULL)
        with open(run + "/results.json") as file:
            results = json.load(file)
        for arm in ARMS:
            figures = results["judge"][arm]
            print(f"| {seed} | {results['wall_s']:.0f} s | {arm} | " +
                  " | ".join(percent(figures[key]) for key in ("score", "truth", "agreement_current", "agreement_heldout")) + " |")
        for what, figure, holds in verdicts(results["judge"]):
            lines.append(f"| {seed} | {what} | {figure} | {'yes' if holds else '**no**'} |")
            ok = ok and holds
    print("\n| seed | what | figure | holds |\n|---|---|---|---|\n" + "\n".join(lines))
    if options.curves:
        with open(options.curves, "w") as file:
            file.write(curves_svg(curves_of(runs[options.seeds[0]])))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
