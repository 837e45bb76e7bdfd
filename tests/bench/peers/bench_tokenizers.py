"""The tokenizers library on the texts of tests/bench/tokenizer_bench.cc, on one core.

    bench_tokenizers.py TOKENIZER IDS_DIR TEXT…

One JSON line for each text and way: encode, and encode_batch_fast, which leaves the offsets out. Ids that are
not those in IDS_DIR/NAME.ids end the script.
"""
import os

os.environ["RAYON_NUM_THREADS"] = "1"  # read when the library is loaded
import array
import json
import pathlib
import statistics
import sys
import time

from tokenizers import Tokenizer

CALLS = 3

os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
tokenizer = Tokenizer.from_file(sys.argv[1])
WAYS = {
    "encode": lambda text: tokenizer.encode(text, add_special_tokens=False),
    "encode_fast": lambda text: tokenizer.encode_batch_fast([text], add_special_tokens=False)[0],
}
for path in map(pathlib.Path, sys.argv[3:]):
    text = path.read_bytes().decode()
    ids = array.array("i", (pathlib.Path(sys.argv[2]) / f"{path.stem}.ids").read_bytes())
    for way, encode in WAYS.items():
        times = []
        for _ in range(CALLS):
            begin, cpu_begin = time.perf_counter(), time.process_time()
            encoding = encode(text)
            times.append((time.perf_counter() - begin, time.process_time() - cpu_begin))
        if encoding.ids != ids.tolist():
            sys.exit(f"{path}: the ids are not ours")
        seconds, cpu_seconds = map(statistics.median, zip(*times))
        print(json.dumps({"work": f"{way}/{path.stem}", "seconds": seconds, "cpu_seconds": cpu_seconds}), flush=True)
