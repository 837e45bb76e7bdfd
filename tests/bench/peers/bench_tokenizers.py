"""The tokenizers library on the text of tests/bench/tokenizer_bench.cc, on one core. Python with tokenizers.

    bench_tokenizers.py TOKENIZER TEXT [TOKENIZER_BENCH]

With the path of the tokenizer_bench program it runs that on the same core in between, and prints the ratio.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from tokenizers import Tokenizer

os.environ["RAYON_NUM_THREADS"] = "1"
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
tokenizer = Tokenizer.from_file(sys.argv[1])
text = pathlib.Path(sys.argv[2]).read_bytes().decode(errors="replace")
size = len(text.encode())


def seconds():
    begin = time.process_time()
    tokenizer.encode(text, add_special_tokens=False)
    return time.process_time() - begin


times = [seconds()]
ours = None
if len(sys.argv) > 3:
    output = json.loads(subprocess.run(
        [*sys.argv[3:], *sys.argv[1:3], "--benchmark_format=json", "--benchmark_filter=encode$",
         "--benchmark_repetitions=3", "--benchmark_report_aggregates_only=true"],
        check=True, capture_output=True, text=True, timeout=600).stdout.split("tokens\n", 1)[1])
    ours = next(b for b in output["benchmarks"] if b["run_name"].startswith("encode"))["cpu_time"] * 1e-3
times += [seconds(), seconds()]
peer = statistics.median(times)
print(f"tokenizers  {size / peer * 1e-6:8.2f} MB/s  ({size * 1e-6:.1f} MB, one core, processor time)")
if ours:
    print(f"ours        {size / ours * 1e-6:8.2f} MB/s\nratio       {peer / ours:8.1f}")
