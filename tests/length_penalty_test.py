"""What a length penalty makes of the answers of a run, recomputed from its logs: docs/REWARDS.md.

Usage: length_penalty_test.py BINARY CHECK; see tests/tests.cmake."""

import json
import os
import struct
import subprocess
import sys

import config_keys
from run_harness import check, finish, main, metric_lines, text_of, trajectories, varint

K, CAP = 0.05, 0.3
STEPS = 12
LINEAR = ["rl.length_penalty.form=linear", f"rl.length_penalty.k={{none={K}}}",
          f"rl.length_penalty.cap={CAP}"]


def end_token(model):
    with open(model + "/tokenizer.json") as file:
        return next(t["id"] for t in json.load(file)["added_tokens"]
                    if t["content"] == "<｜end▁of▁sentence｜>")


def answer_tokens(fields, eos):
    """Tokens that the policy wrote, without those that end a turn."""
    packed, at, ids = fields[2], 0, []
    while at < len(packed):
        value, at = varint(packed, at)
        ids.append(value)
    writer = fields[4]
    check(len(ids) == len(writer), "a token has no writer")
    return sum(w == 1 and i != eos for i, w in zip(ids, writer))


def train(program, name, *overrides):
    run_dir, log = program.path(name + ".run"), program.path(name + ".log")
    process = program.popen(
        [program.binary, "rl", program.path("inputs/words.toml"), "--domain", "words", "--model",
         program.path("plain"), "--out", program.path(name), "--run-dir", run_dir,
         f"rl.steps={STEPS}", *overrides], log)
    finish(process)
    check(process.returncode == 0, text_of(log)[-600:])
    return run_dir


def by_step(run_dir):
    lines = map(json.loads, metric_lines(run_dir))
    return {line["step"]: line for line in lines if line["stage"] == "rl-words"}


def shaped_by_hand(program):
    """The figures of a step are those of its logged answers, and with no score at stake the policy
    learns to be short from the penalty alone; without it, it learns nothing."""
    config_keys.write_inputs(program.path("inputs"))
    base = program.path("plain.run")
    subprocess.run([program.binary, "run", program.path("inputs/words.toml"), "--run-dir", base,
                    *config_keys.NO_MORE, "base.sft.steps=12"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.rename(base + "/base", program.path("plain"))
    eos = end_token(program.path("plain"))

    run_dir = train(program, "shaped", *LINEAR)
    rewards, penalties, lengths = {}, {}, {}
    for (stage, step, _, _), meta, fields in trajectories(run_dir):
        score = struct.unpack("<d", meta[10])[0]
        length = answer_tokens(fields, eos)
        penalty = -min(CAP, K * length)
        lengths.setdefault(step, []).append(length)
        penalties.setdefault(step, []).append(penalty)
        rewards.setdefault(step, []).append(score + penalty)
    lines = by_step(run_dir)
    check(len(rewards) == STEPS, f"{len(rewards)} steps have samples")
    for name, values in (("critic/rewards/mean", rewards), ("critic/length_penalty/mean", penalties),
                         ("response_length/answer_mean", lengths)):
        for step, of_step in values.items():
            want = sum(of_step) / len(of_step)
            check(abs(lines[step][name] - want) < 1e-12,
                  f"step {step}: {name} is {lines[step][name]}, by its answers {want}")

    flat = ["domain.words.reward_file=" + program.path("inputs/constant.py")]
    plain = by_step(train(program, "flat", *flat))
    check(all(line["actor/pg_loss"] == 0 for line in plain.values()), "equal scores teach something")
    check(not any("rewards" in name or "penalty" in name for line in plain.values() for name in line),
          "figures of a penalty that there is not")
    short = by_step(train(program, "short", *flat, *LINEAR, "rl.length_penalty.cap=10"))
    first, last = (sum(short[s]["response_length/answer_mean"] for s in steps) / 3
                   for steps in (range(3), range(STEPS - 3, STEPS)))
    check(last < 0.8 * first, f"answers had {first:.2f} tokens at first and {last:.2f} at the end")
    return (f"rewards of {STEPS} steps are those of their answers; a penalty alone shortens them "
            f"from {first:.1f} to {last:.1f} tokens")


if __name__ == "__main__":
    sys.exit(main({"shaped_by_hand": shaped_by_hand}))
