#!/usr/bin/env python3
"""Prints what docs/MERGING.md says of a comparison: the table, what should hold of the student and whether it does, and how
the specialists' weights lie to each other.

Usage: tools/merge_study.py RUN_DIR [--no-weights]

RUN_DIR is that of `amalgam compare`. Weights are read from its seed-S, where they still are. Ends with 1 if something does
not hold."""

import argparse
import array
import glob
import json
import math
import os
import struct
import sys
from operator import mul

MERGES = ("mean", "task_arithmetic", "ties", "dare", "dare_ties", "slerp")
MEAN_SHARE, DOMAIN_SHARE, POINTS = 0.97, 0.92, 10


def cell(score, kind):
    error = score.get(kind + "_se")
    return f"{100 * score[kind]:.1f}" + ("" if error is None else f" ± {100 * error:.1f}")


def tables(results):
    domains = list(results["compare"]["specialist"])
    for kind in ("sampled", "greedy"):
        print(f"\n{kind}, %, seeds {', '.join(map(str, results['seeds']))}\n")
        print("| method | mean | " + " | ".join(domains) + " |")
        print("|---" * (len(domains) + 2) + "|")
        for method, of in results["compare"].items():
            print(f"| {method} | {cell(results['mean'][method], kind)} | " +
                  " | ".join(cell(of[d], kind) for d in domains) + " |")


def claims(scores, kind):
    """(what, figure, whether it holds) of {METHOD: {DOMAIN: {kind: …}}}."""
    of = {m: {d: s[kind] for d, s in row.items()} for m, row in scores.items()}
    mean = {m: sum(row.values()) / len(row) for m, row in of.items()}
    share = mean["student"] / mean["specialist"]
    yield "student, % of the specialists' mean", 100 * share, share >= MEAN_SHARE
    least = min(of["student"][d] / s for d, s in of["specialist"].items() if s > 0)
    yield "student, % of the specialist where it is least", 100 * least, least >= DOMAIN_SHARE
    merged = [m for m in MERGES if m in mean]
    best = max(merged, key=mean.get)
    above = 100 * (mean["student"] - mean[best])
    yield f"student, points above the best merging of weights ({best})", above, above >= POINTS
    for method in (m for m in mean if m.startswith("mixed_rl")):
        above = 100 * (mean["student"] - mean[method])
        yield f"student, points above {method}", above, above > 0


def print_claims(results):
    print("\n| seed | | what | figure | |\n|---|---|---|---|---|")
    all_hold = True
    rows = dict(results["per_seed"], **{"all": results["compare"]})
    for seed, scores in rows.items():
        for kind in ("sampled", "greedy"):
            for what, figure, holds in claims(scores, kind):
                all_hold &= holds
                print(f"| {seed} | {kind} | {what} | {figure:.1f} | {'yes' if holds else 'no'} |")
    return all_hold


def weights(directory):
    """{tensor: floats} of the f32 tensors of a model."""
    tensors = {}
    for path in sorted(glob.glob(os.path.join(directory, "*.safetensors"))):
        with open(path, "rb") as file:
            data = file.read()
        (length,) = struct.unpack("<Q", data[:8])
        for name, about in json.loads(data[8:8 + length]).items():
            if name == "__metadata__" or about["dtype"] != "F32":
                continue
            begin, end = (8 + length + offset for offset in about["data_offsets"])
            tensors[name] = array.array("f", data[begin:end])
    return tensors


def dot(a, b):
    return math.fsum(map(mul, a, b))


def solve(matrix, right):
    """x of matrix · x = right, by Gauss with pivots."""
    rows = [list(row) + [value] for row, value in zip(matrix, right)]
    for i in range(len(rows)):
        pivot = max(range(i, len(rows)), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(len(rows)):
            if r != i:
                factor = rows[r][i] / rows[i][i]
                rows[r] = [x - factor * y for x, y in zip(rows[r], rows[i])]
    return [row[-1] / row[i] for i, row in enumerate(rows)]


def print_weights(seed_dir, domains):
    base = weights(os.path.join(seed_dir, "base"))
    flat = lambda of: [x - y for name in base for x, y in zip(of[name], base[name])]
    moved = {d: flat(weights(os.path.join(seed_dir, "specialist-" + d))) for d in domains}
    student = flat(weights(os.path.join(seed_dir, "student")))
    gram = [[dot(moved[a], moved[b]) for b in domains] for a in domains]
    size = [math.sqrt(gram[i][i]) for i in range(len(domains))]
    pairs = {True: [], False: []}  # of one generator, of two
    for i, a in enumerate(domains):
        for j in range(i):
            same = a.split("_")[0] == domains[j].split("_")[0]
            pairs[same].append(gram[i][j] / size[i] / size[j])
    length = math.sqrt(math.fsum(dot(t, t) for t in base.values()))
    right = [dot(moved[d], student) for d in domains]
    inside = sum(x * y for x, y in zip(solve(gram, right), right)) / dot(student, student)
    mean = lambda values: sum(values) / len(values)
    print(f"| {os.path.basename(seed_dir)} | {100 * mean(size) / length:.1f} | {mean(pairs[True]):.2f} | {mean(pairs[False]):.2f} | "
          f"{100 * math.sqrt(dot(student, student)) / length:.1f} | {100 * inside:.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_dir")
    parser.add_argument("--no-weights", action="store_true")
    options = parser.parse_args()
    with open(os.path.join(options.run_dir, "results.json")) as file:
        results = json.load(file)
    tables(results)
    all_hold = print_claims(results)
    if not options.no_weights:
        print("\n| | specialists moved, % of the base's length | cosine, two forms | cosine, two domains | "
              "student moved, % | of its square in the specialists' span, % |\n|---|---|---|---|---|---|")
        for seed in results["seeds"]:
            print_weights(os.path.join(options.run_dir, f"seed-{seed}"), list(results["compare"]["specialist"]))
    return 0 if all_hold else 1


if __name__ == "__main__":
    sys.exit(main())
