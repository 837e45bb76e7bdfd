"""The examples that --help shows are run, in their order, as somebody would who tries one after the other: from the
folder of the clone, here with small settings in configs/quickstart.toml."""

import os
import re
import shutil
import subprocess
import sys

from run_harness import ROOT, SMALL, check, main, text_of

# Each uses what those before it made.
COMMANDS = ["doctor", "data", "run", "worker", "report", "samples", "inspect", "init", "encode", "tokenize", "score", "generate", "sft",
            "rl", "distill", "eval", "convert", "verify"]
QUICKSTART = [*(s for s in SMALL if "dates" not in s), "sft.batch_tokens=256"]


def examples(text):
    """The command lines of a help page; a backslash goes on in the next line."""
    lines = text.split("\nExamples:\n", 1)[1].replace("\\\n", " ").split("\n")
    return [line.strip() for line in lines if line.startswith("  ")]


def help_pages(program):
    """A help page of every command but those of `sandbox`, which have their own tests."""
    listed = subprocess.run([program.binary, "--help"], capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r"^  ([a-z-]+) {2,}", listed.split("\nSubcommands:\n", 1)[1], re.M)) - {"sandbox"}
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
    shown = set(re.findall(r"^\| `amalgam ([a-z]+)", text_of(ROOT + "/README.md"), re.M)) - {"sandbox"}
    check(shown <= set(COMMANDS), f"the README has commands that there are not: {shown}")
    for name, page in help_pages(program).items():
        for line in examples(page):
            done = subprocess.run(["/bin/sh", "-ec", line], cwd=clone, env=environment, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=600, check=False)
            check(done.returncode == 0, f"{name}: {line}: {done.returncode}: {done.stderr[-600:]}")
            count += 1
    return f"{count} examples of --help"


if __name__ == "__main__":
    sys.exit(main({"examples": examples_run}))
