"""Math-Verify on the rows of tests/golden/rewards/math_dev.jsonl, on one core.

    math_verify_bench.py

One JSON line for all rows and one for those whose ground truth is a number, as tests/bench/reward_bench.cc has them:
seconds, and beside them how many verdicts are right and how many wrong answers were rewarded.
"""
import json
import logging
import os
import pathlib
import re
import time

from math_verify import parse, verify

logging.disable(logging.CRITICAL)  # it reports each answer that it cannot read
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
ROWS = pathlib.Path(__file__).resolve().parents[2] / "golden" / "rewards" / "math_dev.jsonl"
rows = [json.loads(line) for line in ROWS.read_text().splitlines()]


def verdict(row):
    try:
        return int(verify(parse("$" + row["gold"] + "$"), parse(row["solution"])))
    except Exception:  # noqa: BLE001, whatever it does not survive is no reward
        return 0


verdict(rows[0])  # loads the grammar
for work, chosen in (("all", rows), ("numbers", [r for r in rows if re.fullmatch(r"[0-9.-]+", r["gold"])])):
    begin, cpu_begin = time.perf_counter(), time.process_time()
    verdicts = [verdict(row) for row in chosen]
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
    print(json.dumps({"work": f"math_answers/{work}", "seconds": seconds, "cpu_seconds": cpu_seconds,
                      "answers": len(chosen),
                      "right": sum(v == r["want"] for v, r in zip(verdicts, chosen)),
                      "wrong_rewarded": sum(v == 1 and r["want"] == 0 for v, r in zip(verdicts, chosen))}), flush=True)
