"""Data files in the forms of other programs are read as tests/golden/forms says: through `amalgam data check`."""

import json
import os
import subprocess
import sys

from run_harness import ROOT, check, main

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


def golden(program, python):
    has_pyarrow = subprocess.run([python, "-c", "import pyarrow"], capture_output=True, check=False).returncode == 0 \
        if os.path.exists(python) else False
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


if __name__ == "__main__":
    sys.exit(main({"data_forms": golden}))
