"""transformers' deepseek_v4: forward + backward, forward and generate, as tests/bench/model_bench.cc."""
import logging

import torch
from transformers import GenerationConfig

from measure import load_config, measure, random_model

logging.disable(logging.WARNING)
PROMPT, FRESH = 64, 64

for size, sequences, length in (("tiny", 8, 256), ("small", 4, 256)):
    config = load_config(size)
    model = random_model(config)
    ids = torch.randint(0, config.vocab_size, (sequences, length))

    def forward_backward():
        model.zero_grad()
        model(ids, labels=ids, use_cache=False).loss.backward()

    model.train()
    measure(f"forward_backward/{size}/{sequences}/{length}", forward_backward, 3)
    model.zero_grad()
    model.eval()
    with torch.no_grad():
        measure(f"forward/{size}/{sequences}/{length}", lambda: model(ids, use_cache=False), 3)
        for batch in (1, 32):
            prompts = torch.randint(0, config.vocab_size, (batch, PROMPT))
            generation = GenerationConfig(max_new_tokens=FRESH, min_new_tokens=FRESH, do_sample=True,
                                          temperature=1.0, top_k=0)
            measure(f"decode/{size}/{batch}",
                    lambda: model.generate(prompts, generation_config=generation), 1)
