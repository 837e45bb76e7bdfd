#!/usr/bin/env python3
"""Runs configs/effort.toml for several seeds and prints its table, as docs/EFFORT.md has it: accuracy and mean tokens of
each mode and model, what should hold of them and whether it does, and when each distillation left the average of its
teachers.

Usage: tools/effort_seeds.py [--binary build/amalgam] [--config configs/effort.toml] [--runs runs] [--curves FILE.svg]
                             SEED… [-- key=value …]

A run that is there already (runs/effort-SEED) goes on, or is answered from its record. --curves draws the KL of every
distillation over its steps. Ends with 1 if something does not hold."""

import argparse
import json
import math
import os
import sqlite3
import subprocess
import sys

from curves import smoothed, svg

KL_WINDOW = 10  # steps
MODELS = ["base", "specialist", "student", "weight_average"]


def rows(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def cell(c):
    if c["accuracy"] is None:
        return "–"
    return f"{100 * c['accuracy']:.1f} ± {100 * c['accuracy_se']:.1f} / {c['tokens']:.1f} ± {c['tokens_se']:.1f}"


def table(title, seeds, efforts):
    """efforts: {seed: {MODE: {MODEL: figures}}}"""
    models = [m for m in MODELS if m in next(iter(next(iter(efforts.values())).values()))]
    print(f"\n{title}\n\n| seed | effort | " + " | ".join(m.replace("_", " ") for m in models) + " |")
    print("|---|---|" + "---|" * len(models))
    for seed in seeds:
        for mode, cells in efforts[seed].items():
            print(f"| {seed} | {mode} | " + " | ".join(cell(cells[m]) for m in models) + " |")


def errors_apart(a, b, figure):
    return (b[figure] - a[figure]) / math.hypot(a[figure + "_se"], b[figure + "_se"])


def are_numbers(modes):
    return not set(modes) & {"none", "low", "high", "max"}


def verdicts(modes, correlation):
    """[(what, figure, whether it holds)] of one seed and domain. correlation: of numbers; NaN: not defined."""
    found, student = [], [cells["student"] for cells in modes.values()]
    names, pairs = list(modes), list(zip(student, student[1:]))
    if not are_numbers(names):
        for figure in ("tokens", "accuracy"):
            apart = min(errors_apart(a, b, figure) for a, b in pairs)
            found.append((f"{' < '.join(names)} in {figure}, standard errors apart", f"{apart:.1f}", apart >= 3))
        worse = max(100 * (c["specialist"]["accuracy"] - c["student"]["accuracy"]) for c in modes.values())
        found.append(("points a mode is worse than its specialist, at most", f"{worse:.1f}", worse <= 5))
        off = max(abs(c["specialist"]["tokens"] - c["student"]["tokens"]) /
                  max(0.15 * c["specialist"]["tokens"], 0.6) for c in modes.values())
        found.append(("tokens from the specialist's, of max(15 %, 0.6)", f"{off:.2f}", off <= 1))
    else:
        fall = min(errors_apart(a, b, "tokens") for a, b in pairs)
        found.append(("length from band to band, standard errors up, at least", f"{fall:.1f}", fall >= -1))
        ratio = student[-1]["tokens"] / student[0]["tokens"]
        found.append(("highest band's length over the lowest's", f"{ratio:.2f}", ratio >= 1.4))
        found.append(("correlation of b and length", f"{correlation:.2f}", correlation >= 0.3))
    return found


def pooled_correlation(runs, domain, modes):
    """Of b and the length of the students' answers, over all runs."""
    names = ["n", "b", "length", "bb", "ll", "bl"]
    sums = dict.fromkeys(names, 0.0)
    for run in runs:
        with sqlite3.connect(f"file:{run}/run.sqlite?mode=ro", uri=True) as store:
            for mode in modes:
                for name in names:
                    row = store.execute("SELECT value FROM figures WHERE stage = ? AND name = ?",
                                        (f"eval-student-{domain}-{mode}-sampled", "effort/" + name)).fetchone()
                    sums[name] += row[0] if row else 0
    n, b, length, bb, ll, bl = (sums[name] for name in names)
    spread = (n * bb - b * b) * (n * ll - length * length)
    return (n * bl - b * length) / math.sqrt(spread) if spread > 0 else math.nan


def kl_curves(run):
    """{distillation: KL of each step}; as far as it was logged."""
    curves = {}
    for row in rows(run + "/metrics.jsonl"):
        if "distill/kl" in row:
            curves.setdefault(row["stage"], []).append(row["distill/kl"])
    # Of a sweep the rate that went on.
    longest = {}
    for stage, kl in curves.items():
        name = stage.split("-lr")[0]
        if len(kl) > len(longest.get(name, [])):
            longest[name] = kl
    return longest


def leaving(kl):
    """(step from which on the KL was below half of its plateau, plateau, last KL), means of ten steps; None: never. The
    plateau is the mean of steps 5 to 14: the student has become the average of its teachers."""
    plateau = sum(kl[5:15]) / max(1, len(kl[5:15]))
    above = [i for i, x in enumerate(smoothed(kl, KL_WINDOW)) if x > plateau / 2]
    step = above[-1] + 1 if above else 0
    return step if step < len(kl) else None, plateau, smoothed(kl, KL_WINDOW)[-1]


def curves_svg(curves):
    """curves: {seed: {distillation: KL of each step}}; a panel for each distillation."""
    panels = []
    for name in next(iter(curves.values())):
        lines = {f"seed {seed}": smoothed(of[name], KL_WINDOW) for seed, of in curves.items()}
        highest = max(max(kl[KL_WINDOW - 1:]) for kl in lines.values()) * 1.05
        panels.append((f"{name}: KL to the teachers, nats a token", (0, highest), 2,
                       {seed: [(i, x) for i, x in enumerate(kl) if i % 4 == 3] for seed, kl in lines.items()}))
    return svg(panels)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="build/amalgam")
    parser.add_argument("--config", default="configs/effort.toml")
    parser.add_argument("--runs", default="runs", help="directory of the run directories")
    parser.add_argument("--curves", metavar="FILE.svg")
    parser.add_argument("seeds", nargs="+", type=int)
    known = sys.argv[1:]
    overrides = known[known.index("--") + 1:] if "--" in known else []
    options = parser.parse_args(known[:known.index("--")] if "--" in known else known)
    name = os.path.splitext(os.path.basename(options.config))[0]
    results, curves, wall = {}, {}, {}
    for seed in options.seeds:
        run = f"{options.runs}/{name}-{seed}"
        subprocess.run([options.binary, "run", options.config, f"seed={seed}", *overrides, "--run-dir", run, "--resume"],
                       check=True, stdout=subprocess.DEVNULL)
        with open(run + "/results.json") as file:
            results[seed] = json.load(file)
        curves[seed], wall[seed] = kl_curves(run), results[seed]["wall_s"]

    print("wall time: " + ", ".join(f"seed {seed} {s:.0f} s" for seed, s in wall.items()))
    some = results[options.seeds[0]]
    for key, kind in (("efforts", "sampled"), ("efforts_greedy", "greedy")):
        for domain in some[key]:
            table(f"{domain}, {kind}: accuracy in % / tokens", options.seeds,
                  {seed: results[seed][key][domain] for seed in options.seeds})
    print("\n| domain | seed | what | figure | |\n|---|---|---|---|---|")
    ok = True
    for domain, modes in some["efforts"].items():
        for seed in options.seeds:
            r = results[seed]
            correlation = r.get("effort_correlation", {}).get(domain, {}).get("student")
            correlation = math.nan if correlation is None else correlation
            for what, figure, holds in verdicts(r["efforts"][domain], correlation):
                print(f"| {domain} | {seed} | {what} | {figure} | {'yes' if holds else '**no**'} |")
                ok = ok and holds
        if are_numbers(modes) and "student" in next(iter(modes.values())):
            pooled = pooled_correlation([f"{options.runs}/{name}-{seed}" for seed in options.seeds], domain, modes)
            holds = pooled >= 0.4
            print(f"| {domain} | all | correlation of b and length, pooled | {pooled:.2f} | {'yes' if holds else '**no**'} |")
            ok = ok and holds
    print("\n| seed | distillation | KL at the average of the teachers | left it at step | KL at the end |\n|---|---|---|---|---|")
    for seed in options.seeds:
        for stage, kl in curves[seed].items():
            step, plateau, last = leaving(kl)
            print(f"| {seed} | {stage} | {plateau:.3f} | {'never' if step is None else step} | {last:.3f} |")
            ok = ok and step is not None
    if options.curves:
        with open(options.curves, "w") as file:
            file.write(curves_svg(curves))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
