"""`amalgam merge` as a program: memory whatever a tensor's size, what a kill leaves, errors, models that load."""

import json
import os
import shutil
import struct
import subprocess
import sys
import time

from run_harness import ROOT, check, finish, main, run_until, text_of

REFERENCE = ROOT + "/tests/golden/reference/"
MB = 1 << 20


def write_model(directory, num_weights, value):
    """One BF16 tensor of random numbers near `value` (its upper byte), written a few megabytes at a time."""
    os.makedirs(directory)
    header = json.dumps({"a.weight": {"dtype": "BF16", "shape": [num_weights // 1024, 1024],
                                      "data_offsets": [0, 2 * num_weights]}}).encode()
    header += b" " * (-len(header) % 8)
    signs = bytes(value | (128 if i & 1 else 0) for i in range(256))
    with open(directory + "/model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for _ in range(0, num_weights, 4 * MB):
            piece = bytearray(8 * MB)
            piece[0::2] = os.urandom(4 * MB)
            piece[1::2] = os.urandom(4 * MB).translate(signs)
            file.write(piece)
    with open(directory + "/config.json", "w") as file:
        file.write("{}")


def models(program, num_weights):
    for name, value in (("base", 0x3d), ("x", 0x3c), ("y", 0x3b)):
        write_model(program.path(name), num_weights, value)


def merge(program, out, *options):
    return [program.binary, "merge", *options, "--model", program.path("x"), "--model", program.path("y"),
            "--base", program.path("base"), "--out", program.path(out)]


def memory_of(program, command):
    """The peak of anonymous memory of a merge of two models."""
    process = program.popen(command, program.path("log"))
    peak = 0
    while process.poll() is None:
        try:
            for line in text_of(f"/proc/{process.pid}/status").split("\n"):
                if line.startswith("RssAnon:"):
                    peak = max(peak, int(line.split()[1]) * 1024)
        except FileNotFoundError:
            pass
        time.sleep(0.01)
    check(process.returncode == 0, text_of(program.path("log"))[-600:])
    check(peak > MB, "no memory was seen")
    check(peak <= (200 + 2 * 64) * 1_000_000, f"{peak / 1e6:.0f} MB of anonymous memory: {command[2:]}")
    return peak


def merge_memory(program):
    """Two models and a base with one tensor of 1 GB; thresholds over the whole model. Then sums over a tensor's blocks,
    of which a number for each element of 64 MB would pass the bound."""
    num_weights = 512 * MB
    models(program, num_weights)
    start = time.monotonic()
    peak = memory_of(program, merge(program, "out", "ties", "--reading", "authors", "--density", "0.2"))
    seconds = time.monotonic() - start
    size = os.path.getsize(program.path("out") + "/model.safetensors")
    check(2 * num_weights < size < 2 * num_weights + 4096, f"{size} bytes")
    check(" left" in text_of(program.path("log")), "no progress with the time left")
    for name in ("base", "x", "y", "out"):
        shutil.rmtree(program.path(name))
    models(program, 32 * MB)
    memory_of(program, merge(program, "l1", "dare", "--rescale", "l1"))
    memory_of(program, [program.binary, "merge", "slerp", "--base", program.path("base"), "--model", program.path("x"),
                        "--t", "0.5", "--out", program.path("slerp")])
    return f"peak {peak / 1e6:.1f} MB of anonymous memory, {4 * 2 * num_weights / 1e6 / seconds:.0f} MB/s of models"


def merge_killed(program):
    """A kill at any moment leaves nothing that looks finished; the same command then makes the whole."""
    models(program, 32 * MB)
    command = merge(program, "out", "ties", "--density", "0.2", "--threads", "1")
    whole = program.popen(merge(program, "whole", "ties", "--density", "0.2"), program.path("log"))
    cpu_s = finish(whole)
    check(whole.returncode == 0, text_of(program.path("log"))[-600:])
    kills = 0
    for part in (0.1, 0.5, 0.8, 0.95):
        process = program.popen(command, program.path("log"))
        if run_until(process, part * cpu_s):
            process.kill()
            kills += 1
        process.wait()
        if process.returncode == 0:
            break
        check(not os.path.exists(program.path("out")), f"killed at {part}: --out exists")
        left = os.listdir(program.path("out.tmp")) if os.path.exists(program.path("out.tmp")) else []
        check("config.json" not in left or "model.safetensors" in left, f"killed at {part}: {left}")
    check(kills >= 2, f"killed {kills} times only")
    if not os.path.exists(program.path("out")):
        check(finish(again := program.popen(command, program.path("log"))) >= 0 and again.returncode == 0, "again")
    same = subprocess.run(["cmp", program.path("out") + "/model.safetensors", program.path("whole") + "/model.safetensors"],
                          check=False)
    check(same.returncode == 0, "other bytes after a kill")
    return f"killed {kills} times"


def merge_command(program):
    """Options and errors of the command; what it makes is a model."""
    base, log = REFERENCE + "released_quant", program.path("log")
    f32 = program.path("f32")
    subprocess.run([program.binary, "convert", "--model", base, "--to", "f32", "--out", f32], check=True, capture_output=True)
    rows = program.path("rows.jsonl")
    with open(rows, "w") as file:
        file.write('{"ids": [0, 5, 17, 3, 99, 42, 8, 8, 120]}\n')

    def score(directory):
        out = program.path("scored.jsonl")
        subprocess.run([program.binary, "score", "--model", directory, "--tokens", rows, "--out", out], check=True,
                       capture_output=True)
        return text_of(out)

    # Of one model with itself, in another precision: what it was.
    for index, command in enumerate((["mean"], ["task_arithmetic", "--lambda", "-0.5"], ["ties", "--normalize"],
                                     ["ties", "--normalize", "false"], ["ties", "--normalize=false"],
                                     ["ties", "--reading", "peft", "--vote", "count"],
                                     ["ties", "--reading", "mergelm", "--drop-rate", "0.7"],
                                     ["dare", "--density", "0.3,0.6", "--seed", "7"], ["dare_ties", "--drop-rate", "0.5"],
                                     ["magnitude_prune"], ["breadcrumbs", "--gamma", "0.1"], ["breadcrumbs_ties"],
                                     ["della", "--epsilon", "0.1"], ["della_linear"])):
        out = program.path(f"out{index}")
        done = subprocess.run([program.binary, "merge", *command, "--base", base, "--model", f32 + ":0.5", "--model", f32,
                               "--out", out] if "mergelm" not in command else
                              [program.binary, "merge", *command, "--base", base, "--model", f32, "--out", out],
                              capture_output=True, text=True, check=False)
        check(done.returncode == 0, f"{command}: {done.stderr}")
        check(score(out) == score(base), f"{command}: other scores")
    # The tokenizer of the first that has one.
    for name in ("first", "second"):
        shutil.copytree(f32, program.path(name))
        with open(program.path(name) + "/tokenizer.json", "w") as file:
            file.write('{"of": "a model"}')
    subprocess.run([program.binary, "merge", "mean", "--base", base, "--model", program.path("first"), "--model",
                    program.path("second"), "--out", program.path("spoken")], check=True, capture_output=True)
    check(text_of(program.path("spoken") + "/tokenizer.json") == '{"of": "a model"}', "no tokenizer")
    errors = [
        (["tis", "--base", base, "--model", f32], "unknown method of merging 'tis'; there are linear, mean, slerp"),
        (["ties", "--base", base, "--model", f32, "--reading", "other"], "unknown reading 'other'"),
        (["ties", "--base", base, "--model", f32, "--density", "much"], "--density is a number, not 'much'"),
        (["ties", "--base", base, "--model", f32 + ":much"], "'much' in"),
        (["ties", "--base", base, "--model", f32, "--normalize", "maybe"], "--normalize is one of true, false"),
        (["dare", "--base", base, "--model", f32, "--seed", "-1"], "--seed is a whole number"),
        (["dare", "--base", base, "--model", f32, "--seed", "0.5"], "--seed is a whole number"),
        (["dare", "--base", base, "--model", f32, "--density", "0.5", "--drop-rate", "0.5"], "give one of both"),
        (["ties", "--model", f32], "ties: needs --base"),
        (["slerp", "--base", base, "--model", f32], "slerp: needs --t"),
        (["ties", "--base", base, "--model", f32, "--drop-rate", "0.5"], "ties: does not use --drop-rate"),
        (["ties", "--base", base, "--model", program.path("nowhere")], "nowhere/config.json: cannot be opened"),
        (["ties", "--base", base, "--model", REFERENCE + "csa"], "csa: its tensors are not those of"),
        (["ties", "--base", base, "--model", f32, "--out", f32], "f32: exists; give another --out"),
    ]
    for command, text in errors:
        out = [] if "--out" in command else ["--out", program.path("none")]
        lines = program.fails([program.binary, "merge", *command, *out], log)
        check(len(lines) == 1 and text in lines[0], f"{command}: {lines}")
        check(not os.path.exists(program.path("none")) and not os.path.exists(program.path("none.tmp")), f"{command}: left")
    return f"15 merges, {len(errors)} errors"


if __name__ == "__main__":
    sys.exit(main({"merge_memory": merge_memory, "merge_killed": merge_killed, "merge_command": merge_command}))
