"""Writes profiles.z: the language profiles of the PyPI package langdetect 1.0.9 (NOTICE beside this file).

Usage: python3 make_profiles.py PATH/TO/langdetect profiles.z

zlib of: Vietnamese letters, the marks that may follow them, and for each mark what the letters become; the number of
groups of Chinese characters that count as their first, and the groups; the number of languages; each language's name (a length, bytes) and its counts of 1-, 2- and 3-grams; then
until the end each n-gram, sorted: a length, UTF-8, the number of languages, and for each its index and its count.
All numbers are LEB128 (7 bits a byte, the lowest first).
"""

import json
import pathlib
import re
import sys
import zlib


def number(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def text(s):
    return number(len(s.encode())) + s.encode()


def main():
    package = pathlib.Path(sys.argv[1])
    messages = {}
    for line in (package / "utils" / "messages.properties").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition("=")
        messages[name] = re.sub(r"\\u(....)", lambda m: chr(int(m[1], 16)), value)
    profiles = sorted((json.loads(p.read_text(encoding="utf-8")) for p in (package / "profiles").iterdir()),
                      key=lambda p: p["name"])
    grams = {}
    for index, profile in enumerate(profiles):
        for gram, count in profile["freq"].items():
            if 1 <= len(gram) <= 3:
                grams.setdefault(gram, []).append((index, count))
    out = bytearray(text(messages["TO_NORMALIZE_VI_CHARS"]) + text(messages["DMARK_CLASS"]))
    for mark in messages["DMARK_CLASS"]:
        out += text(messages[f"NORMALIZED_VI_CHARS_{ord(mark):04X}"])
    groups = [value for name, value in sorted(messages.items()) if name.startswith("NGram.KANJI_")]
    out += number(len(groups)) + b"".join(text(group) for group in groups)
    out += number(len(profiles))
    for profile in profiles:
        out += text(profile["name"]) + b"".join(number(n) for n in profile["n_words"])
    for gram in sorted(grams):
        out += text(gram) + number(len(grams[gram]))
        for index, count in grams[gram]:
            out += number(index) + number(count)
    pathlib.Path(sys.argv[2]).write_bytes(zlib.compress(bytes(out), 9))


main()
