"""A run whose episodes write a file, run it, call a tool of the user's own, and submit.

Usage: tools_run_test.py BINARY tools; see tests/tests.cmake."""

import json
import os
import re
import subprocess
import sys

from run_harness import check, check_same, main, results, seeded, text_of
from run_test import (Undisturbed, check_no_difference, damage_between_kills,
                      kill_controller)

CONFIG = """
seed = 1
[model]
hidden_size = 64
num_attention_heads = 2
q_lora_rank = 32
o_groups = 1
sliding_window = 64
layer_types = ["sliding_attention", "compressed_sparse_attention", "heavily_compressed_attention"]
index_topk = 4
n_routed_experts = 4
[tokenizer]
vocab_size = 400
[base]
sft.steps = 500
[rl]
steps = 2
data.train_batch_size = 4
data.max_response_length = 200
rollout.n = 4
val_prompts = 4
val_n = 1
[[tool]]
name = "twice"
file = "tools.py"
[[domain]]
name = "sums"
train_file = "train.jsonl"
heldout_file = "heldout.jsonl"
sft_file = "sft.jsonl"
reward_file = "reward.py"
mode = "chat"
tools = ["write_file", "run_python", "twice", "submit"]
tools_prompt = "names"
[distill]
steps = 1
data.train_batch_size = 4
data.max_response_length = 200
rollout.n = 2
[eval]
prompts = 8
n = 2
"""

TOOLS = '''
def twice(number: str):
    """Twice a number."""
    print("not the result")
    return str(2 * int(number))
'''

REWARD = '''
def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    return 1.0 if solution_str == ground_truth else 0.0  # the submitted answer and nothing else
'''


def row(draw, answered):
    """Twice a sum: the program that computes the sum is written in one turn and runs in the next."""
    a, b = draw.randint(10, 99), draw.randint(10, 99)
    made = {"data_source": "sums", "reward_model": {"style": "rule",
                                                    "ground_truth": str(2 * (a + b))}}
    question = {"role": "user", "content": f"{a} + {b}"}
    if not answered:
        return made | {"prompt": [question]}
    program = f"print({a} + {b})"
    messages = [question]
    for name, arguments, result in (
            ("write_file", {"path": "p.py", "content": program},
             f"wrote {len(program)} bytes to p.py"),
            ("run_python", {"code": "import p"}, str(a + b)),
            ("twice", {"number": str(a + b)}, str(2 * (a + b))),
            ("submit", {"answer": str(2 * (a + b))}, None)):
        messages.append({"role": "assistant", "content": "", "tool_calls": [
            {"id": name, "type": "function",
             "function": {"name": name, "arguments": json.dumps(arguments)}}]})
        if result is not None:
            messages.append({"role": "tool", "tool_call_id": name, "content": result})
    return made | {"messages": messages}


def write_domain(folder):
    os.makedirs(folder)
    draw = seeded(5)
    for name, rows, answered in (("train", 60, False), ("heldout", 20, False), ("sft", 2000, True)):
        with open(f"{folder}/{name}.jsonl", "w") as file:
            for _ in range(rows):
                file.write(json.dumps(row(draw, answered)) + "\n")
    for name, text in (("tools.py", TOOLS), ("reward.py", REWARD), ("tools.toml", CONFIG)):
        with open(f"{folder}/{name}", "w") as file:
            file.write(text)
    return folder + "/tools.toml"


def check_bad_names(program, config):
    """A misspelt tool is found before anything runs: one line with the right name."""
    text = text_of(config)
    folder = os.path.dirname(config)
    for spoiled, words in (
            (text.replace('"run_python", "twice"', '"run_pyton", "twice"'), "run_python"),
            (text.replace('"twice", "submit"', '"twize", "submit"'), "twice"),
            (text.replace('name = "twice"', 'name = "thrice"').replace('"twice", ', ''),
             "no function thrice")):
        with open(folder + "/spoiled.toml", "w") as file:
            file.write(spoiled)
        lines = program.fails([program.binary, "run", folder + "/spoiled.toml", "--run-dir",
                               program.path("spoiled")], program.path("spoiled.log"))
        check(len(lines) == 1 and words in lines[0], f"'{words}' is not in {lines}")


