"""What people label of a judged run, and what is trained on it: `amalgam judge`, and the rows of docs/REWARDS.md.

Usage: judge_forms_test.py BINARY CHECK [ARGUMENT…]; tests/tests.cmake lists the checks."""

import json
import os
import re
import shutil
import subprocess
import sys

from run_harness import ROOT, check, main, rows_of, text_of

FORM = ["id", "prompt", "answer", "rubric", "labels"]
RUBRIC = os.path.join(ROOT, "tests/golden/judge")
sys.path.append(RUBRIC)
from reward import labels_of  # noqa: E402


def jsonl(path):
    return [json.loads(line) for line in text_of(path).strip().split("\n")]


def write(path, rows):
    with open(path, "w") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def judge(program, *arguments):
    """What `amalgam judge` says."""
    done = subprocess.run([program.binary, "judge", *arguments], capture_output=True, text=True, timeout=300, check=False)
    check(done.returncode == 0, f"judge {arguments}: {done.returncode}: {done.stderr[-600:]}")
    return done.stderr


def right_labels(line):
    item = line["prompt"][-1]["content"].split(" : ")[1]
    return labels_of([c["text"] for c in line["rubric"]], item, line["answer"])


def export_import(program):
    """A form drawn from a run, filled in by the rule, becomes rows that a judge is trained and measured on."""
    config, run_dir = RUBRIC + "/rubric.toml", program.path("run")
    program.run(run_dir, config=config)

    def export(name, *arguments):
        said = judge(program, "export", run_dir, "--out", program.path(name), *arguments)
        return jsonl(program.path(name)), said

    def refused(words, *arguments):
        line = program.fails([program.binary, "judge", *arguments], program.path("fails.log"))
        check(len(line) == 1 and line[0].startswith("amalgam: "), f"not one line: {line}")
        for word in words:
            check(word in line[0], f"'{word}' is not in: {line[0]}")

    # Which are drawn: of all steps of training, complete, the same ones again, others by another seed.
    complete = {f"rl-joint/{step}/{group}/{sample}": outcome for step, group, sample, outcome in rows_of(
        run_dir, "SELECT step, prompt_group, sample_index, outcome FROM trajectories WHERE stage = 'rl-joint' AND "
        "finish_reason = 'stop' AND outcome IN ('OUTCOME_OK', 'OUTCOME_JUDGE_FAILED')")}
    everything, said = export("all.jsonl", "--share", "1")
    ids = [line["id"] for line in everything]
    check(len(set(ids)) == len(ids) and set(ids) <= set(complete) and len(ids) >= len(complete) - 2, f"{ids}, not {complete}")
    check("OUTCOME_JUDGE_FAILED" in complete.values(), "no answer without a verdict is among them")
    check(f"{len(ids)} of {len(complete)} answers of rl-joint" in said and f"--run {run_dir}" in said, said)
    check(ids != sorted(ids), "they are in the order of the run")
    some, _ = export("some.jsonl", "--limit", "9")
    check([line["id"] for line in some] == ids[:9], "another number draws others")
    check(export("again.jsonl", "--limit", "9")[0] == some, "another draw of the same seed")
    check(export("seed.jsonl", "--limit", "9", "--seed", "2")[0] != some, "another seed draws the same")
    share, _ = export("share.jsonl", "--share", "0.25")
    check(len(share) == round(0.25 * len(complete)), f"{len(share)} of {len(complete)}")
    last, _ = export("last.jsonl", "--step", "1", "--share", "1")
    check({line["id"].split("/")[1] for line in last} == {"1"}, "of another step")
    tested, _ = export("tested.jsonl", "--stage", "eval-specialist-joint-sampled", "--limit", "4")
    check(len(tested) == 4 and tested[0]["id"].startswith("eval-specialist-joint-sampled/0/"), f"{tested[0]}")
    # What a line has: the run's own texts, and nothing that leads.
    shown = {json.dumps(sample["messages"][:-1]) + sample["messages"][-1]["content"] for sample in map(json.loads, subprocess.run(
        [program.binary, "samples", run_dir, "--stage", "rl-joint", "--limit", "0", "--json"], capture_output=True, text=True,
        check=True).stdout.strip().split("\n"))}
    known = {json.dumps(row["prompt"]): row["rubric"] for row in jsonl(RUBRIC + "/train.jsonl")}
    for line in everything:
        check(list(line) == FORM, f"{line}")
        check(json.dumps(line["prompt"]) + line["answer"] in shown, f"{line} is not what was sampled")
        check(line["rubric"] == known[json.dumps(line["prompt"])], f"{line}")
        check(line["labels"] == [None] * len(line["rubric"]), f"{line}")

    refused(["all.jsonl is there already"], "export", run_dir, "--out", program.path("all.jsonl"))
    new = program.path("new.jsonl")
    refused(["of the stage 'rl-jiont'", "rl-joint"], "export", run_dir, "--out", new, "--stage", "rl-jiont")
    refused(["of the domain 'x'", "joint"], "export", run_dir, "--out", new, "--domain", "x")
    refused(["of step 9; the last one is 1"], "export", run_dir, "--out", new, "--step", "9")
    refused(["--share"], "export", run_dir, "--out", new, "--share", "1.5")
    check(not os.path.exists(new), "a refused export wrote")

    # Filled in by the rule; two lines are left as they are, one in part.
    form, rows = program.path("form.jsonl"), program.path("rows.jsonl")
    filled = [{**line, "labels": right_labels(line)} for line in everything]
    filled[0]["labels"] = everything[0]["labels"]
    filled[1]["labels"] = everything[1]["labels"]
    filled[2]["labels"][0] = None
    write(form, filled)
    said = judge(program, "import", form, "--run", run_dir, "--out", rows)
    check(f"{len(ids) - 3} rows with labels, 2 without left out, 1 with some left out" in said, said)
    check(jsonl(rows) == filled[3:], "the rows are not what was filled in")

    # What is not of the run, or no label: named with its line, and nothing is written.
    def bad(words, change, place=4):
        lines = [json.loads(json.dumps(line)) for line in filled]
        lines[place - 1] = change(lines[place - 1])
        write(form, lines)
        refused([f"{form}:{place}: ", *words], "import", form, "--run", run_dir, "--out", new)
        check(not os.path.exists(new), f"{words}: a refused import wrote")

    bad(["labels for answers that do not exist", "rl-joint/7/0/0"], lambda line: {**line, "id": "rl-joint/7/0/0"})
    bad(["labels for answers that do not exist"], lambda line: {**line, "id": line["id"] + "+0"})
    bad(["labels for answers that do not exist"], lambda line: {**line, "id": "rl-joint-judge/0/0/0"})
    bad(["no \"id\""], lambda line: {k: v for k, v in line.items() if k != "id"})
    bad(["its \"answer\" is not that of the run"], lambda line: {**line, "answer": line["answer"] + " ."})
    bad(["its \"rubric\" is not that of the run"], lambda line: {**line, "rubric": line["rubric"][::-1] + line["rubric"][:1]})
    bad(["its \"prompt\" is not that of the run"], lambda line: {**line, "prompt": "Write."})
    bad(["and the rubric has"], lambda line: {**line, "labels": line["labels"] + [1]})
    bad(["a label is \"yes\""], lambda line: {**line, "labels": ["yes", *line["labels"][1:]]})
    bad(["a label is 2"], lambda line: {**line, "labels": [2, *line["labels"][1:]]})
    bad([f"is in {form}:3 already"], lambda line: {**filled[2]})
    write(form, everything)
    refused(["none of its", "fill them in"], "import", form, "--run", run_dir, "--out", new)
    with open(form, "w") as file:
        file.write(json.dumps(filled[3]) + "\n{\n")
    refused([f"{form}:2: not JSON"], "import", form, "--run", run_dir, "--out", new)
    refused(["is no run directory"], "import", form, "--run", RUBRIC, "--out", new)
    write(form, filled)
    refused(["input file"], "import", form, "--run", run_dir, "--out", form)

    # Rows of other files than the run's.
    changed = program.path("changed")
    shutil.copytree(run_dir, changed)
    folder = program.path("files")
    shutil.copytree(RUBRIC, folder)
    write(folder + "/train.jsonl", jsonl(folder + "/train.jsonl")[::-1])
    with open(changed + "/config.toml") as file:
        text = file.read().replace(RUBRIC + "/train.jsonl", folder + "/train.jsonl")
    with open(changed + "/config.toml", "w") as file:
        file.write(text)
    refused(["is no longer the prompt that", "put them back"], "export", changed, "--out", new)

    # Judging is trained on the rows, and measured on them.
    trained = program.path("trained")
    program.run(trained, f"model.path={run_dir}/base", f"domain.joint.judge.train_file={rows}", f"judge.heldout_file={rows}",
                "judge.label_share=0", config=config)
    stored = [m for m in jsonl(trained + "/metrics.jsonl") if "judge/stored/agreement" in m]
    check(len(stored) == 2 and all(0 <= m["judge/stored/agreement"] <= 1 for m in stored), f"{stored}")
    heldout = [m for m in jsonl(trained + "/metrics.jsonl") if "val-judge/heldout/answers" in m]
    check(heldout and all(m["val-judge/heldout/answers"] + m["val-judge/heldout/without_vote"] == 6 for m in heldout), f"{heldout}")
    return f"{len(ids)} answers drawn, {len(ids) - 3} labelled and trained on; 20 wrong forms and options refused by line"


