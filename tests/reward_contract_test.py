"""What a user's files and functions are told, seen from their side: docs/REWARDS.md.

Usage: reward_contract_test.py BINARY CHECK [ARGUMENT…]; see tests/tests.cmake."""

import json
import os
import subprocess
import sys
import time

from run_harness import (CONFIG, ROOT, SMALL, check, check_rewards_vary, check_same, finish, kill_all, main,
                         outcome, text_of, trajectories)

KEYS = ["messages", "finish_reason", "num_turns", "effort", "response_tokens", "thinking_tokens",
        "forced_thinking_ends", "sample_id"]

VERL = """
import json
def compute_score(data_source, solution_str, ground_truth, extra_info):
    with open(OUT, "a") as file:
        file.write(json.dumps([solution_str, extra_info]) + "\\n")
    return len(solution_str)
"""
TRL = """
import json
def some_reward(completions, prompts, colour=None, **columns):
    assert set(columns) >= {"reward_model", "extra_info", "rubric"}, columns
    assert colour == ["red"] * len(completions), colour
    with open(OUT, "a") as file:
        for c, info in zip(completions, columns["extra_info"]):
            file.write(json.dumps([c[0]["content"], info]) + "\\n")
    return [float(len(c[0]["content"])) for c in completions]
"""


def rows(count, **more):
    for i in range(count):
        yield json.dumps({"prompt": [{"role": "user", "content": f"Date: {i + 1} May 2013"}], **more}) + "\n"


def told(program, ci_run, name, function, extra, **more):
    """Scores a few answers of the trained base; what the function was told, and what was printed."""
    out, reward, heldout = (program.path(name + end) for end in (".told", ".py", ".jsonl"))
    with open(reward, "w") as file:
        file.write(f"OUT = {out!r}\n{function}")
    with open(heldout, "w") as file:
        file.writelines(rows(6, reward_model={"style": "rule", "ground_truth": "2013-05-18", "unit": 1},
                             extra_info=extra, **more))
    log = program.path(name + ".log")
    process = program.popen(
        [program.binary, "eval", CONFIG, "--model", f"{ci_run}/base", "--domain", "dates", "--all-rows",
         "--run-dir",
         program.path(name), *SMALL, f"domain.dates.heldout_file={heldout}",
         f"domain.dates.reward_file={reward}", "domain.dates.reward_function=" +
         ("compute_score" if "compute_score" in function else "some_reward"), "eval.prompts=6"], log)
    finish(process)
    check(process.returncode == 0, text_of(log)[-600:])
    lines = [line for line in text_of(log).split("\n") if line.startswith(heldout)]
    return [json.loads(line) for line in text_of(out).strip().split("\n")], [
        line[len(heldout) + 2:] for line in lines]


def contract(program, ci_run):
    for name, function in (("verl", VERL), ("trl", TRL)):
        samples, notes = told(program, ci_run, name, function, {"index": 3, "num_turns": 9},
                              colour="red", rubric=["be brief"], effort="none")
        check(len(samples) == 6 * 2 + 6, f"{len(samples)} samples")  # eval.n = 2, and greedy
        for text, info in samples:
            check("<｜" not in text, f"a token's text is in {text!r}")
            check(all(key in info for key in KEYS), f"keys are missing: {list(info)}")
            check(info["index"] == 3 and info["num_turns"] == 9 and info["effort"] == "none",
                  f"the row's own keys do not win: {info}")
            check(info["thinking_tokens"] == 0 and 0 < info["response_tokens"] <= 48, f"{info}")
            question, answer = info["messages"]
            check(question["role"] == "user" and answer["role"] == "assistant" and
                  answer["content"] == text, f"{info['messages']} for {text!r}")
            check(info["finish_reason"] in ("stop", "length"), f"{info['finish_reason']}")
        ids = {info["sample_id"] for _, info in samples}
        check(len(ids) == len(samples), f"sample_id is not unique: {sorted(ids)}")
        check(any(text in ("2013-05-01", "01.05.2013") for text, _ in samples),
              f"no answer in a form that a function could expect: {samples[0][0]!r}")
        expected = ['extra_info has a "num_turns" of its own; the reward function gets that one, not '
                    "the sample's (6 rows)"]
        if name == "verl":
            expected = ['column "colour" is not used (6 rows)',
                        'column "reward_model.unit" is not used (6 rows)',
                        'column "rubric" is not used (6 rows)'] + expected
        check(notes == expected, f"{name} says {notes}")
    return "functions of both forms are told what docs/REWARDS.md says, unused columns are said once"


