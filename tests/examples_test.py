"""The examples that --help shows are run, in their order, as somebody would who tries one after the other: from the
folder of the clone, here with small settings in configs/quickstart.toml."""

import os
import re
import shutil
import subprocess
import sys
import time

from run_harness import ROOT, SMALL, check, main, text_of

# Each uses what those before it made.
COMMANDS = ["doctor", "data", "run", "worker", "compare", "report", "samples", "inspect", "init", "encode", "tokenize", "score", "reward", "generate", "sft",
            "rl", "distill", "eval", "convert", "merge", "verify"]
QUICKSTART = [*(s for s in SMALL if "dates" not in s), "sft.batch_tokens=256"]


# Of `sandbox`; those of one line share a working directory.
SANDBOX_COMMANDS = [["", "run", "replay", "changes"], ["shell"], ["ps", "logs", "rm"], ["build", "images"], ["serve"],
                    ["gateway", "agent"], ["keygen"], ["bench"]]


def examples(text):
    """The command lines of a help page; a backslash goes on in the next line."""
    lines = text.split("\nExamples:\n", 1)[1].replace("\\\n", " ").split("\n")
    return [line.strip() for line in lines if re.match("  (amalgam|echo|curl) ", line)]


def help_pages(program):
    """A help page of every command but those of `sandbox`."""
    listed = subprocess.run([program.binary, "--help"], capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r"^  ([a-z-]+) {2,}", listed.split("\nSubcommands:\n", 1)[1], re.M)) - {"sandbox", "effort", "judge"}
    check(names == set(COMMANDS), f"the list of this test is not that of --help: {names ^ set(COMMANDS)}")
    return {name: subprocess.run([program.binary, name, "--help"], capture_output=True, text=True, check=True).stdout
            for name in COMMANDS}


def examples_run(program):
    clone = program.path("clone")
    os.makedirs(clone + "/tests")
    os.makedirs(clone + "/build")
    shutil.copytree(ROOT + "/configs", clone + "/configs")
    os.symlink(ROOT + "/tests/golden", clone + "/tests/golden")
    os.symlink(program.binary, clone + "/build/amalgam")
    # The same domains, stages and names in seconds: the resolved config of a small run.
    small = program.path("small")
    program.run(small, *QUICKSTART, config=ROOT + "/configs/quickstart.toml")
    config = text_of(small + "/config.toml")
    with open(clone + "/configs/quickstart.toml", "w") as file:
        file.write(re.sub(r"^run_dir = .*$", "", config, flags=re.M))
    environment = {**os.environ, "PATH": clone + "/build:" + os.environ["PATH"]}
    count = 0
    shown = set(re.findall(r"^\| `amalgam ([a-z]+)", text_of(ROOT + "/README.md"), re.M)) - {"sandbox", "effort", "judge"}
    check(shown <= set(COMMANDS), f"the README has commands that there are not: {shown}")
    for name, page in help_pages(program).items():
        for line in examples(page):
            done = subprocess.run(["/bin/sh", "-ec", line], cwd=clone, env=environment, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=600, check=False)
            check(done.returncode == 0, f"{name}: {line}: {done.returncode}: {done.stderr[-600:]}")
            count += 1
    # The README's first screen; what it builds is what every other test runs.
    check("\nmake quickstart\n" in text_of(ROOT + "/README.md"), "the README begins with another command")
    shutil.copy(ROOT + "/Makefile", clone)
    shutil.rmtree(clone + "/runs/quickstart")
    for _ in range(2):  # the same command goes on, and is harmless when all is done
        done = subprocess.run(["make", "--old-file=build", "quickstart"], cwd=clone, capture_output=True, text=True,
                              timeout=600, check=False)
        check(done.returncode == 0, f"make quickstart: {done.returncode}: {done.stderr[-600:]}")
        check("mean reward" in done.stdout and os.path.exists(clone + "/runs/quickstart/report.html"),
              f"make quickstart: no scores: {done.stdout[-600:]}")
    return f"{count} examples of --help, make quickstart"


