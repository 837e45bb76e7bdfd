"""Runs the rows of one group of tests/sandbox/everyday_programs.toml in sandboxes.

everyday_programs_test.py AMALGAM GROUP
"""
import json
import os
import subprocess
import sys
import tempfile
import tomllib

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sandbox", "everyday_programs.toml")
OPTIONS = {"cpu": "--cpu", "memory": "--memory", "processes": "--pids", "disk": "--disk",
           "output": "--output"}
DEFAULTS = {"cpu": "2", "memory": "256M", "processes": "16", "disk": "16M", "output": "64K"}
# Of all rows; the others need what only some machines have.
FEWEST_ROWS, FEWEST_EVERYWHERE = 40, 36


def is_there(need, amalgam):
    if need == "cgroup:memory":
        lines = subprocess.run([amalgam, "doctor"], capture_output=True, text=True).stdout
        return any(l.startswith("cgroups:") and "memory" in l for l in lines.splitlines())
    if need.startswith("python:"):
        code = "import importlib.util, sys; sys.exit(not importlib.util.find_spec(sys.argv[1]))"
        return subprocess.run(["/usr/bin/python3", "-c", code, need[7:]]).returncode == 0
    return os.path.exists("/usr/bin/" + need)


def script_of(row):
    if "python" in row:
        return row["python"]
    argv = ["bash", "-c", row["bash"]]
    return "import os\nos.execv('/bin/bash', %r)\n" % argv


def run(amalgam, row, folder):
    """Returns what is wrong; None: nothing."""
    path = os.path.join(folder, "program.py")
    with open(path, "w") as file:
        file.write(script_of(row))
    limits = dict(DEFAULTS)
    limits.update(pair.split("=") for pair in row.get("limits", "").split())
    command = [amalgam, "sandbox", "run", "--json", "--timeout", "60"]
    for name, value in limits.items():
        command += [OPTIONS[name], value]
    done = subprocess.run(command + [path], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120)
    if not done.stdout:
        return done.stderr
    result = json.loads(done.stdout)
    if result["stdout"] == row["out"]:
        return None
    return "expected %r\n     got %r\n%s %s %s" % (row["out"], result["stdout"], result["outcome"],
                                                   result["exit_code"], result["stderr"][-2000:])


def main(amalgam, group):
    with open(TABLE, "rb") as file:
        rows = tomllib.load(file)["program"]
    assert len({row["name"] for row in rows}) == len(rows) >= FEWEST_ROWS
    needs = {need for row in rows for need in row.get("needs", [])}
    there = {need for need in needs if is_there(need, amalgam)}
    absent = [row["name"] for row in rows if not there.issuperset(row.get("needs", []))]
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for row in rows:
            if row["group"] != group:
                continue
            if row["name"] in absent:
                print("left out: %s needs %s" % (row["name"], " ".join(row["needs"])))
                continue
            problem = run(amalgam, row, folder)
            print("ok" if problem is None else "FAILED", row["name"], flush=True)
            if problem is not None:
                failed.append(row["name"])
                print(problem)
    if len(rows) - len(absent) < FEWEST_EVERYWHERE:
        failed.append("only %d rows can run here; tools/install_deps.sh gets what %s need"
                      % (len(rows) - len(absent), ", ".join(absent)))
    if failed:
        sys.exit("FAILED: " + "; ".join(failed))


if __name__ == "__main__":
    main(*sys.argv[1:])