# Depends on the whole of a batch, its order, and random numbers.
BATCH = """
import json, random, time
def group_reward(completions, extra_info, nap_s=0, **columns):
    if extra_info[0]["sample_id"].startswith("rl-dates/"):
        time.sleep(nap_s)
    with open(OUT, "a") as file:
        file.write(json.dumps([info["sample_id"] for info in extra_info]) + "\\n")
    scores = [len(c[0]["content"]) + i + random.random() for i, c in enumerate(completions)]
    return [s - sum(scores) / len(scores) for s in scores]
"""


def batches(program, ci_run):
    """Whole groups, and the same bytes, for any number of processes and after kills."""
    def start(name, *arguments):
        out, reward = program.path(name + ".told"), program.path(name + ".py")
        with open(reward, "w") as file:
            file.write(f"OUT = {out!r}\n{BATCH}")
        process = program.start(
            program.path(name), *SMALL, f"model.path={ci_run}/base",
            f"domain.dates.reward_file={reward}", "domain.dates.reward_function=group_reward",
            *arguments)
        return process, out

    def calls(out):
        """{prompt of a step: how often it was scored}, each time whole."""
        seen = {}
        for line in text_of(out).strip().split("\n"):
            prompts, numbers = zip(*(sample.rsplit("/", 1) for sample in json.loads(line)))
            check(len(set(prompts)) == 1, f"prompts are joined: {line}")
            size = 4 if prompts[0].startswith("rl-dates/") else len(numbers)
            check(numbers == tuple(map(str, range(size))), f"not a whole group: {line}")
            seen[prompts[0]] = seen.get(prompts[0], 0) + 1
        return seen

    process, out = start("one", "reward.processes=1")
    finish(process)
    check(process.returncode == 0, text_of(program.path("one.log"))[-600:])
    expected, prompts = outcome(program.path("one")), calls(out)
    check_rewards_vary(program.path("one"), "rl-dates")
    check(set(prompts.values()) == {1}, f"scored again: {prompts}")
    process, out = start("four", "reward.processes=4", "--workers", "2")
    finish(process)
    check(process.returncode == 0, text_of(program.path("four.log"))[-600:])
    check_same(program.path("four"), expected, "four processes and two workers")
    check(calls(out) == prompts, "four processes: other calls")

    # Killed with half a step scored, and the log torn inside a group.
    killed, slowly = program.path("killed"), ("--resume", "reward.processes=1", "reward.kwargs={nap_s=0.5}")
    for step in (0, 1):
        process, out = start("killed", *slowly)
        while process.poll() is None and not any(
                key[:2] == ("rl-dates", step) for key, *_ in trajectories(killed)):
            time.sleep(0.005)
        kill_all(process)
        check(process.returncode == -9, f"was not killed in step {step}")
        log = killed + "/trajectories/rl-dates.log"
        os.truncate(log, os.path.getsize(log) - 20)
    process, out = start("killed", *slowly)
    finish(process)
    check(process.returncode == 0, text_of(program.path("killed.log"))[-600:])
    check_same(program.path("killed"), expected, "killed")
    again = sum(count > 1 for count in calls(out).values())
    check(again > 0, "no group was scored again")
    return f"{len(prompts)} whole groups, the same for 1 and 4 processes and after kills ({again} scored again)"


