"""The first scripts of verl's and TRL's users, as docs/COMING_FROM_*.md have them, and the configs of examples/: they
run, at small size.

Usage: coming_from_test.py BINARY CHECK RUN_DIR, a finished run of configs/ci.toml; see tests/tests.cmake."""

import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

from run_harness import ROOT, check, main, results, text_of

# Under this program's names.
SMALL = {"steps": "2", "test_freq": "1", "data.train_batch_size": "4", "data.max_response_length": "32", "rollout.n": "2",
         "val_prompts": "2"}
QUESTIONS = [(f"{a} + {b}", a + b) for a in range(2, 9) for b in range(2, 9)]


def blocks(page, kind):
    return re.findall(rf"^ *```{kind}\n(.*?)^ *```", page, re.M | re.S)


def unindented(text):
    return re.sub(r"^  ", "", text, flags=re.M) if text.startswith("  ") else text


def run(program, folder, *command):
    environment = {**os.environ, "PATH": folder + ":" + os.environ["PATH"]}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)
    check(done.returncode == 0, f"{command}: {done.returncode}: {done.stderr[-900:]}")
    return done.stdout + done.stderr


def page_runs(program, ci_run, page_name, row_of, config_name, domain, theirs):
    """The page's script with its config, and its config alone: the same bytes. theirs: the script's names of what is
    made small, with values that mean those of SMALL."""
    page, folder = text_of(f"{ROOT}/docs/{page_name}"), program.path(domain)
    os.makedirs(folder + "/models")
    os.symlink(ci_run + "/base", folder + "/models/v4")
    os.symlink(program.binary, folder + "/amalgam")
    for name, rows in (("train", QUESTIONS[:30]), ("test", QUESTIONS[30:])):
        # A file's first bytes say what it is: JSON lines do in verl's place of parquet.
        for ending in ("jsonl", "parquet"):
            with open(f"{folder}/{name}.{ending}", "w", encoding="utf-8") as file:
                file.writelines(json.dumps(row_of(*q)) + "\n" for q in rows)
    reward = [unindented(b) for b in blocks(page, "python") if "# reward.py" in b]
    first, whole = blocks(page, "toml")[0], blocks(page, "toml")[-1]
    script = [b for b in blocks(page, "sh") if b.startswith("amalgam run")]
    check(len(reward) == 1 and len(script) == 1 and first != whole, f"{page_name}: other blocks than expected")
    for name, text in (("reward.py", reward[0]), (config_name, first), ("whole.toml", whole)):
        with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    words = shlex.split(script[0].replace("\\\n", " "))
    for name, value in theirs.items():
        at = [i for i, word in enumerate(words) if word.startswith(name + "=")]
        check(len(at) == 1, f"{page_name}: {name} is {len(at)} times in the script")
        words[at[0]] = f"{name}={value}"
    rest = ["rl.val_prompts=2", "eval.prompts=4", "eval.n=1"]
    said = run(program, folder, *words, *rest, *(["rl.test_freq=1"] if "test_freq" not in script[0] else []), "--run-dir", folder + "/script")
    run(program, folder, "amalgam", "run", "whole.toml", *rest, *[f"rl.{k}={v}" for k, v in SMALL.items() if k != "val_prompts"],
        "rl.ppo_mini_batches=1", "--run-dir", folder + "/config")
    same = [text_of(f"{folder}/{name}/config.toml").replace(f"{folder}/{name}", "") for name in ("script", "config")]
    different = [(a, b) for a, b in itertools.zip_longest(*(s.split("\n") for s in same)) if a != b]
    check(not different, f"{page_name}: the script and the config set different keys: {different[:5]}")
    with open(f"{folder}/script/specialist-{domain}/model.safetensors", "rb") as a, \
            open(f"{folder}/config/specialist-{domain}/model.safetensors", "rb") as b:
        check(a.read() == b.read(), f"{page_name}: the script and the config train different models")
    scores = results(folder + "/script")["domains"][domain]
    check(scores["base"] is not None and scores["specialist"] is not None, f"no scores: {scores}")
    return said


def from_verl(program, ci_run):
    page_runs(program, ci_run, "COMING_FROM_VERL.md", lambda q, a: {
        "data_source": "openai/gsm8k", "prompt": [{"role": "user", "content": q}], "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": str(a)}, "extra_info": {"split": "train"}},
        "gsm8k.toml", "gsm8k", {"trainer.total_training_steps": 2, "trainer.test_freq": 1, "data.train_batch_size": 4,
                                "actor_rollout_ref.actor.ppo_mini_batch_size": 4, "data.max_response_length": 32,
                                "actor_rollout_ref.rollout.n": 2})
    return "verl's GSM8K script and its config: the same model"


def from_trl(program, ci_run):
    page_runs(program, ci_run, "COMING_FROM_TRL.md", lambda q, a: {
        "prompt": [{"role": "user", "content": q}], "solution": str(a)}, "deepmath.toml", "deepmath",
        {"max_steps": 2, "num_generations": 2, "generation_batch_size": 8, "max_completion_length": 32})
    return "TRL's quick start and its config: the same model"


def example_configs(program, ci_run):
    """The commands at the top of each config, in the order in which they need each other."""
    folder = program.path("clone")
    os.makedirs(folder)
    shutil.copytree(ROOT + "/examples", folder + "/examples")
    os.symlink(program.binary, folder + "/amalgam")
    small = [f"rl.{key}={value}" for key, value in SMALL.items()]
    small += [f"distill.{key}={value}" for key, value in SMALL.items() if key != "val_prompts"]
    small += ["sft.steps=2", "sft.batch_tokens=512", "eval.prompts=4", "eval.n=2"]
    names = ["math_rl", "trl_reward", "own_tool", "chat_sft", "merge"]
    check(set(names) == {e.name for e in os.scandir(ROOT + "/examples") if e.is_dir()}, "an example that is not run")
    count = 0
    for name in names:
        top = re.split(r"^[^#]", text_of(f"{ROOT}/examples/{name}/{name}.toml"), maxsplit=1, flags=re.M)[0]
        lines = re.findall(r"^#   (amalgam .*)$", top.replace("\\\n#  ", ""), re.M)
        check(lines, f"{name} has no commands")
        if name == "trl_reward":  # another model of that name
            shutil.rmtree(folder + "/models/word-problems", ignore_errors=True)
        for line in lines:
            words = shlex.split(line.replace("MODEL", ci_run + "/base").replace("BASE", ci_run + "/base"))
            takes_keys = words[1] in ("rl", "sft", "distill", "eval")
            printed = run(program, folder, *words, *(small if takes_keys else []))
            check(printed.strip(), f"{line}: prints nothing")
            count += 1
    return f"{count} commands of {len(names)} examples"


if __name__ == "__main__":
    sys.exit(main({f.__name__: f for f in (from_verl, from_trl, example_configs)}))
