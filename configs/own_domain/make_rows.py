"""Writes the rows of this domain: train.jsonl, heldout.jsonl and sft.jsonl, the same bytes every time.

Usage: make_rows.py [FOLDER]

A date in words is to be written as YYYY-MM-DD. The worked examples are as careless as such collections
are: three answers of five have the day first. A model that imitates them is right two times of five, and
reinforcement learning can select those."""

import calendar
import json
import os
import random
import sys

TRAIN, HELDOUT, SFT = 600, 400, 1200
YEARS = range(2000, 2030)


def prompt(date, wording):
    year, month, day = date
    name = calendar.month_name[month]
    text = f"{day} {name} {year}" if wording == 0 else f"{name} {day}, {year}"
    return [{"role": "user", "content": "Date: " + text}]


def good(date):
    return "{:04}-{:02}-{:02}".format(*date)


def careless(date):
    return "{2:02}.{1:02}.{0:04}".format(*date)


def prompt_row(date, wording, index):
    return {"data_source": "dates", "prompt": prompt(date, wording),
            "reward_model": {"style": "rule", "ground_truth": good(date)}, "extra_info": {"index": index}}


def sft_row(date, wording, index):
    answer = good(date) if index % 5 < 2 else careless(date)
    return {"messages": prompt(date, wording) + [{"role": "assistant", "content": answer}]}


def main(folder):
    draw = random.Random(1)
    dates = [(year, month, day) for year in YEARS for month in range(1, 13)
             for day in range(1, calendar.monthrange(year, month)[1] + 1)]
    draw.shuffle(dates)  # no date is in two files
    for name, count, row in (("heldout", HELDOUT, prompt_row), ("train", TRAIN, prompt_row),
                             ("sft", SFT, sft_row)):
        with open(os.path.join(folder, name + ".jsonl"), "w") as file:
            for index in range(count):
                file.write(json.dumps(row(dates.pop(), draw.randrange(2), index)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__)))
