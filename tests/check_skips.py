"""Usage: check_skips.py TESTS.xml SKIPS.txt

Fails if ctest skipped a test, or left out a disabled one, that SKIPS.txt does not list. A line of SKIPS.txt is a regular expression
for the whole name, blanks, and the reason."""

import re
import sys
import xml.etree.ElementTree


def skipped_tests(junit_text):
    root = xml.etree.ElementTree.fromstring(junit_text)
    cases = list(root.iter("testcase"))
    if not cases:
        raise ValueError("no tests in the results")
    return [case.get("name") for case in cases
            if case.get("status") == "disabled" or case.find("skipped") is not None]


def parse_skips(text):
    skips = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        pattern, _, reason = line.partition(" ")
        if not reason.strip():
            raise ValueError(f"no reason given for {pattern}")
        skips.append(re.compile(pattern))
    return skips


def unlisted(names, skips):
    return [name for name in names if not any(skip.fullmatch(name) for skip in skips)]


def main(junit_path, skips_path):
    with open(junit_path) as junit, open(skips_path) as skips:
        names = skipped_tests(junit.read())
        missing = unlisted(names, parse_skips(skips.read()))
    for name in missing:
        print(f"{name} was skipped; list it in {skips_path} with its reason", file=sys.stderr)
    print(f"{len(names)} skipped, {len(missing)} of them without a reason")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
