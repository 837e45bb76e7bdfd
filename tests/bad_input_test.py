"""Bad input and a failing world: one line that says what to do, or a run that goes on.

Usage: bad_input_test.py BINARY CHECK [ARGUMENT…]; tests/tests.cmake lists the checks."""

import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time

from run_harness import (CONFIG, ROOT, SMALL, Failure, check, check_rewards_vary, check_same, children,
                         finish, main, metric_lines, outcome, results, rows_of, text_of, unset_fields)

SKIPPED = 77
OWN_DOMAIN = os.path.join(ROOT, "configs", "own_domain")


def own_domain(program, name):
    """A copy of configs/own_domain to spoil, and the overrides that use it."""
    folder = program.path(name)
    shutil.copytree(OWN_DOMAIN, folder)
    return folder, [f"domain.dates.{key}={folder}/{file}" for key, file in (
        ("train_file", "train.jsonl"), ("heldout_file", "heldout.jsonl"),
        ("sft_file", "sft.jsonl"), ("reward_file", "reward.py"))]


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


# What is wrong before anything has run: exactly one line.


def bad_config(program):
    run_dir = program.path("run")
    shown = []

    def fails(words, *arguments, config=CONFIG):
        command = [program.binary, "run", config, "--run-dir", run_dir, *arguments]
        lines = program.fails(command, program.path("log"))
        check(len(lines) == 1 and lines[0].startswith("amalgam: "), f"not one line: {lines}")
        for word in words:
            check(word in lines[0], f"'{word}' is not in: {lines[0]}")
        shown.append(words[0])

    fails(["stepz", "did you mean", "steps"], "rl.stepz=3")
    fails(["generater"], "domain.code.generater=code")
    fails(["rl.steps"], "rl.steps=many")
    fails(["rl.optim.lr", "7"], "rl.optim.lr=7")
    fails(["ppo_mini_batches"], "rl.ppo_mini_batches=3")
    write(program.path("chat.jsonl"), '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n')
    write(program.path("chat.toml"), '[[domain]]\nname = "chat"\nsft_file = "chat.jsonl"\n')
    fails(["domain 'chat': run needs train_file"], config=program.path("chat.toml"))
    write(program.path("none.toml"), '[[domain]]\nname = "chat"\n')
    fails(["needs a generator or files: train_file and heldout_file"], config=program.path("none.toml"))
    fails(["no_such.toml"], config=program.path("no_such.toml"))
    spoiled = program.path("spoiled.toml")
    write(spoiled, "seed = 1\n[rl]\nstepz = 3\n")
    fails(["spoiled.toml:3", "steps"], config=spoiled)
    write(spoiled, "seed = 1\n[rl\n")
    fails(["spoiled.toml:2"], config=spoiled)
    fails(["--treads", "--threads"], "--treads", "2")
    fails(["avx3"], "--isa", "avx3")
    fails(["--log-level", "did you mean sandbox?"], "--log-level", "sandbix=debug")
    fails(["log.level", "did you mean info?"], "log.level=infos")

    fails(["no_rows.jsonl"], f"domain.dates.train_file={program.path('no_rows.jsonl')}")
    folder, overrides = own_domain(program, "rows")
    rows = text_of(folder + "/train.jsonl").split("\n")
    for text, words in (("{\"prompt\": ", ["train.jsonl:3", "JSON"]),
                        ("[1, 2]", ["train.jsonl:3", "object"]),
                        ("{\"data_source\": \"dates\"}", ["train.jsonl:3", "prompt"]),
                        ("{\"prompt\": 5}", ["train.jsonl:3", "prompt"])):
        write(folder + "/train.jsonl", "\n".join([*rows[:2], text, *rows[3:]]))
        fails(words, *overrides)
    write(folder + "/train.jsonl", "\n")
    fails(["train.jsonl", "no rows"], *overrides)

    folder, overrides = own_domain(program, "reward")
    for text, words in (("def compute_score(:\n", ["reward.py", "SyntaxError"]),
                        ("import no_such_package\n", ["reward.py", "no_such_package"]),
                        ("def other(x):\n    return 1\n", ["reward.py", "compute_score"]),
                        ("import os\nos._exit(3)\n", ["reward.py"])):
        write(folder + "/reward.py", text)
        fails(words, *overrides)
    fails(["no_reward.py"], f"domain.dates.reward_file={program.path('no_reward.py')}")
    check(not os.path.exists(run_dir + "/run.sqlite"), "a run was begun")
    return f"{len(shown)} wrong configs, rows and reward files: one line each, exit code 1"


