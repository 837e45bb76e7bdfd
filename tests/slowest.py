#!/usr/bin/env python3
"""What takes longest: files to compile and tests, as tables in Markdown.

    tests/slowest.py BUILD_DIR [COUNT]      from its .ninja_log and, where `make test` left one, its tests.xml
"""
import pathlib
import re
import sys
import xml.etree.ElementTree


def made(ninja_log):
    """{output: seconds}, each as it was made last."""
    seconds = {}
    for line in ninja_log.splitlines():
        if not line.startswith("#"):
            begin, end, _, output, _ = line.split("\t")
            seconds[output] = (int(end) - int(begin)) / 1000
    return seconds


def unit(output):
    """An object's target, and the source or the unit that it was compiled from."""
    target, _, source = re.sub(r"\.o$", "", output).removeprefix("CMakeFiles/").partition(".dir/")
    return f"{target}: {re.sub(r'^Unity/unity_|_cxx[.]cxx$', '', source)}"


def table(head, rows, count):
    rows = sorted(rows, key=lambda row: -row[1])[:count]
    return "\n".join([f"| {head} | s |", "|---|---|", *(f"| {name} | {seconds:.1f} |" for name, seconds in rows)])


def main(folder, count="10"):
    folder = pathlib.Path(folder)
    objects = [(unit(o), s) for o, s in made((folder / ".ninja_log").read_text()).items() if o.endswith(".o")]
    print(f"{len(objects)} objects took {sum(s for _, s in objects) / 60:.1f} minutes of one core; the slowest:\n")
    print(table("object", objects, int(count)))
    results = folder / "tests.xml"
    if results.exists():
        tests = [(case.get("name"), float(case.get("time", 0)))
                 for case in xml.etree.ElementTree.parse(results).getroot().iter("testcase")]
        print(f"\n{len(tests)} tests took {sum(s for _, s in tests) / 60:.1f} minutes one after the other; the slowest:\n")
        print(table("test", tests, int(count)))


if __name__ == "__main__":
    main(*sys.argv[1:])