def pairs(program):
    """Of a pairwise judge two answers of a group are compared."""
    run_dir, form, folder = program.path("run"), program.path("form.jsonl"), program.path("files")
    shutil.copytree(RUBRIC, folder)
    with open(folder + "/judge.txt", "w") as file:
        file.write("Judge\n{question}\n{rubric}\nA : {answer_a}\nB : {answer_b}\n")
    # What its base learns: to write, and to compare by the better one of two texts.
    texts = [row for row in jsonl(folder + "/sft.jsonl") if row["messages"][0]["content"].startswith("Judge")]
    compared = []
    for a, b in zip(texts[::2], texts[1::2]):
        asked, text_a = a["messages"][0]["content"].split("\nText : ")
        text_b = b["messages"][0]["content"].split("\nText : ")[1]
        compared.append({"messages": [{"role": "user", "content": f"{asked}\nA : {text_a}\nB : {text_b}"}, {
            "role": "assistant", "content": f"Verdict : {'A' if len(text_a) < len(text_b) else 'B'}"}]})
    write(folder + "/sft.jsonl", [row for row in jsonl(folder + "/sft.jsonl") if row not in texts] + compared)
    program.run(run_dir, "judge.form=pairwise", "judge.opponents=1", "judge.heldout_file=", "domain.joint.judge.train_file=",
                config=folder + "/rubric.toml")
    judge(program, "export", run_dir, "--out", form, "--share", "1")
    lines = jsonl(form)
    check(lines and all(list(line) == ["id", "prompt", "answers", "rubric", "label"] for line in lines), f"{lines[0]}")
    check(all(line["answers"][0] != line["answers"][1] and line["label"] is None for line in lines), f"{lines}")
    groups = [line["id"].rsplit("/", 1)[0] for line in lines]
    check(len(set(groups)) == len(groups), f"a group twice: {groups}")
    for line, label in zip(lines, ["A", "B", "tie"] * len(lines)):
        line["label"] = label
    write(form, lines)
    rows = program.path("rows.jsonl")
    judge(program, "import", form, "--run", run_dir, "--out", rows)
    check(jsonl(rows) == lines, "the rows are not what was filled in")
    first = lines[0]["id"]
    for other in (first.rsplit("+", 1)[0], first.rsplit("/", 1)[0] + "/0+0", first.rsplit("+", 1)[0] + "+99"):
        write(form, [{**lines[0], "id": other}])
        line = program.fails([program.binary, "judge", "import", form, "--run", run_dir, "--out", program.path("x")],
                             program.path("log"))[-1]
        check("labels for answers that do not exist" in line, line)
    write(form, [{**lines[0], "answers": lines[0]["answers"][::-1]}])
    line = program.fails([program.binary, "judge", "import", form, "--run", run_dir, "--out", program.path("x")],
                         program.path("log"))[-1]
    check("its \"answers\" is not that of the run" in line, line)
    return f"{len(lines)} pairs of different answers of a prompt, labelled"


