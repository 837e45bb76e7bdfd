"""Data files in the forms of other programs are read as tests/golden/forms says: through `amalgam data check`."""

import json
import os
import re
import subprocess
import sys

from run_harness import CONFIG, ROOT, SMALL, check, finish, main, text_of

FORMS = os.path.join(ROOT, "tests", "golden", "forms")
KEYS = ["ok", "rows", "understood", "passed", "ignored", "bad", "why", "first"]
SKIPPED = 77


def needs_pyarrow(pattern):
    return pattern.endswith(".parquet") or pattern.startswith(("saved_dataset", "verl_math/"))


def unordered(understood):
    return {field: sorted([paths] if isinstance(paths, str) else paths) for field, paths in understood.items()}


def differences(entry, found):
    """What of an entry is not so; nothing if it is as it must be."""
    wrong = []
    if list(found) != KEYS:
        wrong.append(f"keys {list(found)}")
    for key in ("ok", "rows", "bad", "first"):
        if found[key] != entry[key] or type(found[key]) is not type(entry[key]):
            wrong.append(f"{key} is {found[key]}, not {entry[key]}")
    if unordered(found["understood"]) != unordered(entry["understood"]):
        wrong.append(f"understood is {found['understood']}, not {entry['understood']}")
    for key in ("passed", "ignored"):
        if sorted(found[key]) != sorted(entry[key]):
            wrong.append(f"{key} is {found[key]}, not {entry[key]}")
    if len(found["why"]) != len(entry["why"]) or any(w not in f for w, f in zip(entry["why"], found["why"])):
        wrong.append(f"why is {found['why']}, not {entry['why']}")
    return wrong