def bad_judge(program, ci_run):
    """What is wrong with a judge, its rubrics, its prompt and its labelled rows: one line, before anything is sampled."""
    golden, shown = os.path.join(ROOT, "tests", "golden", "judge"), []
    run_dir = program.path("run")

    def refused(words, change=None, *overrides):
        """change: (file, line, another text of it, from 1), or a text of the config and what stands in its place."""
        folder = program.path(f"files{len(shown)}")
        shutil.copytree(golden, folder)
        if change and len(change) == 3:
            name, place, text = change
            lines = text_of(f"{folder}/{name}").split("\n")
            lines[place - 1] = text if isinstance(text, str) else json.dumps({**json.loads(lines[place - 1]), **text})
            write(f"{folder}/{name}", "\n".join(lines))
        elif change:
            text = text_of(folder + "/rubric.toml")
            check(change[0] in text, f"the config has no {change[0]}")
            write(folder + "/rubric.toml", text.replace(*change))
        config = [folder + "/rubric.toml", f"model.path={ci_run}/base", *overrides]
        lines = program.fails([program.binary, "run", *config, "--run-dir", run_dir], program.path("log"))
        check(len(lines) == 1 and lines[0].startswith("amalgam: "), f"not one line: {lines}")
        doctor = subprocess.run([program.binary, "doctor", *config], capture_output=True, text=True, timeout=300, check=False)
        check(doctor.returncode == 1, f"doctor is content with {words}: {doctor.stdout}")
        for word in words:
            check(word in lines[0], f"'{word}' is not in: {lines[0]}")
            check(word in doctor.stdout + doctor.stderr, f"doctor does not say '{word}': {doctor.stdout} {doctor.stderr}")
        shown.append(words)

    refused(["train.jsonl:3: ", "the row has no rubric"], ("train.jsonl", 3, {"rubric": []}))
    refused(["test.jsonl:2: ", "sum to 0"], ("test.jsonl", 2, {"rubric": [{"text": "a", "weight": 1}, {"text": "b", "weight": -1}]}))
    refused(["train.jsonl:3: ", "no weight of the rubric is positive"], ("train.jsonl", 3, {"rubric": [{"text": "a", "weight": -1}]}))
    refused(["train.jsonl:3: ", "has no text"], ("train.jsonl", 3, {"rubric": [" "]}))
    refused(["judge_train.jsonl:4: ", "has 9 labels", "give one for each"], ("judge_train.jsonl", 4, {"labels": [1] * 9}))
    refused(["judge_heldout.jsonl:2: ", "a label is true, false or a number"], ("judge_heldout.jsonl", 2, {"labels": ["yes"] * 4}))
    refused(["judge_train.jsonl:1: ", "there is no answer"], ("judge_train.jsonl", 1, {"answer": ""}))
    refused(["judge_train.jsonl:1: ", "there are no two answers"], ("yes_no", "pairwise"), "judge.template=",
            "judge.heldout_file=")
    refused(["judge.txt:4: ", "no place for an answer", "{answer}"], ("judge.txt", 4, "Text :"))
    refused(["judge.txt:2: ", "{qestion} is no place", "{question}"], ("judge.txt", 2, "{qestion}"))
    refused(["judge.txt:3: ", "not closed"], ("judge.txt", 3, "{rubric"))
    refused(["no_template.txt", "cannot be read"], ("judge.txt", "no_template.txt"))
    refused(["no_rows.jsonl"], ("judge_train.jsonl", "no_rows.jsonl"))

    # Another tokenizer than the models of the run.
    other = program.path("other")
    shutil.copytree(ci_run + "/base", other)
    tokenizer = json.loads(text_of(other + "/tokenizer.json"))
    vocabulary = tokenizer["model"]["vocab"]
    a, b = list(vocabulary)[300:302]
    vocabulary[a], vocabulary[b] = vocabulary[b], vocabulary[a]
    write(other + "/tokenizer.json", json.dumps(tokenizer))
    refused(["judge.model", "other has another tokenizer"], None, f"judge.model={other}")
    refused(["no_model"], None, f"judge.model={program.path('no_model')}")

    # Keys that contradict each other; with the place in the config.
    refused(["rubric.toml:", "rl.select_by", "set last or agreement"], ("test_freq = 2", 'test_freq = 2\nselect_by = "accuracy"'))
    refused(["rubric.toml:", "judge.ratio", "nothing has labels", "judge.ratio = 0"],
            ('judge.train_file = "judge_train.jsonl"', "judge.label_share = 0"))
    refused(["rubric.toml:", "judge.ratio", "nothing has labels"],
            ('reward_file = "reward.py"\njudge.train_file = "judge_train.jsonl"', ""))
    refused(["rubric.toml:", "rl.select_by", "agreement is of a judge"],
            ('val_prompts = 6\n[distill]\nsteps = 0\n[eval]\nprompts = 8\nn = 2\n[judge]\nform = "yes_no"',
             'select_by = "agreement"\n[distill]\nsteps = 0\n[judge]\nform = "none"'))
    refused(["rubric.toml:", "brier is about criteria"], ('"yes_no"', '"pairwise"\nreward = "brier"'))
    check(not os.path.exists(run_dir), "a run was begun")
    return f"{len(shown)} wrong rubrics, rows, templates and configs of a judge: one line each, of run and of doctor"