def check_row_images(program, config, model):
    """A row names the image that its episode's tools run on: with Python the answers are right, without it there is no
    score."""
    folder, store = os.path.dirname(config), program.path("store")
    os.makedirs(folder + "/layer")
    with open(folder + "/layer/file", "w") as file:
        file.write("no program is here")
    for command in (["--name", "python"], ["--name", "bare", "--from", folder + "/layer"]):
        subprocess.run([program.binary, "sandbox", "build", "--store", store, *command], check=True, capture_output=True,
                       timeout=300)
    rows = [json.loads(line) for line in text_of(folder + "/heldout.jsonl").splitlines()]
    for image in ("python", "bare"):
        with open(f"{folder}/{image}.jsonl", "w") as file:
            file.writelines(json.dumps(r | {"extra_info": {"image": image}}) + "\n" for r in rows)
        run_dir = program.path("image-" + image)
        done = subprocess.run([program.binary, "eval", config, "--model", model, "--run-dir", run_dir, "eval.n=1",
                               f"domain.sums.heldout_file={folder}/{image}.jsonl", f"sandbox.store={store}"],
                              capture_output=True, text=True, timeout=300, check=False)
        if image == "bare":
            check(done.returncode == 1 and "no sample could be scored" in done.stderr and
                  "cannot run /usr/bin/python3" in done.stderr, f"without Python: {done.stderr[-600:]}")
            continue
        check(done.returncode == 0, f"image {image}: {done.stderr[-600:]}")
        score = results(run_dir)["domains"]["sums"]["model"]
        check(score > 0.5, f"on an image with Python: {score}")


def tools(program, seed="1"):
    config = write_domain(program.path("domain"))
    check_bad_names(program, config)
    trained = program.path("trained")
    program.run(trained, config=config)
    score = results(trained)["domains"]["sums"]["specialist"]
    check(score > 0.5, f"the specialist calls no tools: {score}")
    check(results(trained)["sandbox_failed"] == 0, "a sandbox failed")
    steps = check_no_difference(trained)
    check(re.search(r"info +\[tool twice\] \[[-a-z0-9 ]+\] tool: not the result\n",
                    text_of(trained + "/log.txt")), "the log has not what a tool printed")
    page = text_of(trained + "/report.html")
    for name in ("write_file", "run_python", "twice", "submit"):
        check(name in page, f"the report shows no call of {name}")
    check(re.search(r"wrote 14 bytes to p\.py", page), "the report shows no result")

    check_row_images(program, config, trained + "/specialist-sums")
    # On the trained base: nearly all of the time goes to episodes.
    settings = [f"model.path={trained}/base"]
    whole = Undisturbed(program, settings, config=config)
    two = program.path("two")
    program.run(two, "--workers", "2", *settings, config=config)
    check_same(two, whole.outcome, "--workers 2")
    draw = seeded(int(seed))
    moments = [draw.random() for _ in range(8)]
    run_dir = program.path("killed")
    kills, _ = kill_controller(program, whole, settings, moments, run_dir, config=config)
    check(results(run_dir)["sandbox_failed"] == 0, "a kill was counted as a sandbox's failure")
    check(os.listdir(run_dir + "/wal") == [], "journals were left behind")
    run_dir = program.path("damaged")
    damaged = damage_between_kills(program, whole, settings, run_dir, draw, config=config)
    check(results(run_dir)["sandbox_failed"] == 0, "a damaged log was counted as a sandbox's failure")
    return (f"score {score:.2f}, {steps} steps without a difference; the same bytes with two "
            f"workers and after {kills} kills; {damaged}")


if __name__ == "__main__":
    sys.exit(main({"tools": tools}))
