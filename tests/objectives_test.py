"""Every objective of distillation brings a student nearer to its teacher: docs/OBJECTIVES.md.

Usage: objectives_test.py BINARY CHECK; see tests/tests.cmake."""

import json
import os
import subprocess
import sys

import config_keys
from run_harness import check, finish, main, metric_lines, text_of

STEPS = 60
TRAINING = ["threads=2", "distill.data.train_batch_size=8", "distill.rollout.n=2",
            "distill.data.max_response_length=12", f"distill.steps={STEPS}", "distill.optim.lr=3e-3"]
MEASURE = ["threads=2", "distill.data.train_batch_size=48", "distill.rollout.n=4",
           "distill.data.max_response_length=12", "distill.steps=1"]
COEFFICIENT = 50  # of the reward: differences of a tenth, against a KL that holds the student back
OBJECTIVES = {
    "exact": [], "forward": [], "jsd": [], "sampled_advantage": [], "sampled_loss": [],
    "topk_forward_verl": [], "topk_forward_nemo": [], "topk_reverse_nemo": [], "topk_mixed_nemo": [],
    "topk_tail": ["distill.topk=8"],
}


def base(program, name, *overrides):
    run_dir = program.path(name + ".run")
    subprocess.run([program.binary, "run", program.path("inputs/words.toml"), "--run-dir", run_dir,
                    *config_keys.NO_MORE, "base.sft.steps=12", *overrides], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.rename(run_dir + "/base", program.path(name))


def distil(program, name, start, *overrides):
    """The metrics of each step of a student that follows `teacher` from `start`; its weights are in NAME."""
    run_dir, log = program.path(name + ".run"), program.path(name + ".log")
    process = program.popen(
        [program.binary, "distill", program.path("inputs/words.toml"), "--model", program.path(start), "--teacher",
         "words=" + program.path("teacher"), "--out", program.path(name), "--run-dir", run_dir, *overrides], log)
    finish(process)
    check(process.returncode == 0, text_of(log)[-600:])
    return [json.loads(line) for line in metric_lines(run_dir)]


def kl_of(program, model):
    """The reverse KL over the whole vocabulary, on the model's own samples."""
    return distil(program, "measured-" + model, model, *MEASURE)[0]["distill/kl"]


def objectives(program):
    config_keys.write_inputs(program.path("inputs"))
    base(program, "plain")
    base(program, "teacher", "seed=2", "base.sft.steps=40")
    before = kl_of(program, "plain")
    found = {}
    for objective, keys in OBJECTIVES.items():
        distil(program, objective, "plain", *TRAINING, f"distill.objective={objective}", *keys)
        found[objective] = kl_of(program, objective)
    report = ", ".join(f"{name} {kl:.3f}" for name, kl in found.items())
    # With so few samples one token of each says little: those two come nearer, and not as near.
    far = [name for name, kl in found.items() if kl > (0.9 if name.startswith("sampled") else 0.6) * before]
    check(not far, f"KL {before:.3f} before, after {report}: {', '.join(far)} did not come nearer")
    return f"KL {before:.3f} before, after {STEPS} steps of {report}"


def reward_beside_it(program):
    """A student whose teacher is what it starts from has its reward to learn from alone; samples are scored only then."""
    config_keys.write_inputs(program.path("inputs"))
    base(program, "plain")
    os.symlink(program.path("plain"), program.path("teacher"))
    with open(program.path("inputs/share.py"), "w") as file:
        file.write("def compute_score(data_source, solution_str, ground_truth, extra_info=None):\n"
                   "    return sum(c in 'aeiou' for c in solution_str) / max(1, len(solution_str))\n")
    own = [*TRAINING, "distill.rollout.n=8",
           "domain.words.reward_file=" + program.path("inputs/share.py")]
    scores = {}
    for coefficient in (0, COEFFICIENT):
        lines = distil(program, f"reward{coefficient}", "plain", *own, f"distill.reward_coef={coefficient}")
        scores[coefficient] = [line.get("critic/score/mean") for line in lines]
        check(all(("actor/pg_loss" in line) == (coefficient > 0) for line in lines), f"{lines[0]}")
    check(not any(scores[0]), "samples without a coefficient were scored")
    first, last = (sum(scores[COEFFICIENT][at]) / 5 for at in (slice(5), slice(-5, None)))
    check(last > first + 0.1, f"the reward went from {first:.3f} to {last:.3f}")

    # A sample whose reward program failed is left out: the mean of the others is not less for it.
    with open(program.path("inputs/fails.py"), "w") as file:
        file.write("def compute_score(data_source, solution_str, ground_truth, extra_info=None):\n"
                   "    if len(solution_str) % 3 == 0:\n        raise RuntimeError('it is down')\n    return 1.0\n")
    lines = distil(program, "failing", "plain", *own, "distill.steps=3", "distill.reward_coef=1",
                   "domain.words.reward_file=" + program.path("inputs/fails.py"))
    check(any(line.get("rollout/masked_samples", 0) > 0 for line in lines), f"no sample failed: {lines}")
    check(all(line["critic/score/mean"] == 1 for line in lines), f"a failure counts: {lines}")
    return f"mean reward {first:.3f} at first, {last:.3f} at last"


if __name__ == "__main__":
    sys.exit(main({"objectives": objectives, "reward_beside_it": reward_beside_it}))
