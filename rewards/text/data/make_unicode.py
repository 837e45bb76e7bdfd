"""Writes unicode.txt: what Python's str methods, its re and the regex package say of every character.

Usage: python3.11 make_unicode.py > unicode.txt    (pip install regex==2026.11.19 emoji==2.16.0)

Lines: "START END FLAGS" in hex, FLAGS as in rewards/text/unicode.h; "lower CHAR TO" and "fold CHAR TO".
"""

import re
import sys
import unicodedata

import emoji
import regex
from re import _casefix, _compiler  # noqa: F401  (CPython 3.11 and later)

import _sre

SIGMA = "\u03a3"
regex_word, regex_space, word, digit = (
    regex.compile(r"\w"), regex.compile(r"\s"), re.compile(r"\w"), re.compile(r"\d"))


def lower(code):
    return _sre.unicode_tolower(code)


def fold(code):
    """The least character that re.IGNORECASE takes for this one."""
    low = lower(code)
    return min((low, *_casefix._EXTRA_CASES.get(low, ())))


def flags(code):
    c = chr(code)
    cased = (c + SIGMA).lower()[-1] == "\u03c2"
    ignorable = not cased and ("A" + c + SIGMA).lower()[-1] == "\u03c2"
    return sum(bit << i for i, bit in enumerate((
        c.isupper(), c.islower(), c.istitle() and not c.isupper(), bool(word.match(c)),
        bool(regex_word.match(c)), bool(digit.match(c)), c.isdigit(), c.isspace(),
        bool(regex_space.match(c)), cased, ignorable, emoji.is_emoji(c),
        lower(code) != code, fold(code) != code)))


def main():
    codes = [c for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
    print(f"# Unicode {unicodedata.unidata_version} as Python {sys.version.split()[0]} has it, regex {regex.__version__},"
          f" emoji {emoji.__version__}; made by make_unicode.py")
    start, last, value = 0, -1, 0
    for code in [*codes, None]:
        now = flags(code) if code is not None else None
        if now != value or code != last + 1:
            if value:
                print(f"{start:x} {last:x} {value:x}")
            start, value = code, now
        last = code
    for code in codes:
        if lower(code) != code:
            print(f"lower {code:x} {lower(code):x}")
    for code in codes:
        if fold(code) != code:
            print(f"fold {code:x} {fold(code):x}")


main()