def data_check(program, files, use, python, cwd=FORMS):
    """The exit status and the JSON object."""
    done = subprocess.run([program.binary, "data", "check", *files, "--for", use, "--python", python, "--json"],
                          cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    lines = done.stdout.splitlines()
    check(len(lines) == 1, f"{files}: {done.stdout[-300:]} {done.stderr[-300:]}")
    return done.returncode, json.loads(lines[0])


def can_import_pyarrow(python):
    return os.path.exists(python) and \
        subprocess.run([python, "-c", "import pyarrow"], capture_output=True, check=False).returncode == 0


def golden(program, python):
    has_pyarrow = can_import_pyarrow(python)
    with open(os.path.join(FORMS, "expected.json"), encoding="utf-8") as file:
        entries = json.load(file)
    wrong, left_out = [], 0
    for entry in entries:
        if not has_pyarrow and needs_pyarrow(entry["file"]):
            left_out += 1
            continue
        status, found = data_check(program, [entry["file"]], entry["for"], python)
        lines = differences(entry, found)
        if status != (0 if entry["ok"] else 1):
            lines.append(f"exit status {status}")
        wrong += [f"{entry['file']} for {entry['for']}: {line}" for line in lines]
    check(not wrong, "\n".join(wrong))
    if left_out:
        print(f"{left_out} of {len(entries)} entries need a Python with pyarrow: -DAMALGAM_PYTHON=PYTHON")
        sys.exit(SKIPPED)
    return f"{len(entries)} entries of tests/golden/forms are read as they must be"


# Writes files of columns that only parquet and Arrow have; what must be read of them is in `arrow` below.
WRITER = r"""
import datetime, decimal, json, pyarrow as pa, pyarrow.parquet as pq, pyarrow.ipc as ipc
message = pa.struct([("role", pa.string()), ("content", pa.string()), ("name", pa.string())])
ask = [{"role": "user", "content": "q", "name": None}]
n = 5
columns = {
    "prompt": pa.array([ask] * n, pa.large_list(message)),
    "answer": pa.array([1.5, float("nan"), None, 2.0, 3.0], pa.float32()),
    "integer": pa.array([2**64 - 1] * n, pa.uint64()),
    "small": pa.array([-3] * n, pa.int8()),
    "half": pa.array([0.5] * n, pa.float32()),
    "flag": pa.array([True] * n),
    "large": pa.array(["é\u2028\n\"\\"] * n, pa.large_string()),
    "words": pa.array(["a", None, "a", "b", "a"]).dictionary_encode(),
    "things": pa.array([[{"x": 1}, {"x": None}]] * n),
    "nested": pa.array([{"a": {"b": None, "c": None}, "d": [None, 1.0, float("nan")], "e": None}] * n),
    "of_nulls": pa.array([{"a": None, "b": None}] * n, pa.struct([("a", pa.int64()), ("b", pa.string())])),
    "fixed": pa.array([[1, 2]] * n, pa.list_(pa.int32(), 2)),
    "map": pa.array([[("k", 1), ("l", None)]] * n, pa.map_(pa.string(), pa.int64())),
    "day": pa.array([datetime.date(2024, 2, 29)] * n),
    "time": pa.array([datetime.datetime(2024, 2, 29, 12, 30)] * n, pa.timestamp("ns")),
    "money": pa.array([decimal.Decimal("1.50")] * n, pa.decimal128(10, 2)),
    "bytes": pa.array([b"raw"] * n),
    "nothing": pa.nulls(n),
    "__index_level_0__": pa.array(range(n)),
}
table = pa.table(columns)
# The first rows are cut off, so that all arrays have an offset.
twice = pa.concat_tables([table.slice(0, 2), table]).combine_chunks()
table = twice.slice(2)
pq.write_table(table, "all.parquet", row_group_size=2)
with ipc.new_stream("all.arrow", table.schema) as out:
    out.write_table(table)
with ipc.new_file("file.arrow", table.schema) as out:
    out.write_table(table)
pq.write_table(pa.table({"prompt": pa.array(["p"] * 3000), "answer": pa.array(range(3000))}), "long.parquet")
pq.write_table(pa.table({"prompt": pa.array([], pa.string())}), "none.parquet")
pq.write_table(pa.table({"prompt": ["a", "b"], "tools": [None, None]}), "a-1.parquet")
pq.write_table(pa.table({"prompt": [[{"role": "user", "content": "c"}], []], "level": [1.0, None]}), "a-2.parquet")
bad = pa.Array.from_buffers(pa.string(), 2, [None, pa.array([0, 1, 2], pa.int32()).buffers()[1], pa.py_buffer(b"x\xff")])
pq.write_table(pa.table({"prompt": bad}), "bytes.parquet")
pq.write_table(pa.table({"prompt": ["p", "q"], "level": [float("inf"), 1.0]}), "infinity.parquet")
pq.write_table(pa.table([["p"], ["q"]], names=["prompt", "prompt"]), "twice.parquet")
if hasattr(pa, "json_"):
    texts = pa.array(['{"a": null}', " null", "not json", "[1,\n2]"], pa.string())
    kind = pa.ExtensionArray.from_storage(pa.json_(), texts)
    with ipc.new_stream("json.arrow", pa.schema([("prompt", pa.string()), ("answer", kind.type)])) as out:
        out.write_table(pa.table({"prompt": ["a", "b", "c", "d"], "answer": kind}))
"""


def arrow(program, python):
    if not can_import_pyarrow(python):
        print(f"{python} has no pyarrow: -DAMALGAM_PYTHON=PYTHON")
        sys.exit(SKIPPED)
    subprocess.run([python, "-c", WRITER], cwd=program.scratch, check=True)

    def rl(*files):
        return data_check(program, files, "rl", python, program.scratch)[1]

    whole = rl("all.parquet")
    check(whole["bad"] == [2, 3], f"{whole}")  # without an answer
    check(whole["first"] == {"prompt_messages": [{"role": "user", "content": "q"}], "ground_truth": 1.5}, f"{whole}")
    check(whole["ignored"] == ["__index_level_0__"] and "nothing" not in whole["passed"] and
          {"integer", "words", "of_nulls", "map", "bytes"} <= set(whole["passed"]), f"{whole}")
    check(rl("all.arrow") == whole and rl("file.arrow") == whole, "Arrow files hold other rows than parquet")

    # The values, through the reading program itself.
    with open(os.path.join(ROOT, "pipeline", "data", "forms", "arrow_program.cc"), encoding="utf-8") as file:
        text = file.read()
    text = text[text.index('R"python(') + 9:text.index(')python"')]
    done = subprocess.run([python, "-c", text, "parquet", "all.parquet"], cwd=program.scratch, capture_output=True,
                          text=True, check=True)
    lines = done.stdout.strip("\n").split("\n")
    check(lines[0] == "N5" and lines[-1] == "." and len(lines) == 7, done.stdout[:300])
    expected = {
        "prompt": [{"role": "user", "content": "q"}], "answer": 1.5, "integer": 2**64 - 1, "small": -3, "half": 0.5,
        "flag": True, "large": "é\u2028\n\"\\", "words": "a", "things": [{"x": 1}, {}],
        "nested": {"a": {}, "d": [None, 1.0, None]}, "of_nulls": {}, "fixed": [1, 2], "map": {"k": 1},
        "day": "2024-02-29", "time": "2024-02-29T12:30:00", "money": 1.5, "bytes": "raw", "__index_level_0__": 0}
    first = json.loads(lines[1][1:])
    check(first == expected, f"{first}")
    check("words" not in json.loads(lines[2][1:]) and "answer" not in json.loads(lines[2][1:]), lines[2])

    check(rl("long.parquet")["rows"] == 3000, "not all rows")
    check("no rows" in rl("none.parquet")["why"][0], "a file without rows")
    mixed = rl("a-*.parquet", "none.parquet")
    check(mixed["rows"] == 4 and mixed["bad"] == ["a-2.parquet:2"] and mixed["passed"] == ["level"], f"{mixed}")
    check(mixed["understood"] == {"prompt": "prompt"}, f"{mixed}")
    found = rl("bytes.parquet")
    check(found["bad"] == [2] and "UTF-8" in found["why"][0], f"{found}")
    found = rl("infinity.parquet")
    check(found["bad"] == [1], f"{found}")
    found = rl("twice.parquet")
    check("prompt" in found["why"][0], f"{found}")
    if os.path.exists(program.path("json.arrow")):
        found = rl("json.arrow")
        check(found["bad"] == [2, 3] and found["first"]["ground_truth"] == {"a": None}, f"{found}")
    with open(program.path("all.parquet"), "rb") as file:
        packed = file.read()
    for name, data in (("cut.parquet", packed[:len(packed) // 2]), ("magic.parquet", b"PAR1"),
                       ("cut.arrow", open(program.path("all.arrow"), "rb").read()[:200])):
        with open(program.path(name), "wb") as file:
            file.write(data)
        found = rl(name)
        check(found["rows"] == 0 and name in found["why"][0] and "\n" not in found["why"][0], f"{found}")

    # A Python without pyarrow, and one that is none.
    fake = program.path("python")
    with open(fake, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nexec /usr/bin/python3 -S -E \"$@\"\n")
    os.chmod(fake, 0o755)
    found = data_check(program, ["long.parquet"], "rl", fake, program.scratch)[1]
    check("pip install pyarrow" in found["why"][0] and fake in found["why"][0], f"{found}")
    found = data_check(program, ["long.parquet"], "rl", "/no/python", program.scratch)[1]
    check("/no/python" in found["why"][0], f"{found}")
    with open(fake, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nkill -9 $$\n")
    found = data_check(program, ["long.parquet"], "rl", fake, program.scratch)[1]
    check("ended early" in found["why"][0], f"{found}")
    return "parquet and Arrow hold the same rows, nulls left out at every depth; what cannot be read is one line"


def documented(program, python):
    """The examples of docs/DATA.md are read as it says."""
    with open(os.path.join(ROOT, "docs", "DATA.md"), encoding="utf-8") as file:
        page = file.read()
    examples = re.findall(r"<!-- check (rl|sft)(?: (\S+))?: ([^\n]*) -->\n```(\w+)\n(.*?)```\n", page, re.S)
    check(len(examples) == page.count("<!-- check") >= 15, f"only {len(examples)} examples are found")
    has_pyarrow, left_out = can_import_pyarrow(python), 0
    for use, name, understood, language, text in examples:
        if language == "python":
            if "pyarrow" in text and not has_pyarrow:
                left_out += 1
                continue
            subprocess.run([python if "pyarrow" in text else sys.executable, "-c", text], cwd=program.scratch, check=True)
        else:
            name = "rows"
            with open(program.path(name), "w", encoding="utf-8") as file:
                file.write(text)
        status, found = data_check(program, [name], use, python, program.scratch)
        check(status == 0 and found["ok"], f"{text}: {found}")
        check(unordered(found["understood"]) == unordered(json.loads(understood)), f"{text}: {found['understood']}")
    if left_out:
        print(f"{left_out} of {len(examples)} examples need a Python with pyarrow: -DAMALGAM_PYTHON=PYTHON")
        sys.exit(SKIPPED)
    return f"{len(examples)} examples of docs/DATA.md are read as it says"


NAMED = """
import json
def some_reward(completions, prompts, completion=None, **columns):
    with open(OUT, "a") as file:
        for i, c in enumerate(completions):
            text = c if isinstance(c, str) else c[0]["content"]
            file.write(json.dumps([prompts[i], text, completion, {k: v[i] for k, v in columns.items()}]) + "\\n")
    return [float(len(str(c))) for c in completions]
"""


def runs(program, ci_run, python):
    """A run reads what `data check` shows: lists of files in other forms, handed to a function by name, and text."""
    def write(name, *rows, as_array=False):
        with open(program.path(name), "w", encoding="utf-8") as file:
            file.write(json.dumps(rows) if as_array else "".join(json.dumps(row) + "\n" for row in rows))

    def run(command, *overrides):
        process = program.popen([program.binary, command, CONFIG, "--model", f"{ci_run}/base", "--domain", "dates",
                                 "--out", program.path("out-" + command), *SMALL, *overrides,
                                 *([] if "--run-dir" in overrides else ["--run-dir", program.path("run-" + command)])], program.path(command + ".log"))
        finish(process)
        return process.returncode, text_of(program.path(command + ".log"))

    out = program.path("told")
    with open(program.path("reward.py"), "w", encoding="utf-8") as file:
        file.write(f"OUT = {out!r}\n{NAMED}")
    write("train-1.jsonl", {"question": "Date: 1 May 2013", "answer": {"day": 1}, "level": 3, "completion": "c",
                            "system": "Be brief.", "effort": 40, "__index_level_0__": 5})
    write("train-2.json", {"prompt": "Date: 2 May 2013", "answer": {"day": 2}, "level": None, "info": {"k": [None]}},
          as_array=True)
    write("held.jsonl", *({"problem": f"Date: {day} June 2013", "solution": day} for day in range(1, 5)))
    files = f"['{program.path('train-*')}', '{program.path('held.jsonl')}']"
    overrides = ["domain.dates.reward_file=" + program.path("reward.py"), "domain.dates.reward_function=some_reward",
                 "domain.dates.heldout_file=" + program.path("held.jsonl"), "domain.dates.rl.steps=2", "effort_form=line",
                 f"domain.dates.train_file={files}"]
    # Held-out rows that stand in a training file are left out, so nothing would be left to choose by.
    status, log = run("rl", *overrides, "--run-dir", program.path("run-none"))
    check(status == 1 and "no validation row is left" in log, log[-400:])
    overrides[-1] = f"domain.dates.train_file=['{program.path('train-*')}']"
    status, log = run("rl", *overrides)
    check(status == 0, log[-600:])
    told = [json.loads(line) for line in text_of(out).strip().split("\n")]
    first = next(t for t in told if t[3].get("answer") == {"day": 1})
    check(first[0] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Date: 1 May 2013"}],
          f"{first}")
    columns = first[3]
    check(first[2] is None and "__index_level_0__" not in columns, f"{first}")
    check((columns["question"], columns["level"], columns["effort"], columns["ground_truth"], columns["system"]) ==
          ("Date: 1 May 2013", 3, 40, {"day": 1}, "Be brief."), f"{columns}")
    check(columns["extra_info"]["effort"] == 40, f"{columns}")
    second = next(t for t in told if t[3].get("answer") == {"day": 2})
    check(second[0] == "Date: 2 May 2013" and isinstance(second[1], str) and second[3]["extra_info"]["k"] == [None] and
          second[3]["info"] == {"k": [None]}, f"{second}")

    write("examples-1.jsonl", {"text": "Date: 1 May 2013 is 2013-05-01."}, {"prompt": "Date: 2 May 2013", "completion": " x"},
          {"text": ""})
    write("examples-2.json", {"conversations": [{"from": "human", "value": "Date: 3 May 2013"},
                                                {"from": "gpt", "value": "2013-05-03"}], "system": "s"}, as_array=True)
    overrides = ["sft.steps=1", f"domain.dates.sft_file=['{program.path('examples-*')}']"]
    status, log = run("sft", *overrides)
    check(status == 1 and "examples-1.jsonl:3: " in log and "--skip-bad-rows" in log, log[-400:])
    status, log = run("sft", "--skip-bad-rows", *overrides)
    check(status == 0 and "1 of 4 rows cannot be used and are left out" in log, log[-600:])
    if can_import_pyarrow(python):
        subprocess.run([python, "-c", "import pyarrow as pa, pyarrow.parquet as pq\n"
                        "pq.write_table(pa.table({'text': ['a b c', 'd e f']}), 'examples.parquet')"],
                       cwd=program.scratch, check=True)
        status, log = run("sft", "--restart", "sft-dates", "sft.steps=1", f"domain.dates.reward.python={python}",
                          f"domain.dates.sft_file={program.path('examples.parquet')}")
        check(status == 0, log[-600:])
    return "rl and sft read lists of files in several forms; functions get columns by name; bad rows are left out"


if __name__ == "__main__":
    sys.exit(main({"data_forms": golden, "data_arrow": arrow, "data_documented": documented, "data_runs": runs}))