def judge_examples(program):
    """Those of `judge`, after a run that has one; what people do between the two is to fill in labels."""
    program.run(program.path("runs/rubric"), config=ROOT + "/tests/golden/judge/rubric.toml", log=program.path("log"))
    shell, count = Shell(program.binary, program.path("home")), 0
    shell.folder = program.path("")
    for name in ("", "export", "import"):
        page = subprocess.run([program.binary, "judge", *([name] if name else []), "--help"], capture_output=True, text=True,
                              check=True).stdout
        for line in examples(page):
            if "export" in line and "form.jsonl" in line and os.path.exists(program.path("form.jsonl")):
                os.remove(program.path("form.jsonl"))
            shell.type(line)
            if "export" in line:
                form = re.search(r"--out (\S+)", line)[1]
                text = text_of(program.path(form)).replace("null", "1")
                check(text.count("\n") >= 4, f"{line}: {text}")
                with open(program.path(form), "w") as file:
                    file.write(text)
            count += 1
    check(text_of(program.path("labelled.jsonl")).count("\n") >= 20, "few rows with labels")
    return f"{count} examples of judge ... --help"


class Shell:
    """Runs lines as somebody types them, each in /bin/bash; what serves goes on until the end."""

    SERVES = re.compile("amalgam sandbox (serve|gateway|agent) ")

    def __init__(self, binary, home):
        os.makedirs(home + "/bin")
        os.symlink(binary, home + "/bin/amalgam")
        self.environment = {**os.environ, "PATH": home + "/bin:" + os.environ["PATH"], "HOME": home}
        self.folder, self.servers = home, []

    def type(self, line):
        command = ["/bin/bash", "-ec", line]
        how = {"cwd": self.folder, "env": self.environment, "stdin": subprocess.DEVNULL, "text": True}
        if self.SERVES.match(line):
            server = subprocess.Popen(["/bin/bash", "-ec", "exec " + line], stderr=subprocess.PIPE, stdout=subprocess.PIPE,
                                      **{k: v for k, v in how.items()})
            self.servers.append((line, server))
            return ""
        deadline = time.monotonic() + 60
        while True:  # a server needs a moment before it answers
            done = subprocess.run(command, capture_output=True, timeout=300, check=False, **how)
            if done.returncode == 0 or not self.servers or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        check(done.returncode == 0, f"{line}: {done.returncode}: {done.stderr[-600:]}")
        return done.stdout

    def end(self):
        """Servers run until they are asked to end."""
        for line, server in reversed(self.servers):
            check(server.poll() is None, f"{line} ended by itself: {server.stderr.read()[-600:] if server.poll() else ''}")
            server.terminate()
            server.communicate(timeout=30)
        self.servers = []


def sandbox_examples(program):
    listed = subprocess.run([program.binary, "sandbox", "--help"], capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r"^  ([a-z-]+) {2,}", listed.split("\nSubcommands:\n", 1)[1].split("\nExamples:\n")[0], re.M))
    shown = {name for row in SANDBOX_COMMANDS for name in row} - {""}
    check(names == shown, f"the list of this test is not that of --help: {names ^ shown}")
    shell, count = Shell(program.binary, program.path("home")), 0
    for row in SANDBOX_COMMANDS:
        shell.folder = program.path("at-" + (row[0] or "sandbox"))
        os.makedirs(shell.folder + "/my_folder")
        for name, text in (("script.py", "import sys\nprint('hello')\nopen('result.txt', 'w').write('x')\n"),
                           ("nap.py", "import time\ntime.sleep(100)\n"), ("my_folder/file", "content")):
            with open(f"{shell.folder}/{name}", "w") as file:
                file.write(text)
        subprocess.run(["tar", "cf", "tools.tar", "my_folder"], cwd=shell.folder, check=True)
        if row[0] == "shell":
            shell.type("amalgam sandbox build")
        for name in row:
            page = subprocess.run([program.binary, "sandbox", *([name] if name else []), "--help"], capture_output=True,
                                  text=True, check=True).stdout
            for line in examples(page):
                if name in ("ps", "rm"):
                    running = shell.type("amalgam sandbox run --detach nap.py").strip()
                if name == "logs":
                    running = shell.type("amalgam sandbox run --detach script.py").strip()
                line = line.replace("4f0c", running[:8]) if "4f0c" in line else line
                line = line.replace("host0", "127.0.0.1").replace("--runs 500", "--runs 5")
                printed = shell.type(line)
                if "run" in line and "script.py" in line and "--detach" not in line:
                    check("hello" in printed, f"{line}: printed {printed!r}")
                count += 1
        shell.end()
    shell.type("amalgam sandbox rm $(amalgam sandbox ps --all --quiet)")
    return f"{count} examples of sandbox ... --help"


if __name__ == "__main__":
    sys.exit(main({"examples": examples_run, "judge_examples": judge_examples, "sandbox_examples": sandbox_examples}))
