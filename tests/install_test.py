#!/usr/bin/env python3
"""What `make install` puts in place: the program, a manual page of every command, completions that know its options.

    tests/install_test.py BUILD_DIR
"""
import glob
import gzip
import re
import subprocess
import sys
import tempfile


def check(condition, what):
    if not condition:
        sys.exit(f"install_test: {what}")


def text_of(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **more)
    check(done.returncode == 0, f"{command}: {done.returncode}: {done.stderr[-600:]}")
    return done.stdout


def words(help_page, title):
    """The first words of the lines below a title of --help."""
    part = help_page.split(f"\n{title}:\n", 1)
    return re.findall(r"^  (\S+)", part[1].split("\n\n", 1)[0], re.M) if len(part) == 2 else []


def completed(file, *typed):
    script = f'. {file}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _amalgam; printf "%s\\n" "${{COMPREPLY[@]}}"'
    return set(text_of("/bin/bash", "-c", script, "bash", *typed).split()) if typed else set()


def main():
    prefix = tempfile.mkdtemp(prefix="amalgam-install-")
    try:
        text_of("cmake", "--install", sys.argv[1], "--prefix", prefix)
        program = prefix + "/bin/amalgam"
        check(text_of(program, "--version").startswith("amalgam "), "--version")
        bash, zsh = prefix + "/share/bash-completion/completions/amalgam", prefix + "/share/zsh/site-functions/_amalgam"
        with open(zsh, encoding="utf-8") as file:
            zsh_text = file.read()
        commands = [[name] for name in words(text_of(program, "--help"), "Subcommands")]
        families = [[name, second] for [name] in commands for second in words(text_of(program, name, "--help"), "Subcommands")]
        check(["data", "check"] in families and ["sandbox", "run"] in families, f"families: {families}")
        commands += families
        check(len(commands) > 25, f"commands: {commands}")
        pages = set(glob.glob(prefix + "/share/man/man1/*"))
        check(len(pages) == len(commands) + 1, f"{len(commands)} commands and {len(pages)} pages")
        for command in commands:
            check(command[-1] in completed(bash, "amalgam", *command[:-1], command[-1][:2]), f"{command} is not completed")
            help_page = text_of(program, *command, "--help")
            if "\nSubcommands:\n" in help_page:
                help_page = help_page.replace("\nSubcommands:\n", "\nExamples:\n")  # options are before them
            with gzip.open(f"{prefix}/share/man/man1/amalgam-{'-'.join(command)}.1.gz", "rt", encoding="utf-8") as file:
                page = file.read().replace("\\-", "-")
            if command in (["sandbox"], ["effort"], ["judge"]):  # of commands alone
                continue
            options = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", help_page.split("\nExamples:\n")[0].split("\nOptions:\n")[1]))
            options = {o for o in options if re.search(rf"^  (-\w,)?([^ ]*,)?{o}[ ,]", help_page, re.M)}
            check(options - {"--help"} <= set(re.findall(r"--[a-z][a-z0-9-]*", page)), f"{command}: {options} on its page")
            offered = completed(bash, "amalgam", *command, "--")
            check(offered == completed(bash, "amalgam", *command, "FILE", "--"), f"{command} FILE is completed otherwise")
            check(options == offered, f"{command}: completion offers {offered}, --help has {options}")
            check(f"'{' '.join(command)}')" in zsh_text, f"{command} in zsh")
        print(f"install: {len(pages)} manual pages, completions of {len(commands)} commands")
    finally:
        subprocess.run(["rm", "-rf", prefix], check=True)


if __name__ == "__main__":
    main()
