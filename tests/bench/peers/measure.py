"""What the peers' scripts share: the two model sizes, and one JSON line per measurement."""
import json
import pathlib
import statistics
import time

import torch
from transformers import DeepseekV4Config, DeepseekV4ForCausalLM

THREADS = 2
torch.set_num_threads(THREADS)
SIZES = pathlib.Path(__file__).resolve().parents[2] / "golden" / "sizes"


def report(work, seconds, cpu_seconds, **extra):
    print(json.dumps({"work": work, "seconds": seconds, "cpu_seconds": cpu_seconds, **extra}), flush=True)


def measure(work, call, calls, extra=lambda: {}):
    """Median of `calls` calls after one that warms up; `extra` is asked for more figures at the end."""
    call()
    times = []
    for _ in range(calls):
        begin, cpu_begin = time.perf_counter(), time.process_time()
        call()
        times.append((time.perf_counter() - begin, time.process_time() - cpu_begin))
    report(work, *(statistics.median(column) for column in zip(*times)), **extra())


def load_config(size):
    return DeepseekV4Config.from_json_file(SIZES / f"{size}.json")


def random_model(config):
    torch.manual_seed(0)
    model = DeepseekV4ForCausalLM(config)
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            if name.endswith("tid2eid"):  # zeros otherwise: every token to the first expert
                buffer.copy_(torch.randint(0, config.n_routed_experts, buffer.shape))
    return model