def unused_keys(program, ci_run):
    """Of files that a run would read; it says so even if it then does nothing."""
    sft = program.path("sft.jsonl")
    with open(sft, "w") as file:
        for i in range(3):
            file.write(json.dumps({"effort": "none", "mesages": 1, "messages": [
                {"role": "user", "content": "Date: 1 May 2013", "name": "Ann"},
                {"role": "assistant", "content": "2013-05-01", "reasoning": "may is 5",
                 "reasoning_content": "may is 5"}]}) + "\n")
    log = program.path("log")
    process = program.popen(
        [program.binary, "sft", CONFIG, "--model", f"{ci_run}/base", "--domain", "dates", "--out",
         program.path("out"), *SMALL, "sft.steps=1", f"domain.dates.sft_file={sft}"], log)
    finish(process)
    check(process.returncode == 0, text_of(log)[-600:])
    notes = [line[len(sft) + 2:] for line in text_of(log).split("\n") if line.startswith(sft)]
    check(notes == [
        'column "mesages" is not used; did you mean "messages"? (3 rows)',
        'key "name" of messages is not used (3 rows)',
        'key "reasoning" of messages is not used; did you mean "reasoning_content"? (3 rows)',
        'key "reasoning_content" of messages is not used in chat mode (3 rows)'], f"{notes}")
    quiet = program.path("quiet.log")
    process = program.popen(
        [program.binary, "eval", CONFIG, "--model", f"{ci_run}/base", "--domain", "dates", "--all-rows",
         "--run-dir",
         program.path("quiet"), *SMALL], quiet)
    finish(process)
    check(process.returncode == 0 and "not used" not in text_of(quiet), text_of(quiet)[-600:])

    # The keys of a row of `generate`: each has an effect or is said.
    def generate(*more):
        path, out = program.path("rows.jsonl"), program.path("out.jsonl")
        with open(path, "w") as file:
            for extra in more:
                file.write(json.dumps({"messages": [
                    {"role": "user", "content": "Date: 1 May 2013"},
                    {"role": "assistant", "content": "2013-05-01", "reasoning_content": "may is 5"},
                    {"role": "user", "content": "Date: 2 May 2013"}], "seed": 1, "max_tokens": 24,
                    **extra}) + "\n")
        done = subprocess.run([program.binary, "generate", "--model", f"{ci_run}/base", "--in", path,
                               "--out", out], capture_output=True, text=True, timeout=300, check=False)
        check(done.returncode == 0, done.stderr)
        notes = [line[len(path) + 2:] for line in done.stderr.split("\n") if line.startswith(path)]
        return [json.loads(line)["logprobs"] for line in text_of(out).strip().split("\n")], notes

    thinking = {"thinking_mode": "thinking"}
    (plain, effort, kept), notes = generate(thinking, {**thinking, "reasoning_effort": "max"},
                                            {**thinking, "drop_thinking": False})
    check(plain != effort and plain != kept and not notes, f"a key has no effect: {notes}")
    # An effort decides the mode, unless the row says it.
    (chat, none, high, line), notes = generate({}, {"reasoning_effort": "none"}, {"reasoning_effort": "high"},
                                               {"reasoning_effort": 40, "effort_form": "line"})
    check(chat == none and high == plain and line not in (chat, plain, effort) and not notes,
          f"efforts of requests: {notes}")
    (chat, same), notes = generate({"thinking_mode": "chat"},
                                   {"thinking_mode": "chat", "reasoning_effort": "max", "temprature": 1})
    check(chat == same and notes == ['column "reasoning_effort" is not used (1 row)',
                                     'column "temprature" is not used (1 row)'], f"{notes}")
    return "unused columns and keys are said once a file, with the nearest name; others have an effect"


def flat_rewards(program, ci_run):
    """A function that gives every answer the same says so, once, while the stage goes on."""
    said = {}
    for name, body in (("flat", "return 0.25"), ("varied", "return solution_str == ground_truth")):
        reward, log = program.path(name + ".py"), program.path(name + ".log")
        with open(reward, "w") as file:
            file.write(f"def compute_score(data_source, solution_str, ground_truth, extra_info):\n    {body}\n")
        process = program.popen(
            [program.binary, "rl", CONFIG, "--model", f"{ci_run}/base", "--domain", "dates", "--out",
             program.path(name), *SMALL, "domain.dates.rl.steps=4", f"domain.dates.reward_file={reward}"],
            log)
        finish(process)
        check(process.returncode == 0, text_of(log)[-600:])
        said[name] = [line for line in text_of(log).split("\n") if "all rewards" in line]
    check(len(said["flat"]) == 1 and not said["varied"], f"{said}")
    line = said["flat"][0]
    words = ["rl-dates: all rewards of steps 0 and 1 are 0.25", "of prompt dates-train-", 'truth: "20']
    check(all(word in line for word in words), line)
    return "equal rewards are said once, with a sample and its truth"


def rows_of_a_script(program, domain, names):
    """A folder of configs/ holds what its make_rows.py writes. Returns which file each question is in."""
    folder, files = os.path.join(ROOT, "configs", domain), {}
    subprocess.run([sys.executable, "-B", folder + "/make_rows.py", program.scratch], check=True)
    for name in names:
        made = text_of(program.path(name + ".jsonl"))
        check(made == text_of(f"{folder}/{name}.jsonl"), f"{domain}: {name}.jsonl is not what make_rows.py writes")
        for line in made.strip().split("\n"):
            row = json.loads(line)
            question = (row.get("prompt") or row["messages"])[0]["content"]
            check(files.setdefault(question, name) == name, f"{domain}: {question} is in {name} and another file")
    return files


def rows_of_the_example(program):
    """The rows of configs/own_domain and configs/bus_line are what their scripts write."""
    dates = rows_of_a_script(program, "own_domain", ("train", "heldout", "sft"))
    heldout = sum(name == "heldout" for name in dates.values())
    check(heldout >= 400, f"only {heldout} held-out prompts")
    stops = rows_of_a_script(program, "bus_line", ("train", "validation", "test", "sft"))
    check(sum(name == "test" for name in stops.values()) == 400, "the bus line has another test set")
    return f"the rows of the example domains come from their scripts, {heldout} dates of them held out"


if __name__ == "__main__":
    sys.exit(main({f.__name__: f for f in (contract, batches, unused_keys, flat_rewards, rows_of_the_example)}))
