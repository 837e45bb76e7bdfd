#!/usr/bin/env python3
"""`make build`, `make test`, `make bench` and back again compile nothing twice.

    tests/build_twice_test.py [BUILD_DIR]

In a fresh folder, all configurations give the program the same commands. BUILD_DIR, where `make test` has just built
everything, has nothing to do when it is configured as `make build` and as `make test` do. Compiles nothing itself.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = "amalgam"


def output(*command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {(done.stdout + done.stderr).strip()[-2000:]}")
    return done.stdout


def configure(target, folder):
    """As `make TARGET` does, but in this folder."""
    lines = [line.split() for line in output("make", "-n", target).splitlines() if line.startswith("cmake --preset")]
    if len(lines) != 1:
        sys.exit(f"build_twice: make {target} configures {len(lines)} times, not once")
    output(*lines[0], "-B", folder)


def commands(folder):
    """{what a command makes: the command}"""
    lines = output("ninja", "-C", folder, "-t", "commands", PROGRAM).splitlines()
    return {line.partition(" -o ")[2].split(" ")[0] or line: line for line in lines}


def difference(a, b):
    """The first thing that is made otherwise, with the words that differ; None: there is none."""
    for made in sorted(a.keys() | b.keys()):
        if a.get(made) != b.get(made):
            words = set(a.get(made, "").split()) ^ set(b.get(made, "").split())
            return f"{made}: {' '.join(sorted(words))[:300]}"
    return None


def work(folder, targets=()):
    """What a build would do first; None: nothing."""
    # build.ninja itself would first be made again, and a dry run ends there; a copy under another name is not.
    dry = pathlib.Path(folder) / "dry.ninja"
    shutil.copy(pathlib.Path(folder) / "build.ninja", dry)
    lines = output("ninja", "-C", folder, "-f", dry.name, "-n", *targets).splitlines()
    dry.unlink()
    return None if lines[-1] == "ninja: no work to do." else lines[1]


def main(arguments):
    with tempfile.TemporaryDirectory() as folder:
        configure("build", folder)
        first = commands(folder)
        if not any(made.endswith(".o") for made in first):
            sys.exit("build_twice: no object of the program was found")
        for target in ("test", "bench", "build"):
            configure(target, folder)
            if found := difference(first, commands(folder)):
                sys.exit(f"build_twice: after `make build`, `make {target}` would compile anew: {found}")
    for folder in arguments:
        for target, targets in (("build", [PROGRAM]), ("test", [])):
            configure(target, pathlib.Path(folder).resolve())
            if found := work(folder, targets):
                sys.exit(f"build_twice: after `make test`, `make {target}` would do more: {found}")
    print("nothing is compiled twice")


if __name__ == "__main__":
    main(sys.argv[1:])
