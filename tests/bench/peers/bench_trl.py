"""TRL's GRPOTrainer on the tiny model: 8 prompts x 8 samples x 64 new tokens, as tests/bench/grpo_bench.cc."""
import logging
import os
import statistics
import tempfile
import time

os.environ["HF_HUB_OFFLINE"] = "1"
from datasets import Dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from measure import load_config, random_model, report

logging.disable(logging.WARNING)
SAMPLES, NEW_TOKENS, STEPS = 8, 64, 5

tokens = Tokenizer(models.BPE())
tokens.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokens.decoder = decoders.ByteLevel()
with open(__file__) as text:
    tokens.train_from_iterator([text.read() * 3], trainers.BpeTrainer(
        vocab_size=1000, special_tokens=["<bos>", "<eos>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokens, bos_token="<bos>", eos_token="<eos>",
                                    pad_token="<pad>", padding_side="left")
prompts = [f"compute {i} plus {i + 1} and print the result of it as a number" for i in range(64)]

config = load_config("tiny")
config.eos_token_id, config.pad_token_id = tokenizer.eos_token_id, tokenizer.pad_token_id
config.num_experts = config.n_routed_experts  # the name that the trainer looks for


class Stamps(TrainerCallback):
    def __init__(self):
        self.wall, self.cpu = [], []

    def on_step_end(self, *args, **kwargs):
        self.wall.append(time.perf_counter())
        self.cpu.append(time.process_time())


def num_distinct(completions, **kwargs):
    return [float(len(set(c))) for c in completions]


stamps = Stamps()
with tempfile.TemporaryDirectory() as directory:
    arguments = GRPOConfig(
        output_dir=directory, per_device_train_batch_size=8 * SAMPLES, num_generations=SAMPLES,
        max_completion_length=NEW_TOKENS, max_steps=STEPS, report_to=[], use_cpu=True,
        logging_steps=STEPS, save_strategy="no", beta=0.0,
        generation_kwargs={"min_new_tokens": NEW_TOKENS}, disable_tqdm=True, bf16=False,
        gradient_checkpointing=False)
    GRPOTrainer(model=random_model(config), reward_funcs=num_distinct, args=arguments,
                train_dataset=Dataset.from_list([{"prompt": p} for p in prompts]),
                processing_class=tokenizer, callbacks=[stamps]).train()


def median_step(stamps):  # the first step is left out
    return statistics.median(b - a for a, b in zip(stamps, stamps[1:]))


report("grpo_step", median_step(stamps.wall), median_step(stamps.cpu),
       prompt_tokens=len(tokenizer(prompts[0])["input_ids"]))
