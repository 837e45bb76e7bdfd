#!/usr/bin/env python3
"""The Debian package installs on a bare Debian 12, works there, and leaves nothing when it is removed.

    tests/package_test.py build/amalgam_VERSION_ARCHITECTURE.deb

Makes that Debian with debootstrap, so needs root and a mirror: the one this machine's apt uses. Where that fails before
the package is touched it says so and ends with 77.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

SYSTEM = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8",
          **{name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}}


def run(*command, timeout=600, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, env=SYSTEM, **more)
    if done.returncode != 0:
        sys.exit(f"package_test: {' '.join(command)}: {done.returncode}: {(done.stdout + done.stderr)[-1500:]}")
    return done.stdout


def mirror():
    for path in glob.glob("/etc/apt/sources.list") + glob.glob("/etc/apt/sources.list.d/*"):
        with open(path, encoding="utf-8") as file:
            for line in file:
                if match := re.match(r"(?:deb (?:\[[^]]*\] )?|URIs: )(https?://\S+/debian)/?(?:\s|$)", line):
                    return match.group(1)
    return "http://deb.debian.org/debian"


def check(condition, what):
    if not condition:
        sys.exit(f"package_test: {what}")


def make_debian(root):
    """With what its apt needs to reach the mirror."""
    try:
        run("debootstrap", "--variant=minbase", "bookworm", root, mirror())
        shutil.copy("/etc/resolv.conf", root + "/etc/resolv.conf")
        for path in glob.glob("/etc/apt/apt.conf.d/*") + glob.glob("/usr/local/share/ca-certificates/*"):
            if os.path.isfile(path) and not os.path.exists(root + path):
                os.makedirs(os.path.dirname(root + path), exist_ok=True)
                shutil.copy(path, root + path)
        run("chroot", root, "apt-get", "update", "-q")
    except (SystemExit, OSError, subprocess.TimeoutExpired) as e:
        print(f"package_test: not tried, no Debian could be made here: {e}", file=sys.stderr)
        sys.exit(77)


def main():
    package = os.path.abspath(sys.argv[1])
    root = tempfile.mkdtemp(prefix="amalgam-package-")
    try:
        make_debian(root)
        shutil.copy(package, root + "/amalgam.deb")

        def inside(*command, **more):
            return run("chroot", root, *command, **more)

        inside("apt-get", "install", "-q", "-y", "--no-install-recommends", "/amalgam.deb")
        version = inside("amalgam", "--version").strip()
        built = subprocess.run([os.path.dirname(package) + "/amalgam", "--version"], capture_output=True, text=True, check=True)
        check(version == built.stdout.strip() and re.fullmatch(r"amalgam \d+\.\d+\.\d+( \([0-9a-f]{8}\))?", version),
              f"--version says {version!r}, that of the build {built.stdout!r}")
        check("post-train" in inside("dpkg", "-s", "amalgam"), "the package has no description")
        check("Subcommands:" in inside("amalgam", "--help"), "--help")
        files = inside("dpkg", "-L", "amalgam").split("\n")
        check({"/usr/bin/amalgam", "/usr/share/man/man1/amalgam-rl.1.gz", "/usr/share/doc/amalgam/README.md", "/usr/share/doc/amalgam/copyright",
               "/usr/share/bash-completion/completions/amalgam"} <= set(files), f"files: {files}")
        check(all(os.path.exists(root + file) for file in files if file), "files that were not unpacked")
        row = '{"messages": [{"role": "user", "content": "2 + 3"}]}'
        check("2 + 3" in inside("amalgam", "encode", "--in", "-", "--out", "-", input=row), "encode")
        # Computes, with the examples that it brings.
        folder = "/usr/share/doc/amalgam/configs"
        done = inside("amalgam", "run", folder + "/ci.toml", "--run-dir", "/run1", "data.train_rows=40", "data.validation_rows=8",
                      "data.heldout_rows=16", "data.sft_rows=100", "base.sft.steps=4", "base.anneal.steps=2", "rl.steps=1",
                      "domain.math.rl.steps=1", "domain.dates.rl.steps=1", "rl.data.train_batch_size=2", "rl.rollout.n=2",
                      "rl.val_prompts=2", "distill.steps=0", "eval.prompts=2", "eval.n=1", "compare=[]", cwd="/")
        check("mean reward" in done and os.path.exists(root + "/run1/report.html"), f"a run: {done[-500:]}")
        inside("apt-get", "remove", "-q", "-y", "amalgam")
        check(not any(os.path.isfile(root + file) for file in files if file), "files are left when it is removed")
        print(f"package: {version} installs on a bare Debian 12, runs and is removed; {os.path.getsize(package) / 1e6:.1f} MB")
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