def documented(program, ci_run):
    """The files that docs/REWARDS.md shows are a config that works, and its rows are read in the forms it says."""
    examples = re.findall(r"<!-- check judge: (\S+)((?: \w+)*) -->\n```\w+\n(.*?)```\n", text_of(ROOT + "/docs/REWARDS.md"), re.S)
    check(len(examples) == text_of(ROOT + "/docs/REWARDS.md").count("<!-- check judge") == 6, f"{len(examples)} examples")
    texts = {name: text for name, _, text in examples}
    for name, text in {**texts, "heldout.jsonl": texts["train.jsonl"].replace("ice", "wood").replace("finger", "thumb"),
                       "judge_heldout.jsonl": texts["judge_train.jsonl"]}.items():
        with open(program.path(name), "w") as file:
            file.write(text)

    def doctor(*overrides):
        done = subprocess.run([program.binary, "doctor", program.path("config.toml"), f"model.path={ci_run}/base", *overrides],
                              capture_output=True, text=True, timeout=300, check=False)
        return done.returncode, done.stdout + done.stderr

    status, said = doctor()
    check(status == 0 and "judge_train.jsonl: 2 with labels" in said and "compute_score gives" in said, said)
    for name, forms, _ in examples:
        for form in forms.split():
            file = program.path(name)
            status, said = doctor(f"judge.form={form}", f"domain.advice.judge.train_file={file}", f"judge.heldout_file={file}")
            check(status == 0 and f"{name}: " in said and "with labels" in said, f"{form}: {said}")
    status, said = doctor("judge.form=pairwise")  # the check can fail
    check(status == 1 and "judge_train.jsonl:1: there are no two answers" in said, said)
    check(list(json.loads(texts["form.jsonl"])) == FORM, f"a form is not {texts['form.jsonl']}")
    labels = subprocess.run([sys.executable, "-c", "import labels\n" + "".join(
        f"print(labels.compute_score('', {answer!r}, {truth!r}))\n" for answer, truth in
        (("Rinse it. Suck it.", ""), ("It has a lower density.", "density"), ("No.", "density")))], cwd=program.scratch,
        capture_output=True, text=True, check=True).stdout.strip().split("\n")
    check(labels[0] == "{'score': 0.3333333333333333, 'labels': [True, True]}" and "[True, True]" in labels[1] and
          "[False, True]" in labels[2], f"{labels}")
    return f"{len(examples)} examples of docs/REWARDS.md"


if __name__ == "__main__":
    sys.exit(main({"judge_forms": export_import, "judge_pairs": pairs, "judge_documented": documented}))