def left_out(program, ci_run):
    """Rows that cannot be used, and prompts that are too long: said, refused or left out, and counted."""
    folder, overrides = own_domain(program, "rows")
    rows = text_of(folder + "/train.jsonl").split("\n")
    for i in range(40, 53):
        rows[i] = json.dumps({**json.loads(rows[i]), "tools": ["no_such_tool"]})
    write(folder + "/train.jsonl", "\n".join(rows))
    held_out = [json.loads(line) for line in text_of(folder + "/heldout.jsonl").strip().split("\n")[:40]]
    for row in held_out[1::4]:  # every second test row
        row["prompt"][0]["content"] *= 30
    write(folder + "/heldout.jsonl", "".join(json.dumps(row) + "\n" for row in held_out))
    settings = [*SMALL, *overrides]

    def command(name, *arguments):
        return [program.binary, name, CONFIG, "--model", f"{ci_run}/base", "--domain", "dates",
                "--run-dir", program.path(name + "-run"), *arguments, *settings]

    rl = command("rl", "--out", program.path("rl"))
    log = program.path("log")
    lines = program.fails(rl, log)
    expected = [f"{folder}/train.jsonl:{i + 1}: " for i in range(40, 50)]
    check(len(lines) == 12 and all(line.startswith(e) for line, e in zip(lines, expected)) and
          lines[10] == f"{folder}/train.jsonl: and 3 more rows that cannot be used" and
          lines[11].startswith("amalgam: ") and "--skip-bad-rows" in lines[11], f"says {lines}")
    check(not os.path.exists(program.path("rl-run")), "a refused start left a directory behind")
    process = program.popen([*rl, "--skip-bad-rows"], log)
    finish(process)
    check(process.returncode == 0, text_of(log)[-600:])
    check(f"{folder}/train.jsonl: 13 of 600 rows cannot be used and are left out; the first: "
          f"{folder}/train.jsonl:41: " in text_of(log), text_of(log))
    figures = {name: int(value) for name, value in rows_of(
        program.path("rl-run"), "SELECT name, value FROM figures WHERE stage = 'rl-dates' AND name LIKE 'prompts%'")}
    check(figures["prompts_bad/train/dates"] == 13 and figures["prompts/train/dates"] == 587, f"{figures}")

    table = subprocess.run([*command("eval", "--skip-bad-rows"), "eval.prompts=20"], capture_output=True,
                           text=True, timeout=300, check=False)
    said = "domain dates: 10 of 20 test prompts are left out: longer than 256 tokens (data.max_prompt_length)"
    check(table.returncode == 0 and table.stderr.split("\n").count(said) == 1, table.stderr[-900:])
    for line in table.stdout.strip().split("\n"):
        check(line.endswith("mean of 10 of 20 prompts: 10 longer than 256 tokens"), table.stdout)
    return "13 bad rows are named, refused, and left out when told so; a mean says of which prompts it is"


# What is wrong with a model or shows up while running: one line of ours, the last.


