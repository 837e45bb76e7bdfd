"""`amalgam reward`, and several verifiers of a domain, as their users meet them: docs/REWARDS.md.

Usage: reward_command_test.py BINARY CHECK [ARGUMENT…]; see tests/tests.cmake."""

import json
import os
import re
import subprocess
import sys

from run_harness import (CONFIG, ROOT, SMALL, check, check_same, finish, main, outcome, results, text_of,
                         trajectories)

GOLDEN = os.path.join(ROOT, "tests/golden/rewards")


def jsonl(path):
    return [json.loads(line) for line in text_of(path).strip().split("\n")]


def scored(program, rows, *arguments, name="rows"):
    """The scores of rows, and the last line of what was printed."""
    rows_path, out = program.path(name + ".jsonl"), program.path(name + ".scores")
    with open(rows_path, "w") as file:
        file.writelines((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    done = subprocess.run([program.binary, "reward", "--in", rows_path, "--out", out, *arguments],
                          capture_output=True, text=True)
    check(done.returncode == 0, done.stderr[-600:])
    return jsonl(out), done.stderr.strip().split("\n")[-1]


def row(style, truth, solution, **more):
    return {"reward_model": {"style": style, "ground_truth": truth}, "solution": solution, **more}


def documented(program):
    """The rows that docs/REWARDS.md shows as examples, and the scores it says they have."""
    text = text_of(os.path.join(ROOT, "docs/REWARDS.md"))
    fences = re.findall(r"^```(jsonl|json)\n(.*?)^```$", text, re.S | re.M)
    blocks = [(a[1], b[1]) for a, b in zip(fences, fences[1:]) if a[0] == "jsonl"]
    check(len(blocks) >= 3, f"only {len(blocks)} examples with their scores")
    shown = 0
    for rows, want in blocks:
        rows, want = rows.strip().split("\n"), json.loads(want)
        got, _ = scored(program, rows)
        check([s["score"] for s in got] == want, f"{rows}: {got}, the page says {want}")
        shown += len(rows)
    return shown


def command(program):
    """Every style, in order, whatever the number of threads."""
    shown = documented(program)
    rows = [
        row("math", "0.5", "So it is \\boxed{\\frac12}."),
        row("rule", "34", "Answer: 35", data_source="math_dapo"),
        row("rule", "34", "<think>35? No.</think>\n#### 34", data_source="openai/gsm8k"),
        row("choice", "B", "The answer is (B)."),
        row("rule", {"target": ["Paris"]}, "<answer>the Paris</answer>", data_source="searchR1_nq"),
        row("regex", "^[0-9]+$", "12a"),
        row("json_schema", {"type": "object", "required": ["a"]}, "```json\n{\"a\": 1}\n```"),
        row("code", {"fn_name": "f", "inputs": [[1], [2]], "outputs": [2, 3]},
            "```python\ndef f(x):\n    return x + 1 if x < 2 else 0\n```"),
        {"instruction_id_list": ["punctuation:no_comma", "detectable_format:title"],
         "kwargs": [{}, {}], "prompt": "Write.", "solution": "No comma here"},
        row("math", "4", ""),
        row("rule", "4", "4", data_source="nobody/knows"),
        row("json_schema", "[", "{}"),
        {"data_source": "math", "solution": [{"role": "assistant", "content": "It is 4."}], "answer": "4"},
        "{not json",
        {"reward_model": {"style": "math", "ground_truth": "4"}},
    ]
    want = [1, 0, 1, 1, 1, 0, 1, 0, 0, 0, None, None, 1, None, None]
    one, said = scored(program, rows, "--threads", "1")
    check([s["score"] for s in one] == want, f"{[s['score'] for s in one]}, not {want}")
    check([s["outcome"] for s in one] == ["ok" if w is not None else "bad_row" for w in want], f"{one}")
    check(all(set(s) == {"score", "outcome", "parts", "why"} and s["why"] for s in one), f"{one}")
    check(one[7]["parts"]["passed_fraction"] == 0.5, f"{one[7]}")
    check(one[8]["parts"]["strict"] == [True, False] == one[8]["parts"]["loose"], f"{one[8]}")
    check(one[9]["parts"]["empty"] == 1, f"{one[9]}")
    check("15 rows: 4 bad_row, 11 ok; mean score 0.5455" in said, said)
    many, _ = scored(program, rows * 20, "--threads", "8")
    check(many == one * 20, "eight threads give other scores, or another order")
    styled, _ = scored(program, [{"ground_truth": "twelve", "solution": "Twelve!"}], "--style", "exact_match")
    check(styled[0]["score"] == 1, f"{styled}")
    for arguments, words in ((["--style", "maths"], "there is no verifier 'maths'"),
                             (["--domain", "x"], "--domain and key=value need --config"),
                             (["--config", CONFIG], "say which with --domain")):
        line = program.fails([program.binary, "reward", "--in", program.path("rows.jsonl"), "--out",
                              program.path("x"), *arguments], program.path("fails.log"))[-1]
        check(words in line, line)
    return f"15 rows of 9 verifiers and {shown} of the documentation"


def golden(program):
    """The vectors of other programs through the command, by their rows as users have them."""
    shown = []
    for file, style, wanted in (("math_dev", "math", lambda r: r["want"]),
                                ("if_dev", "", lambda r: [r["strict"], r["loose"]]),
                                ("code_dev", "code", lambda r: r["want"])):
        rows = jsonl(f"{GOLDEN}/{file}.jsonl")
        given = []
        for r in rows:
            if file == "code_dev":
                given.append({**r["row"], "solution": r["solution"]})
            elif file == "if_dev":
                given.append({k: r[k] for k in ("instruction_id_list", "kwargs", "prompt")} |
                             {"solution": r["response"]})
            else:
                given.append({"gold": r["gold"], "solution": r["solution"]})
        got, _ = scored(program, given, *(["--style", style] if style else []), name=file)
        check(len(got) == len(rows), f"{len(got)} scores of {len(rows)} rows")
        right = unpaid = 0
        for r, s in zip(rows, got):
            have = [s["parts"].get("strict"), s["parts"].get("loose")] if file == "if_dev" else s["score"]
            right += have == wanted(r)
            if file == "math_dev":
                unpaid += have == 1 and wanted(r) == 0
            if file == "code_dev":
                check(not r["tag"].startswith("tamper") or not s["score"], f"{r['id']} is paid")
                unpaid += have == 1 and wanted(r) == 0
        check(right >= 0.98 * len(rows), f"{file}: {right} of {len(rows)}")
        check(unpaid <= 0.005 * len(rows), f"{file}: {unpaid} wrong answers are rewarded")
        shown.append(f"{file} {right} of {len(rows)}")
    return ", ".join(shown)


PARTS = """
def compute_score(data_source, solution_str, ground_truth, extra_info):
    return {"score": min(len(solution_str), 9) / 9, "letters": len(solution_str)}
"""


def audit(program, ci_run):
    """An audit is recorded and shown, and neither rewards nor chooses; verifiers and guards are seen."""
    reward = program.path("reward.py")
    with open(reward, "w") as file:
        file.write(PARTS)

    def rl(name, *overrides):
        run_dir, out = program.path(name), program.path(name + ".out")
        log = program.path(name + ".log")
        process = program.popen(
            [program.binary, "rl", CONFIG, "--model", f"{ci_run}/base", "--domain", "dates", "--out", out,
             "--run-dir", run_dir, *SMALL, f"domain.dates.reward_file={reward}", "domain.dates.rl.steps=3",
             "rl.test_freq=1", *overrides], log)
        finish(process)
        check(process.returncode == 0, text_of(log)[-600:])
        with open(out + "/model.safetensors", "rb") as file:
            return run_dir, file.read()

    verifiers = "{style='function'}, {style='regex', role='gate', min=0.5, arguments={pattern='[0-9]'}}"
    _, plain = rl("plain", f"domain.dates.reward=[{verifiers}]")
    run_dir, audited = rl("audited", f"domain.dates.reward=[{verifiers}, {{style='exact_match', role='audit'}}]")
    check(plain == audited, "an audit changes the model")
    _, other = rl("other", "domain.dates.reward=[{style='exact_match'}, {style='function', weight=0}]")
    check(other != audited, "the function's reward makes no difference")
    metrics = jsonl(run_dir + "/metrics.jsonl")
    step = next(m for m in metrics if "critic/audit/mean" in m)
    for name in ("critic/reward_parts/mean/function", "critic/reward_parts/mean/function/letters",
                 "critic/reward_parts/mean/regex", "critic/incomplete/truncated", "response_repetition/mean"):
        check(name in step, f"{name} is not among {sorted(step)}")
    check(0 <= step["critic/audit/mean"] <= 1 and step["critic/reward_parts/mean/function/letters"] > 1, f"{step}")
    subprocess.run([program.binary, "report", run_dir], check=True, capture_output=True)
    page = text_of(run_dir + "/report.html")
    check("Rewards against an independent check" in page, "the report does not show the audit")
    shown = subprocess.run([program.binary, "samples", run_dir, "--limit", "3"], check=True, capture_output=True,
                           text=True).stdout
    check("audit" in shown and "function/letters" in shown, shown[:600])
    return "the same model with an audit and without; figures, report and samples show it"


if __name__ == "__main__":
    sys.exit(main({f.__name__: f for f in (command, golden, audit)}))
