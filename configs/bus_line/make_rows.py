"""Writes the rows of this domain: train.jsonl, validation.jsonl, test.jsonl and sft.jsonl, the same bytes
every time.

Usage: make_rows.py [FOLDER]

A bus line has its stops in an order that a model can only learn by heart. "Which stop is 5 after Kerr?" is
worked out in hops: "4 Oak" is a hop of one stop, after which four are left; "1 Moor" a hop of four. Long
hops save tokens, and are known less well. The examples show each question at most four times: answered at
once, and in hops of four, of two and of one. What is the better style is a matter of what tokens cost."""

import json
import os
import random
import sys

STOPS = """Abbey Alder Amber Ashby Aspen Baker Beech Birch Bloom Bower Brook Cedar Chase Clay Cliff Coast Coral Court Crane
Creek Cross Crown Dale Dene Eagle Elder Elm Falls Farm Field Finch Flint Ford Forge Fox Frost Glen Grove
Hall Haven Hawk Hazel Heath Hill Holly Hope Isle Ivy Jade Kerr King Kite Lake Lark Lawn Lime Lodge Lynn
Manor Maple Marsh Mill Mint Moor Moss North Oak Olive Opal Otter Park Pearl Pine Plaza Pond Port Quay Reed
Ridge River Robin Rose Rowan Sage Shaw Shore Slate South Stone Swan Thorn Tower Vale View Wells West Wick
Wood Yard York""".split()
FARTHEST = 12
TEST, VALIDATION, TRAIN = 400, 80, 220  # pairs of a stop and a number; the others are shown in examples
HOPS = (0, 4, 2, 1)  # 0: answered at once


def stop_after(line, pair, count):
    return line[(pair[0] + count) % len(line)]


def prompt(line, pair):
    return [{"role": "user", "content": f"Which stop is {pair[1]} after {line[pair[0]]}?"}]


def working(line, pair, hop):
    done, words = 0, []
    while hop and done < pair[1]:
        done = min(done + hop, pair[1])
        words.append(f"{pair[1] - done} {stop_after(line, pair, done)}")
    return " ".join(words)


def prompt_row(line, index, pair):
    return {"data_source": "bus_line", "prompt": prompt(line, pair),
            "reward_model": {"style": "rule", "ground_truth": stop_after(line, pair, pair[1])},
            "extra_info": {"index": index}}


def sft_rows(line, pair):
    """One for each different working."""
    for text in dict.fromkeys(working(line, pair, hop) for hop in HOPS):
        yield {"messages": prompt(line, pair) + [{"role": "assistant", "reasoning_content": text,
                                                  "content": stop_after(line, pair, pair[1])}]}


def write(path, rows):
    with open(path, "w") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


def main(folder):
    draw = random.Random(1)
    line = draw.sample(STOPS, len(STOPS))
    pairs = [(start, count) for start in range(len(line)) for count in range(1, FARTHEST + 1)]
    draw.shuffle(pairs)  # no pair is in two files
    take = lambda count: [pairs.pop() for _ in range(count)]
    test, validation, train = take(TEST), take(VALIDATION), take(TRAIN)
    for name, part in (("test", test), ("validation", validation), ("train", train)):
        write(os.path.join(folder, name + ".jsonl"), [prompt_row(line, *row) for row in enumerate(part)])
    examples = [row for pair in pairs for row in sft_rows(line, pair)]
    draw.shuffle(examples)
    write(os.path.join(folder, "sft.jsonl"), examples)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__)))