def bad_model(program, ci_run):
    shown = 0

    def fails(words, *arguments):
        nonlocal shown
        run_dir = program.path(f"run{shown}")
        lines = program.fails([program.binary, "run", CONFIG, "--run-dir", run_dir, *SMALL,
                               *arguments], program.path("log"))
        errors = [line for line in lines if line.startswith("amalgam: ")]
        check(len(errors) == 1 and lines[-1] == errors[0], f"not one line, at the end: {lines}")
        for word in words:
            check(word in errors[0], f"'{word}' is not in: {errors[0]}")
        shown += 1

    def spoiled(name):
        folder = program.path(name)
        shutil.copytree(ci_run + "/base", folder)
        return folder, f"model.path={folder}"

    fails(["no_model"], f"model.path={program.path('no_model')}")
    folder, override = spoiled("shape")
    config = json.loads(text_of(folder + "/config.json"))
    write(folder + "/config.json", json.dumps(config | {"moe_intermediate_size":
                                                        2 * config["moe_intermediate_size"]}))
    fails(["shape"], override)
    folder, override = spoiled("cut")
    size = os.path.getsize(folder + "/model.safetensors")
    os.truncate(folder + "/model.safetensors", size * 2 // 3)
    fails(["model.safetensors"], override)
    folder, override = spoiled("header")
    os.truncate(folder + "/model.safetensors", 5)
    fails(["model.safetensors"], override)
    folder, override = spoiled("tokenizer")
    os.remove(folder + "/tokenizer.json")
    fails(["tokenizer.json"], override)
    folder, override = spoiled("json")
    write(folder + "/config.json", "{")
    fails(["config.json"], override)
    fails(["max_prompt_length", "raise it"], f"model.path={ci_run}/base",
          "rl.data.max_prompt_length=4")
    return f"{shown} wrong models and prompts that are all too long: one line each, exit code 1"


def not_finite(program, ci_run):
    """Weights whose products overflow: every stage stops before its first update and says where."""
    base = program.path("overflows")
    shutil.copytree(ci_run + "/base", base)
    with open(base + "/model.safetensors", "r+b") as file:
        size, = struct.unpack("<Q", file.read(8))
        begin, end = json.loads(file.read(size))["head.weight"]["data_offsets"]
        file.seek(8 + size + begin)
        file.write(struct.pack("<2f", 3e38, -3e38) * ((end - begin) // 8))
    teachers = [a for domain in ("math", "code", "dates") for a in ("--teacher", f"{domain}={ci_run}/base")]
    for command, what in ((["sft", "--domain", "math"], ["sft-math, step 0", "the loss of answer"]),
                          (["rl", "--domain", "math"], ["rl-math, step 0", "sample", "math-train-", "log-probability"]),
                          (["distill", *teachers], ["distill-lr0.0005, step 0", "sample", "-train-", "log-probability"])):
        out = program.path("out-" + command[0])
        lines = program.fails([program.binary, command[0], CONFIG, "--model", base, "--out", out, "--run-dir",
                               out + ".run", *command[1:], *SMALL, "sft.steps=2"], program.path("log"))
        check(lines[-1].startswith("amalgam: ") and "no weight was changed" in lines[-1] and
              all(word in lines[-1] for word in what), f"{command[0]}: {lines[-3:]}")
        check(not os.path.exists(out), f"{command[0]} left a model")
    return "sft, rl and distill stop at a number that is not finite, with stage, step and sample, and leave no model"


# The user's reward function fails while the run goes on.


def reward_faults(program, ci_run):
    settings = [*SMALL, f"model.path={ci_run}/base", "eval.prompts=8"]
    whole = program.path("whole")
    program.run(whole, *settings)
    expected = outcome(whole)
    check_rewards_vary(whole, "rl-dates")
    good = text_of(OWN_DOMAIN + "/reward.py")

    def variant(name, prologue, body):
        """Runs with compute_score replaced by `body`, which may call `good`."""
        folder, overrides = own_domain(program, name)
        renamed = good.replace("def compute_score(", "def good(")
        write(folder + "/reward.py", f"import os, time\n{prologue}\n{renamed}\n\n"
              "def compute_score(data_source, solution_str, ground_truth, extra_info=None):\n"
              f"{body}\n    return good(data_source, solution_str, ground_truth, extra_info)\n")
        run_dir = program.path(name + "-run")
        program.run(run_dir, *settings, *overrides)
        return run_dir

    def attempts(run_dir):
        """{kind: failed attempts to score}, of all stages."""
        return {name.split("/")[1]: int(count) for name, count in rows_of(
            run_dir, "SELECT name, SUM(value) FROM figures WHERE name LIKE 'failures/%' GROUP BY 1")}

    counts = []
    # Faults that pass: tried again, same bytes.
    once = ("\n    if not os.path.exists(FLAG):\n        open(FLAG, 'w').close()\n        ")
    for name, fault in (("dies-once", "os._exit(9)"), ("raises-once", "raise OSError('gone')"),
                        ("hangs-once", "time.sleep(1000)"), ("nan-once", "return float('nan')")):
        run_dir = variant(name, f"FLAG = {program.path(name + '.flag')!r}", once + fault)
        check(os.path.exists(program.path(name + ".flag")), f"{name}: was never called")
        check_same(run_dir, expected, name)
        kinds = attempts(run_dir)
        check(sum(kinds.values()) == 1, f"{name}: counted as {kinds}")
        counts.append(f"{name} as {list(kinds)[0]}")
    # Faults that stay, for some answers: those samples are masked and counted, the run goes on.
    for name, fault, kind in (("dies", "os._exit(9)", "verifier_failed"),
                              ("wrong-type", "return 'good'", "wrong_type"),
                              ("not-finite", "return float('nan') if int(ground_truth[-2]) % 2 "
                               "else {'score': -float('inf')}", "not_finite")):
        run_dir = variant(name, "", "    if int(ground_truth[-1]) % 2:\n        " + fault)
        failed = rows_of(run_dir, "SELECT COUNT(*) FROM trajectories WHERE domain = 'dates' AND "
                         "outcome = 'OUTCOME_VERIFIER_FAILED' AND failure_kind = ? AND reward IS NULL",
                         kind)[0][0]
        masked = rows_of(run_dir, "SELECT value FROM figures WHERE stage = 'rl-dates' AND "
                         "name = 'masked_samples'")
        check(failed > 0 and masked and masked[0][0] > 0, f"{name}: nothing was counted")
        check(rows_of(run_dir, "SELECT COUNT(*) FROM trajectories WHERE reward IS NULL AND stage "
                      "LIKE 'rl-%' OR failure_kind IS NOT NULL") == [(failed,)], f"{name}: others too")
        # Each was tried four times.
        check(attempts(run_dir) == {kind: 4 * failed}, f"{name}: {attempts(run_dir)}, {failed} samples")
        unset = unset_fields(run_dir)
        check(unset == {"index_entries", "forced_thinking_ends"}, f"{name}: fields not set: {unset}")
        page = text_of(run_dir + "/report.html")
        check(f"<td>{kind}</td>" in page, f"{name}: the report does not say it")
        counts.append(f"{name} {failed}")
    # One that never works: the run ends and says so.
    folder, overrides = own_domain(program, "never")
    write(folder + "/reward.py", "def compute_score(*a, **k):\n    raise KeyError('answer')\n")
    lines = program.fails([program.binary, "run", CONFIG, "--run-dir", program.path("never-run"),
                           *settings, *overrides], program.path("log"))
    check("reward.py" in lines[-1] and "KeyError" in lines[-1], f"does not say why: {lines[-1]}")
    shutil.copy(OWN_DOMAIN + "/reward.py", folder)
    program.run(program.path("never-run"), "--resume", *settings, *overrides)
    check_same(program.path("never-run"), expected, "after mending the reward function")
    return ("a reward function that failed once changed no byte; samples it could "
            f"never score were masked and counted ({', '.join(counts)}); one that never works "
            "ends the run with its own error, and mended it goes on to the same bytes")


def reward_hangs(program, ci_run):
    """A function that never answers: it is said, and the run ends long before the last call has."""
    settings = [*SMALL, f"model.path={ci_run}/base", "eval.prompts=8", "reward.deadline_s=15",
                "reward.processes=2"]
    whole, run_dir, log = program.path("whole"), program.path("hangs-run"), program.path("log")
    program.run(whole, *settings)
    folder, overrides = own_domain(program, "hangs")
    write(folder + "/reward.py", "import time\ndef compute_score(*a, **k):\n    time.sleep(10_000)\n")
    process = program.start(run_dir, *settings, *overrides, log=log)
    seen = {}  # words: when
    while process.poll() is None:
        text = text_of(log)
        for words in ("no answer within 15 s; it is tried again", "reward calls wait, the first for"):
            if words in text:
                seen.setdefault(words, time.monotonic())
        callers = list(children(process.pid).values()).count("python3")
        check(callers <= 2, f"{callers} processes call the function")
        time.sleep(0.1)
    end = time.monotonic()
    lines = text_of(log).strip().split("\n")
    check(process.returncode == 1 and len(seen) == 2, f"{process.returncode}, {seen}: {lines[-5:]}")
    # 16 samples, twice each, two at a time, would be four minutes.
    took = end - seen["no answer within 15 s; it is tried again"]
    check(took < 90, f"ended {took:.0f} s after the first failure")
    check("rl-dates step 0" in lines[-1] and "no answer within 15 s" in lines[-1],
          f"does not say why: {lines[-1]}")
    shutil.copy(OWN_DOMAIN + "/reward.py", folder)
    program.run(run_dir, "--resume", *settings, *overrides)
    check_same(run_dir, outcome(whole), "after mending the reward function")
    return (f"a reward function that never answers ended the run {took:.0f} s after its first failure; "
            "mended it goes on to the same bytes")


# Directories that cannot be written.


def full_disk(program, ci_run):
    """On a small tmpfs that is filled up while the run goes on; without the right to mount one,
    with a limit on the size of files."""
    settings = [*SMALL, f"model.path={ci_run}/base"]
    whole = program.path("whole")
    program.run(whole, *settings)
    expected = outcome(whole)
    check_rewards_vary(whole, "rl-dates")
    mount = program.path("disk")
    os.mkdir(mount)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "none", mount],
                      capture_output=True).returncode != 0:
        return file_size_limit(program, settings, expected)
    try:
        run_dir, kinds = mount + "/run", []
        # Ever less: what a later part still has to write would fit into more.
        for kilobytes in (700, 40, 0):
            log = program.path("disk.log")
            process = program.start(run_dir, "--resume", *settings, log=log)
            while process.poll() is None and len(metric_lines(run_dir)) < 3 + 5 * len(kinds):
                time.sleep(0.01)
            process.send_signal(signal.SIGSTOP)
            fill(mount + "/balloon", kilobytes << 10)
            process.send_signal(signal.SIGCONT)
            finish(process)
            lines = text_of(log).replace("\r", "\n").strip().split("\n")
            errors = [line for line in lines if line.startswith("amalgam: ")]
            check(process.returncode == 1, f"exit code {process.returncode}: {lines[-3:]}")
            check(len(errors) == 1 and lines[-1] == errors[0] and
                  any(w in errors[0] for w in ("disk", "space")), f"not one clear line: {lines}")
            kinds.append(errors[0])
            os.remove(mount + "/balloon")
        program.run(run_dir, "--resume", *settings, log=program.path("disk.log"))
        check_same(run_dir, expected, "after a full disk")
    finally:
        subprocess.run(["umount", "-l", mount], check=True)
    return f"the disk was full {len(kinds)} times, one line each, then the same bytes"


def fill(path, leave_bytes):
    with open(path, "wb", buffering=0) as balloon:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    balloon.write(b"\0" * size)
            except OSError:
                pass
        if leave_bytes:
            balloon.truncate(max(0, os.path.getsize(path) - leave_bytes))


def file_size_limit(program, settings, expected):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))

    run_dir = program.path("limited")
    lines = program.fails([program.binary, "run", CONFIG, "--run-dir", run_dir, *settings],
                          program.path("log"), preexec_fn=limit)
    check(lines[-1].startswith("amalgam: ") and "File too large" in lines[-1],
          f"not one clear line: {lines[-3:]}")
    program.run(run_dir, "--resume", *settings)
    check_same(run_dir, expected, "after a full disk")
    return "a file that could not grow: one line, then the same bytes"


def read_only(program):
    """As a user who may not write there."""
    binary = program.path("amalgam")
    shutil.copy(program.binary, binary)
    config = program.path("configs")
    shutil.copytree(os.path.join(ROOT, "configs"), config)
    run_dir = program.path("run")
    os.mkdir(run_dir, 0o555)
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    for directory in (run_dir, run_dir + "/below"):
        lines = program.fails([*user, binary, "run", config + "/ci.toml", "--run-dir", directory],
                              program.path("log"))
        errors = [line for line in lines if line.startswith("amalgam: ")]
        check(len(errors) == 1 and lines[-1] == errors[0] and run_dir in lines[-1] and
              "ermission" in lines[-1], f"not one clear line: {lines}")
    return "a run directory that may not be written: one line, exit code 1"


if __name__ == "__main__":
    sys.exit(main({f.__name__: f for f in (bad_config, bad_judge, left_out, bad_model, not_finite, reward_faults, reward_hangs,
                                           full_disk, read_only)}))
