"""A trained model is loaded by Hugging Face transformers, all of it, and means the same there.

Usage: transformers_load_test.py BINARY transformers RUN PYTHON: PYTHON must have torch and
transformers, else the test is skipped."""

import json
import os
import random
import subprocess
import sys

from run_harness import check, main

SKIPPED = 77
TOLERANCE = 1e-3  # of a log-probability: both sides compute in f32, in another order


def transformers(program, run_dir, python):
    """Scores rows with `amalgam score`, then, in PYTHON, with transformers."""
    probe = subprocess.run([python, "-c", "import torch, transformers"], capture_output=True,
                           text=True) if os.path.exists(python) else None
    if probe is None or probe.returncode != 0:
        print(f"transformers: skipped, {python} cannot import torch and transformers")
        sys.exit(SKIPPED)
    model = run_dir + "/student"
    with open(model + "/config.json") as file:
        vocab_size = json.load(file)["vocab_size"]
    draw = random.Random(1)
    rows = [[draw.randrange(vocab_size) for _ in range(n)] for n in (2, 3, 17, 64, 150, 301)]
    with open(program.path("rows.jsonl"), "w") as file:
        file.writelines(json.dumps({"ids": row}) + "\n" for row in rows)
    score = program.popen([program.binary, "score", "--model", model, "--tokens",
                           program.path("rows.jsonl"), "--out", program.path("ours.jsonl")],
                          program.path("log"))
    check(score.wait(300) == 0, "amalgam score failed")
    theirs = subprocess.run([python, __file__, model, program.path("rows.jsonl")], timeout=600,
                            capture_output=True, text=True)
    check(theirs.returncode == 0, theirs.stderr[-800:])
    theirs = json.loads(theirs.stdout.strip().split("\n")[-1])
    with open(program.path("ours.jsonl")) as file:
        ours = [json.loads(line)["logprobs"] for line in file]
    check([len(row) for row in ours] == [len(row) for row in theirs["logprobs"]], "other lengths")
    largest = max(abs(a - b) for mine, other in zip(ours, theirs["logprobs"])
                  for a, b in zip(mine[1:], other[1:]))
    check(not theirs["missing"] and not theirs["unexpected"],
          f"missing {theirs['missing']}, unexpected {theirs['unexpected']}")
    check(largest <= TOLERANCE, f"log-probabilities differ by {largest}")
    tokens = sum(len(row) - 1 for row in rows)
    return (f"transformers {theirs['version']} loads the student with no key missing or left over; "
            f"{tokens} log-probabilities differ by at most {largest:.1e}")


def score_with_transformers(model_dir, rows_path):
    import torch
    import transformers

    def topk(scores, k, dim=-1, **_):
        """Ties go to the smaller index, as in Amalgam; torch leaves open where they go, and index
        scores are often exactly 0."""
        values, indices = scores.sort(dim=dim, descending=True, stable=True)
        return torch.return_types.topk((values.narrow(dim, 0, k), indices.narrow(dim, 0, k)))

    torch.topk = torch.Tensor.topk = topk
    model, info = transformers.DeepseekV4ForCausalLM.from_pretrained(
        model_dir, dtype=torch.float32, output_loading_info=True)
    model.eval()
    logprobs = []
    with open(rows_path) as file, torch.no_grad():
        for line in file:
            ids = torch.tensor([json.loads(line)["ids"]])
            logits = model(ids).logits[0].log_softmax(-1)
            chosen = logits[:-1].gather(1, ids[0, 1:, None])[:, 0]
            logprobs.append([None, *chosen.tolist()])
    print(json.dumps({"version": transformers.__version__, "logprobs": logprobs,
                      "missing": sorted(info["missing_keys"]),
                      "unexpected": sorted(info["unexpected_keys"])}))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        score_with_transformers(*sys.argv[1:])
    else:
        sys.exit(main({"transformers": transformers}))
