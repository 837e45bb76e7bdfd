"""Whole runs: the same bytes however they are computed, killed or stopped.

Usage: run_test.py BINARY CHECK [ARGUMENT…]; tests/tests.cmake lists the checks."""

import glob
import hashlib
import itertools
import json
import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import time

from run_harness import (CONFIG, ROOT, SMALL, check, check_rewards_vary, check_same, children,
                         durable_tokens, finish, kill_all, logged_samples, main,
                         metric_lines, outcome, results, rows_of, run_until, seeded, stat_of, text_of,
                         trajectories, unset_fields, varint, workers_of)

SKIPPED = 77


def small_on(ci_run):
    """A small run that starts from the trained base of a finished one, so that its samples answer,
    call tools and run code."""
    return [*SMALL, f"model.path={ci_run}/base"]


def check_no_difference(run_dir):
    """Sampler and learner gave every token the same probability, in every step of every stage."""
    steps = 0
    for line in metric_lines(run_dir):
        match = re.search(r'"training/rollout_probs_diff_max":([^,}]*)', line)
        if match:
            check(float(match.group(1)) == 0, f"probabilities differ: {line}")
            steps += 1
    check(steps > 0, "no step compared probabilities")
    check(results(run_dir)["rollout_probs_diff_max"] == 0, "results.json: probabilities differ")
    return steps


# The run of configs/ci.toml.


def share_of_best(run_dir, model, domain):
    """Share of the sampled test answers with score 1, and its standard error over prompts."""
    shares = [row[0] for row in rows_of(
        run_dir, "SELECT AVG(reward = 1) FROM trajectories WHERE stage = ? GROUP BY prompt_group",
        f"eval-{model}-{domain}-sampled")]
    mean = sum(shares) / len(shares)
    variance = sum((x - mean) ** 2 for x in shares) / (len(shares) - 1)
    return mean, (variance / len(shares)) ** 0.5


def check_own_domain(run_dir):
    """The example domain starts careless and learns."""
    base, base_error = share_of_best(run_dir, "base", "dates")
    best, best_error = share_of_best(run_dir, "specialist", "dates")
    text = f"dates solved: base {base:.2f} ± {base_error:.2f}, specialist {best:.2f} ± {best_error:.2f}"
    check(best - base >= 2 * (base_error ** 2 + best_error ** 2) ** 0.5, f"no rise: {text}")
    check(base <= 0.6 and best >= 0.8 and best - base >= 0.2, text)
    return text


def check_disk(run_dir):
    """What was said at the start is not less than what there is at the end."""
    said = re.search(r"needs at most ([\d.]+) MiB of disk for models and ([\d.]+) MiB for samples", text_of(run_dir + ".log"))
    sizes = {name: 0 for name in ("models", "samples")}
    for folder, _, files in os.walk(run_dir):
        for file in files:
            is_model = file == "state" or file.endswith(".safetensors")
            sizes["models" if is_model else "samples"] += os.stat(os.path.join(folder, file)).st_blocks * 512 / 2**20
    check(said and all(float(most) >= sizes[name] for name, most in zip(sizes, said.groups())),
          f"the disk holds {sizes} MiB, said was {said and said.group()}")


def check_metric_names(run_dir):
    """docs/METRICS.md has every name that a run logs."""
    patterns = []
    for name in re.findall(r"^\| `([^`]+)`", text_of(os.path.join(ROOT, "docs", "METRICS.md")), re.M):
        pattern = re.escape(name)
        for sign, meaning in ((r"\[/DOMAIN\[/EFFORT\]\]", "(/[^/]+(/[^/]+)?)?"),
                              (r"\[/DOMAIN\[/EFFORT\]\[/TEACHER\]\]", "(/[^/]+(/[^/]+)?(/[^/]+)?)?"),
                              (r"\[/PART\[/OF\]\]", "/.+"), ("SOURCE", ".+"), ("@N", r"@\d+")):
            pattern = pattern.replace(sign, meaning)
        patterns.append(pattern)
    logged = {name for line in metric_lines(run_dir) for name in json.loads(line)} - {"stage", "step"}
    unknown = [name for name in logged if not any(re.fullmatch(p, name) for p in patterns)]
    check(len(logged) > 30 and not unknown, f"not in docs/METRICS.md: {unknown}")


def check_trajectories(run_dir):
    """The record of a sample says what happened: every field is set, versions and hashes are right."""
    unset = unset_fields(run_dir)
    check(unset == {"failure", "failure_kind", "index_entries", "forced_thinking_ends"}, f"fields that no sample has: {unset}")
    for stages, updates in (("rl-%", 2), ("distill-%", 1)):
        wrong = rows_of(run_dir, "SELECT COUNT(*) FROM trajectories WHERE stage LIKE ? AND stage NOT "
                        "LIKE '%validation%' AND weights_version IS NOT ? * step", stages, updates)
        check(wrong == [(0,)], f"{wrong} samples of {stages} have another weights_version")
    check(rows_of(run_dir, "SELECT COUNT(*) FROM trajectories WHERE stage LIKE 'eval-%' AND "
                  "weights_version IS NOT NULL") == [(0,)], "a finished model has a version")
    # Distillation scores nothing.
    check(rows_of(run_dir, "SELECT COUNT(*) FROM trajectories WHERE (reward IS NULL) != ((stage LIKE "
                  "'distill-%' OR stage LIKE 'compare-%-lr%') AND stage NOT LIKE '%validation')") == [(0,)],
          "a reward too many")
    # Prompts that train, choose and score.
    sets = {"training": set(), "validation": set(), "test": set()}
    for stage, prompt in rows_of(run_dir, "SELECT DISTINCT stage, prompt_hash FROM trajectories"):
        name = "test" if stage.startswith("eval") else "validation" if "validation" in stage else "training"
        sets[name].add(prompt)
    check(sets["training"] and sets["test"], "no prompts")
    for one, other in (("training", "validation"), ("training", "test"), ("validation", "test")):
        check(not sets[one] & sets[other], f"{len(sets[one] & sets[other])} prompts are in {one} and {other}")
    hashes = {}
    for (stage, *sample), meta, whole in trajectories(run_dir):
        if stage != "rl-dates":
            continue
        ids, at = [], 0
        while len(ids) < meta[13]:
            value, at = varint(whole[2], at)
            ids.append(value)
        digest = hashlib.sha256(struct.pack(f"<{len(ids)}i", *ids)).hexdigest()
        hashes[tuple(sample)] = digest
    check(hashes and hashes == {tuple(row[:3]): row[3] for row in rows_of(
        run_dir, "SELECT step, prompt_group, sample_index, prompt_hash FROM trajectories WHERE "
        "stage = 'rl-dates'")}, "other prompt hashes")


def ci(program, run_dir, seeds="1"):
    """Trains; leaves the first run in `run_dir` for other tests."""
    lines = []
    for seed in seeds.split(","):
        out = run_dir if seed == seeds.split(",")[0] else program.path("seed" + seed)
        shutil.rmtree(out, ignore_errors=True)
        os.makedirs(os.path.dirname(os.path.abspath(out)), exist_ok=True)
        begin = time.monotonic()
        cpu_s = program.run(out, f"seed={seed}")
        wall_s = time.monotonic() - begin
        steps = check_no_difference(out)
        scores = results(out)["domains"]
        check(list(scores) == ["math", "code", "dates"], f"other domains: {list(scores)}")
        check_trajectories(out)
        check_metric_names(out)
        check_disk(out)
        own_domain = check_own_domain(out)
        built_in = [scores["math"], scores["code"]]
        text = ", ".join(
            f"{name} base {s['base']:.2f} specialist {s['specialist']:.2f} student "
            f"{s['student']:.2f} average {s['weight_average']:.2f}" for name, s in scores.items())
        lines.append(f"seed {seed}: {text}; {own_domain}; {wall_s:.0f} s, {cpu_s:.0f} s of "
                     f"CPU, {steps} steps")
        for s in built_in:
            check(s["specialist"] > s["base"], f"a specialist is not above the base: {text}")
        check(sum(s["student"] for s in built_in) > sum(s["weight_average"] for s in built_in),
              f"the student is not above the weight average: {text}")
        page = text_of(out + "/report.html")
        for domain in scores:
            check(page.count(f"eval-student-{domain}-sampled") >= 5 and
                  page.count(f"eval-specialist-{domain}-sampled") >= 5,
                  f"the report shows too few samples of {domain}")
    return "specialists above base, student above weight average; " + "; ".join(lines)


# The same bytes for other ways to compute them.


def threads(program):
    one, two = program.path("one"), program.path("two")
    program.run(one, "--threads", "1", *SMALL)
    expected = outcome(one)
    program.run(two, "--threads", "2", *SMALL)
    check_same(two, expected, "--threads 2")
    steps = check_no_difference(one)
    kept = {key[0] for key in expected[2]}
    check(kept == {"rl-math", "rl-code", "rl-dates"}, f"experts were kept in the stages {kept}")
    return f"the same {len(expected[0])} models and scores with 1 and 2 threads; {steps} steps"


def workers(program, ci_run):
    alone, two = program.path("alone"), program.path("two")
    program.run(alone, *small_on(ci_run))
    check_rewards_vary(alone, "rl-dates")
    expected = outcome(alone)
    program.run(two, "--workers", "2", *small_on(ci_run))
    check_same(two, expected, "--workers 2")
    rows = results(two)["workers"]
    check(len(rows) == 2 and rows[0]["pid"] != rows[1]["pid"] and
          all(row["sampled_tokens"] > 0 for row in rows), f"not two workers that sampled: {rows}")
    total = sum(row["sampled_tokens"] for row in rows)
    check(total == results(alone)["workers"][0]["sampled_tokens"], "other numbers of tokens")
    return f"two processes sampled {total} tokens between them, the same bytes as in one process"


def isa(program):
    if " avx512f " not in text_of("/proc/cpuinfo") + " ":
        print("isa: skipped, this CPU has no AVX-512")
        sys.exit(SKIPPED)
    narrow, wide = program.path("avx2"), program.path("avx512")
    program.run(narrow, "--isa", "avx2", *SMALL)
    program.run(wide, "--isa", "avx512", *SMALL)
    check_same(wide, outcome(narrow), "--isa avx512")
    return "the same bytes with AVX2 and AVX-512"


def commands(program, ci_run):
    """The stages one by one on a model directory, with the run directory on another file system."""
    scratch = "/dev/shm" if os.path.isdir("/dev/shm") else program.scratch
    base, settings = f"{ci_run}/base", [*SMALL, "sft.steps=2", "rl.test_freq=1",
                                            "keep_last=1"]

    def stage(command, out, *arguments, model=base):
        run_dir = f"{scratch}/commands-{os.getpid()}-{out}"
        log = program.path(out + ".log")
        try:
            process = program.popen(
                [program.binary, command, CONFIG, "--model", model, "--out", program.path(out),
                 "--run-dir", run_dir, *arguments, *settings], log)
            finish(process)
            check(process.returncode == 0, f"{command}: {text_of(log)[-600:]}")
            with open(program.path(out) + "/model.safetensors", "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            if command == "rl":
                # Its model removed, the stage is trained again, from the start.
                kept = os.listdir(run_dir + "/checkpoints/rl-math")
                check(sorted(kept) == ["state", "step-2"], f"not the last validated model: {kept}")
                lines = len(metric_lines(run_dir))
                # Its first weights, shown and never chosen, and two steps.
                check(sum("val-core/" in line for line in metric_lines(run_dir)) == 3,
                      "rl: a validation score is missing")
                shutil.rmtree(program.path(out))
                finish(program.popen(process.args, log))
                with open(program.path(out) + "/model.safetensors", "rb") as file:
                    check(hashlib.sha256(file.read()).hexdigest() == digest, "rl: other bytes")
                check(len(metric_lines(run_dir)) == lines, "rl: figures of two trainings")
            check(os.listdir(run_dir + "/wal") == [] if command != "sft" else True,
                  f"{command} left token logs behind")
        finally:
            shutil.rmtree(run_dir, ignore_errors=True)
        return program.path(out)

    start = stage("sft", "start", "--domain", "math")
    math = stage("rl", "math", "--domain", "math", model=start)
    teachers = [f"math={math}", f"code={base}", f"dates={base}"]
    student = stage("distill", "student", *[a for t in teachers for a in ("--teacher", t)])
    command = [program.binary, "eval", CONFIG, "--model", student, *settings]
    table = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    rows = [line.split() for line in table.stdout.strip().split("\n")]
    names = {(r[0], r[1]) for r in rows if not r[1].startswith("maj@")}
    check(table.returncode == 0 and all(0 <= float(r[2]) <= 100 for r in rows) and names == {
        (d, m) for d in ("math", "code", "dates")
        for m in ("mean@2", "pass@1", "pass@2", "pass@1/greedy", "tokens", "tokens/greedy")},
        f"eval: {table.stdout}{table.stderr[-600:]}")
    one_prompt(program, student)
    # From the run's own models, what the run made of them: with its learning rates, and its bytes.
    command = [program.binary, "distill", CONFIG, "--model", base, "--out", program.path("again")]
    for domain in ("math", "code", "dates"):
        command += ["--teacher", f"{domain}={ci_run}/specialist-{domain}"]
    again = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=program.path("."))
    check(again.returncode == 0, f"distill: {again.stderr[-600:]}")
    with open(program.path("again") + "/model.safetensors", "rb") as a, open(ci_run + "/student/model.safetensors", "rb") as b:
        check(a.read() == b.read(), "distill of a run's models makes another student than the run")
    twice = program.fails([*command, "--teacher", "math=x"], program.path("twice.log"))
    check("--teacher math= was given twice" in twice[-1], f"two teachers of one domain: {twice}")
    return "sft, rl, distill and eval on a model directory; a removed model is trained again"


SAMPLE_KEYS = ["stage", "step", "domain", "effort", "reward", "parts", "outcome", "messages", "response_tokens"]


def json_samples(program, run_dir, *arguments):
    done = subprocess.run([program.binary, "samples", run_dir, "--json", *arguments], capture_output=True, text=True,
                          timeout=60, check=False)
    check(done.returncode == 0, f"samples {arguments}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def check_samples(program, run_dir):
    """All that run.sqlite tells of is printed, with a conversation that begins with the prompt's messages. How many."""
    found = json_samples(program, run_dir, "--limit", "0")
    rows = rows_of(run_dir, "SELECT stage, step, domain, effort, reward, response_length FROM trajectories")
    check(sorted(map(str, rows)) == sorted(str((s["stage"], s["step"], s["domain"], s["effort"], s["reward"],
                                                s["response_tokens"])) for s in found), "other samples than rows")
    for s in found:
        roles = [m["role"] for m in s["messages"]]
        own = {"dates": ["form"], "code": ["num_tests", "passed_fraction"]}.get(s["domain"], [])
        parts = sorted(set(s["parts"]) - {"truncated", "malformed", "empty"})
        incomplete = len(parts) < len(s["parts"]) or s["reward"] is None
        check(list(s) == SAMPLE_KEYS and (parts == own or incomplete and not parts), f"keys: {list(s)}, {s['parts']}")
        check(roles[0] in ("system", "user") and "user" in roles and roles[-1] == "assistant", f"roles: {roles}")
    return len(found)


def check_metrics(run_dir):
    """results.json of an `eval` against the rewards in run.sqlite: pass@k counted over all subsets of k."""
    found = results(run_dir)
    for domain, metrics in found["metrics"].items():
        prompts = {}
        for group, reward in rows_of(run_dir, "SELECT prompt_group, reward FROM trajectories WHERE reward IS NOT NULL "
                                     f"AND stage = 'eval-model-{domain}-sampled'"):
            prompts.setdefault(group, []).append(reward)
        means = {"mean@4": [sum(r) / len(r) for r in prompts.values()]}
        for k in (1, 2, 4):
            means[f"pass@{k}"] = [sum(max(s) == 1 for s in subsets) / len(subsets) for subsets in
                                  (list(itertools.combinations(r, k)) for r in prompts.values())]
        for name, values in means.items():
            mean = sum(values) / len(values)
            error = (sum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values)) ** 0.5
            close = all(abs(a - b) < 1e-12 for a, b in zip((mean, error), metrics[name].values()))
            check(close and len(values) == 5, f"{domain} {name} is {metrics[name]}, not {mean} ± {error} of {len(values)}")
        check(found["domains"][domain] == {"model": metrics["mean@4"]["value"]} and
              found["standard_error"][domain] == {"model": metrics["mean@4"]["standard_error"]} and
              "greedy" in metrics and ("maj@4" in metrics) == (domain != "code"), f"{domain}: {found}")


def samples(program, ci_run):
    """`samples` on what a run, while it goes on and afterwards, and `eval` leave behind."""
    run_dir, scored = program.path("run"), program.path("scored")
    process = program.start(run_dir, *small_on(ci_run))
    while process.poll() is None and not glob.glob(run_dir + "/trajectories/rl-*.log"):
        time.sleep(0.01)
    while process.poll() is None and not json_samples(program, run_dir):
        time.sleep(0.01)
    check(process.poll() is None, "the run had ended before samples were read")
    finish(process)
    count = check_samples(program, run_dir)
    worst = [s["reward"] for s in json_samples(program, run_dir, "--stage", "rl-math", "--worst", "1000")]
    check(worst == sorted(worst) and len(worst) == 32, f"not the worst first: {worst}")
    finish(program.popen([program.binary, "eval", CONFIG, "--model", ci_run + "/base", "--run-dir", scored, *SMALL,
                          "eval.n=4"], program.path("log")))
    count += check_samples(program, scored)
    check_metrics(scored)
    os.remove(scored + "/run.sqlite")
    lines = program.fails([program.binary, "samples", scored], program.path("log"))
    check(len(lines) == 1 and "run.sqlite" in lines[0], f"without run.sqlite: {lines}")
    return f"{count} samples of a run and an eval as run.sqlite has them"


def one_prompt(program, model):
    """`generate` puts the tokens before the model that `encode` writes, a tool's keys in their order too."""
    schema = {"type": "object", "required": ["b"], "properties": {"b": {"type": "string"}, "a": {"type": "string"}}}
    tool = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": schema}}
    messages = [{"role": "system", "content": "Be brief.", "tools": [tool]}, {"role": "user", "content": "Look."}]

    def rows(command, row, *arguments):
        with open(program.path("row"), "w", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        subprocess.run([program.binary, command, "--in", program.path("row"), "--out", program.path("rows"),
                        *arguments], check=True, capture_output=True, timeout=60)
        return json.loads(text_of(program.path("rows")))

    row = {"messages": messages, "thinking_mode": "chat", "max_tokens": 24, "seed": 5}
    prompt = rows("encode", {"messages": messages, "thinking_mode": "chat"})["prompt"]
    check(prompt.index('"required"') < prompt.index('"properties"'), f"the schema's keys are not in order: {prompt}")
    answers = [rows("generate", r, "--model", model) for r in
               (row, {"prompt": prompt, "max_tokens": 24, "seed": 5})]
    check(answers[0]["logprobs"] == answers[1]["logprobs"], f"generate saw another prompt than encode: {answers}")


def thinking_limit(program, ci_run):
    """`generate` and `eval` with max_thinking_tokens: a </think> after that many tokens, that the
    model reads as if the prompt had it."""
    model = ci_run + "/specialist-math"
    with open(model + "/tokenizer.json", encoding="utf-8") as file:
        end = next(t["id"] for t in json.load(file)["added_tokens"] if t["content"] == "</think>")
    messages = [{"role": "user", "content": "Compute 3 - 2 + 9 + 3 - 7."}]

    def all_rows(command, given, *arguments):
        with open(program.path("rows"), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in given)
        subprocess.run([program.binary, command, "--in", program.path("rows"), "--out", program.path("out"),
                        *arguments], check=True, capture_output=True, timeout=120)
        return [json.loads(line) for line in text_of(program.path("out")).strip().split("\n")]

    def rows(command, row, *arguments):
        return all_rows(command, [row], *arguments)[0]

    def generate(*given, limit=None):
        options = [] if limit is None else ["--max-thinking-tokens", str(limit)]
        return all_rows("generate", given, "--model", model, "--temperature", "0", *options)

    chat, thinking = ({"messages": messages, "thinking_mode": mode, "max_tokens": 56, "ignore_eos": True}
                      for mode in ("chat", "thinking"))
    plain = generate(chat, thinking)
    text = text_of(program.path("out"))
    check("forced" not in text, text)
    generate(chat, thinking, limit=0)
    check(text_of(program.path("out")) == text, "no limit is not as no option")
    own = plain[1]["ids"].index(end) if end in plain[1]["ids"] else 56
    check(own > 1, f"the model does not think: {plain[1]}")
    same, late = generate(chat, thinking, limit=own + 1)
    for row, free in ((same, plain[0]), (late, plain[1])):
        check(row == {**free, "forced_thinking_end": False}, f"{row} for {free}")
    prompt = rows("encode", {"messages": messages, "thinking_mode": "thinking"})["prompt"]
    prompt = rows("tokenize", {"text": prompt}, "--model", model)["ids"]
    for limit in (1, own):
        (forced, free) = generate({**thinking, "max_thinking_tokens": limit},
                                  {**thinking, "max_thinking_tokens": 0}, limit=3)
        check({**free, "id": 1} == plain[1], "a row's own key does not go before the option")
        ids, logprobs = forced["ids"], forced["logprobs"]
        check(forced["forced_thinking_end"] and len(ids) == len(logprobs) == 56, f"{forced}")
        check(ids[:limit] == plain[1]["ids"][:limit] and ids[limit] == end and logprobs[limit] is None, f"{forced}")
        given, = generate({"ids": prompt + ids[:limit + 1], "max_tokens": 56 - limit - 1, "ignore_eos": True})
        check(given["ids"] == ids[limit + 1:] and given["logprobs"] == logprobs[limit + 1:], f"{given} for {forced}")

    def evaluate(limit):
        log = program.path("log")
        finish(program.popen([program.binary, "eval", CONFIG, "--model", model, "--run-dir", program.path("scored"),
                              *SMALL, "--domain", "math", "--max-thinking-tokens", limit], log))
        writers = [fields[4][meta[13]:] for _, meta, fields in trajectories(program.path("scored"))]
        return text_of(log), [w.find(b"\x03") for w in writers], writers

    said, places, writers = evaluate("1")
    check({1} <= set(places) <= {1, -1}, f"a </think> is forced at {places}")
    check(all(w.count(b"\x03") == (w.find(b"\x03") > 0) for w in writers), f"{writers}")
    said, places, _ = evaluate("2")
    check("eval.max_thinking_tokens" in said and 2 in places and 1 not in places, said[-600:] + f"{places}")
    return f"thinking ends after 1, 2 or {own} tokens, and what follows is what follows a given </think>"


# All that a run leaves off by default. A loss that does not fall fast enough counts as a spike.
EVERYTHING = [
    *SMALL, "model.num_nextn_predict_layers=1", "rl.rollout.draft=true",
    "distill.rollout.draft=true", "rl.rollout.keep_index=true", "distill.rollout.keep_index=true",
    "distill.rollout.keep_routing=on", "rl.rollout.max_thinking_tokens=3",
    "distill.rollout.max_thinking_tokens=2", "recompute=tensors", "base.sft.index_warmup_steps=3",
    "base.sft.router_aux_loss_coef=1e-3", "base.sft.anticipatory_routing.delay=2",
    "base.sft.anticipatory_routing.spike_factor=0.97",
    "base.sft.anticipatory_routing.spike_window=2",
    "base.sft.anticipatory_routing.rollback_steps=2",
    "base.sft.anticipatory_routing.active_steps=5", "numerics.experts_fp4=true",
    "numerics.indexer_fp4=true", "numerics.kv_cache_fp8=true", "numerics.activations_fp8=true",
]


def everything(program, seed="1"):
    """Multi-token prediction with drafts, index warm-up, balance loss, loss spikes with rollback,
    recomputed activations and quantisation at once: every promise holds still."""
    draw = seeded(int(seed))
    whole = Undisturbed(program, EVERYTHING)
    check_no_difference(whole.run_dir)
    check_metric_names(whole.run_dir)
    unset = unset_fields(whole.run_dir)
    check(unset == {"failure", "failure_kind"}, f"fields that no sample has: {unset}")
    other = program.path("other")
    program.run(other, "--workers", "2", "--threads", "1", *EVERYTHING, "recompute=layer",
                "rl.rollout.draft=false", "distill.rollout.draft=false")
    check_same(other, whole.outcome, "other ways to compute")
    # A loss spike takes metric lines back, so they are not compared.
    kills, _ = kill_controller(program, whole, EVERYTHING, [draw.random() for _ in range(6)],
                               program.path("killed"), check_lines=lambda *_: None)
    kept = {key[0] for key in whole.outcome[2]}
    check(any(stage.startswith("distill") for stage in kept), f"experts were kept in {kept}")
    forced = [value for line in metric_lines(whole.run_dir)
              if (value := json.loads(line).get("rollout/forced_thinking_ends")) is not None]
    check(forced and 0 < max(forced) <= 1, f"shares of forced ends of thinking: {forced}")
    rollbacks = max(json.loads(line).get("train/loss_spikes", 0)
                    for line in metric_lines(whole.run_dir))
    check(rollbacks > 0, "no loss spike was found")
    return (f"the same bytes with two workers, other recomputation and no drafts, and after {kills} "
            f"kills; {rollbacks:.0f} loss spikes")


# Killed and resumed.


def sample_rows(run_dir):
    """What the store says of every sample, but for where its record lies."""
    return sorted(rows_of(
        run_dir, "SELECT stage, step, prompt_group, sample_index, prompt_id, seed, outcome, reward, "
        "response_length, finish_reason, weights_version, prompt_hash FROM trajectories"), key=str)


class Undisturbed:
    def __init__(self, program, settings, name="undisturbed", config=CONFIG):
        self.run_dir = program.path(name)
        self.cpu_s = program.run(self.run_dir, *settings, config=config)
        self.outcome = outcome(self.run_dir)
        self.samples = logged_samples(self.run_dir)
        self.rows = sample_rows(self.run_dir)
        self.tokens = sum(row["sampled_tokens"] for row in results(self.run_dir)["workers"])
        check(self.tokens == sum(self.samples.values()), "tokens sampled are not those logged")


def check_kept(lines, run_dir):
    """A kill redoes at most the step it hit: metric lines of earlier ones are the very same, their
    times included."""
    after = set(metric_lines(run_dir))
    redone = [line for line in lines if line not in after]
    check(redone == lines[-1:] or not redone, f"steps that were done were redone: {redone}")


def kill_controller(program, whole, settings, moments, run_dir, check_lines=check_kept,
                    config=CONFIG):
    """Kills at these shares of the whole run's CPU time, resumes, and lets the last one finish."""
    kills, tokens, done = 0, 0, 0.0
    for moment in sorted(moments):
        process = program.start(run_dir, "--resume", *settings, config=config)
        if not run_until(process, (moment - done) * whole.cpu_s):
            break  # it ended before that moment
        kill_all(process)
        kills, done = kills + 1, moment
        durable = durable_tokens(run_dir)
        check(durable >= tokens, f"sampled tokens were lost: {durable} < {tokens}")
        tokens = durable
        lines = metric_lines(run_dir)
        if kills > 1:
            check_lines(before, run_dir)
        before = lines
    else:
        process = program.start(run_dir, "--resume", *settings, config=config)
    cpu_s = finish(process)
    check(process.returncode == 0, "resume failed: " + text_of(run_dir + ".log")[-600:])
    check(kills > 0, "nothing was killed: " + text_of(run_dir + ".log")[-600:])
    check_lines(before, run_dir)
    check_same(run_dir, whole.outcome, f"killed {kills} times")
    check(logged_samples(run_dir) == whole.samples, "other samples than the undisturbed run's")
    check(sample_rows(run_dir) == whole.rows, "other rows of samples than the undisturbed run's")
    last = sum(row["sampled_tokens"] for row in results(run_dir)["workers"]
               if row["pid"] == process.pid)
    # Every token that was durable is not sampled again, every other one is sampled once.
    check(tokens + last == whole.tokens,
          f"{tokens} tokens were durable, {last} sampled afterwards, {whole.tokens} in all")
    return kills, cpu_s


def killed(program, ci_run, seed="1"):
    draw = seeded(int(seed))
    whole = Undisturbed(program, SMALL)
    moments = [draw.random() for _ in range(6)]
    kills, _ = kill_controller(program, whole, SMALL, moments, program.path("killed"))

    trained = Undisturbed(program, small_on(ci_run), "trained")
    moments = [draw.random() for _ in range(6)]
    more, _ = kill_controller(program, trained, small_on(ci_run), moments, program.path("killed2"))
    return (f"killed {kills} times from the base on and {more} times from RL on, the same bytes; "
            f"no durable token of {whole.tokens} and {trained.tokens} was sampled again")


def size_of(path):
    try:
        return os.path.getsize(path)
    except FileNotFoundError:  # its step ended
        return 0


def token_logs(run_dir):
    return sorted(path for path in glob.glob(run_dir + "/wal/*.wal") if size_of(path))


def damage_log(run_dir, draw):
    """Spoils one of the token logs there are, in one of many ways. Says whether there was one."""
    logs = token_logs(run_dir)
    if not logs:
        return False
    path = draw.choice(logs)
    with open(path, "rb") as file:
        data = bytearray(file.read())
    at = draw.randrange(len(data))
    kind = draw.randrange(4)
    if kind == 0:
        data[at] ^= 1 << draw.randrange(8)
    elif kind == 1:
        data[at:at + 16] = bytes(draw.randrange(256) for _ in data[at:at + 16])
    elif kind == 2:
        del data[at:at + draw.randrange(1, 60)]
    else:
        data[at:at] = data[:at]  # what was there before once more
    with open(path, "wb") as file:
        file.write(data)
    return True


def damage_between_kills(program, whole, settings, run_dir, draw, config=CONFIG):
    """Killed over and over while it samples, and each time a token log is spoiled. Lost tokens are
    sampled again, the very same."""
    damaged = said = 0
    for _ in range(10):
        before = set(token_logs(run_dir))
        process = program.start(run_dir, "--resume", *settings, config=config)
        deadline = time.monotonic() + 300
        while process.poll() is None and not set(token_logs(run_dir)) - before:
            check(time.monotonic() < deadline, "nothing is sampled")
            time.sleep(0.005)
        time.sleep(0.3 * draw.random())
        if process.poll() is not None:
            break
        kill_all(process)
        said += text_of(run_dir + ".log").count("token log is damaged")
        damaged += damage_log(run_dir, draw)
    program.run(run_dir, "--resume", *settings, config=config)
    said += text_of(run_dir + ".log").count("token log is damaged")
    check(damaged > 2 and said > 2, f"{damaged} logs were damaged, and {said} lines say so")
    check_same(run_dir, whole.outcome, f"{damaged} token logs damaged")
    check(logged_samples(run_dir) == whole.samples, "other samples than the undisturbed run's")
    check(sample_rows(run_dir) == whole.rows, "other rows of samples than the undisturbed run's")
    return f"{damaged} token logs damaged between kills, {said} lines that say so"


def log_damaged(program, ci_run, seed="1"):
    settings, draw = small_on(ci_run), seeded(int(seed))
    whole = Undisturbed(program, settings)
    shown = damage_between_kills(program, whole, settings, program.path("one"), draw)
    two = damage_between_kills(program, whole, [*settings, "--workers", "2"], program.path("two"),
                               draw)
    return f"{shown}, with two workers {two}; the same bytes"


def killed_late(program):
    whole = Undisturbed(program, SMALL)
    _, cpu_s = kill_controller(program, whole, SMALL, [0.8], program.path("late"))
    check(cpu_s <= 0.35 * whole.cpu_s,
          f"after a kill at 80 % the rest took {cpu_s:.1f} s of {whole.cpu_s:.1f} s")
    return f"after a kill at 80 % the rest took {100 * cpu_s / whole.cpu_s:.0f} % of the CPU time"


def first_token_s(process, run_dir):
    """Kills a worker that samples; seconds until the one in its place has a token in its log. None
    where that one had nothing to sample any more."""
    def writers():
        return {int(path.rsplit("-", 1)[1][:-4]): path for path in token_logs(run_dir)}

    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        logs, alive = writers(), workers_of(process.pid)
        victims = [pid for pid in alive if pid in logs]
        if victims:
            break
        time.sleep(0.002)
    else:
        return None
    os.kill(victims[0], signal.SIGKILL)
    begin = time.monotonic()
    while process.poll() is None and os.path.exists(logs[victims[0]]):
        if writers().keys() - logs.keys() - set(alive):
            return time.monotonic() - begin
        time.sleep(0.002)
    return None


def worker_killed(program, ci_run, seed="1"):
    settings = small_on(ci_run)
    whole = Undisturbed(program, settings)
    run_dir, draw = program.path("killed"), seeded(int(seed))
    process = program.start(run_dir, "--workers", "2", *settings)
    kills, waits = 0, []
    for moment in sorted(draw.random() for _ in range(12)):
        # Workers come and go; CPU time of the living ones says how far the run is.
        if not run_until(process, moment * 0.8 * whole.cpu_s):
            break
        alive = workers_of(process.pid)
        if kills % 2:
            waits.append(first_token_s(process, run_dir))
        elif alive:
            os.kill(draw.choice(alive), signal.SIGKILL)
        kills += 1
    finish(process)
    check(process.returncode == 0, "the run failed: " + text_of(run_dir + ".log")[-600:])
    check(kills > 0, "no worker was killed")
    said = text_of(run_dir + ".log").count("died (signal 9)")
    check(0 < said <= kills, f"{kills} workers were killed and {said} lines say so")
    waits = [wait for wait in waits if wait is not None]
    check(max(waits, default=0) <= 3, f"seconds to the first token of the next worker: {waits}")
    check_same(run_dir, whole.outcome, f"{kills} workers killed")
    check(logged_samples(run_dir) == whole.samples, "other samples than the undisturbed run's")
    # What a killed worker had not reported yet is not counted; nothing durable is sampled again.
    tokens = sum(row["sampled_tokens"] for row in results(run_dir)["workers"])
    check(tokens <= whole.tokens, f"{tokens} tokens were sampled instead of {whole.tokens}")
    return (f"{kills} workers killed under a living controller, the same bytes; the first token of "
            f"those that took their places came after {', '.join(f'{wait:.2f}' for wait in waits) or 'no'} s")


def worker_stopped(program, ci_run, seed="1"):
    """A worker that is stopped is silent, and silent is dead; one that only takes long is not."""
    settings = small_on(ci_run)
    whole = Undisturbed(program, settings)
    run_dir, draw = program.path("stopped"), seeded(int(seed))
    process = program.start(run_dir, "--workers", "2", "worker_silence_s=2", *settings)
    stops = 0
    for moment in sorted(draw.random() for _ in range(4)):
        if not run_until(process, moment * 0.8 * whole.cpu_s):
            break
        alive = workers_of(process.pid)
        if alive:
            os.kill(draw.choice(alive), signal.SIGSTOP)
            stops += 1
    finish(process)
    log = text_of(run_dir + ".log")
    check(process.returncode == 0, "the run failed: " + log[-600:])
    said = log.count("said nothing for 2 s and was killed")
    check(0 < said <= stops, f"{stops} workers were stopped and {said} lines say so: {log[-600:]}")
    check_same(run_dir, whole.outcome, f"{stops} workers stopped")
    check(logged_samples(run_dir) == whole.samples, "other samples than the undisturbed run's")
    return f"{stops} workers stopped, {said} of them killed for their silence, the same bytes"


def kill_while(process, kill, most, pause_s):
    """Calls kill(), which says how many it killed, until the process ends or `most` are dead; the sum."""
    kills, deadline = 0, time.monotonic() + 300
    while process.poll() is None and kills < most:
        kills += kill()
        check(time.monotonic() < deadline, "the run does not end")
        time.sleep(pause_s)
    return kills


def launcher_killed(program, ci_run):
    settings = small_on(ci_run)
    whole = Undisturbed(program, settings)
    run_dir = program.path("killed")
    process = program.start(run_dir, *settings)

    def kill_launchers():
        # A launcher at work has a child; killed when idle it is only started again.
        at_work = [pid for pid, name in children(process.pid).items()
                   if name == "amalgam-sandbox" and children(pid)]
        for pid in at_work:
            os.kill(pid, signal.SIGKILL)
        return len(at_work)

    kills = kill_while(process, kill_launchers, most=12, pause_s=0.15)
    finish(process)
    check(process.returncode == 0, "the run failed: " + text_of(run_dir + ".log")[-600:])
    failed = results(run_dir)["sandbox_failed"]
    check(kills > 0 and failed > 0, f"{kills} launchers killed, {failed} failures counted")
    check_same(run_dir, whole.outcome, f"{kills} launchers killed")
    return f"{kills} sandbox launchers killed, {failed} failures counted and retried, the same bytes"


class Service:
    """A gateway and agents on this host, and the overrides that make a run use them."""

    def __init__(self, program):
        self.program = program
        self.processes = []
        key = self.keygen("gateway")
        for name in ("agent1", "agent2", "run"):
            public = self.keygen(name, "--gateway", key)
            with open(program.path("allowed"), "a") as file:
                file.write(f"{'client' if name == 'run' else 'agent'} {public} {name}\n")
        gateway = subprocess.Popen(
            [program.binary, "sandbox", "gateway", "--listen", "tcp://127.0.0.1:*", "--key",
             program.path("gateway.key"), "--allow", program.path("allowed"), "--dir",
             program.path("records")], stdout=subprocess.PIPE, text=True)
        self.processes.append(gateway)
        self.url = gateway.stdout.readline().split()[-1]
        self.settings = [f"sandbox.gateway={self.url}", f"sandbox.key={program.path('run.key')}"]

    def keygen(self, name, *arguments):
        path = self.program.path(name + ".key")
        return subprocess.run([self.program.binary, "sandbox", "keygen", path, *arguments],
                              check=True, capture_output=True, text=True).stdout.strip()

    def start_agent(self, name):
        agent = subprocess.Popen(
            [self.program.binary, "sandbox", "agent", "--gateway", self.url, "--key",
             self.program.path(name + ".key"), "--store", self.program.path("images")],
            stdout=subprocess.PIPE, text=True)
        self.processes.append(agent)
        check(agent.stdout.readline() == f"serving {self.url}\n", "an agent does not get ready")
        return agent

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
            process.stdout.close()


def gateway(program, ci_run):
    """Tools and verifiers in the sandboxes of other processes; one of these is killed over and
    over."""
    settings = small_on(ci_run)
    whole = Undisturbed(program, settings)
    service = Service(program)
    try:
        agent = service.start_agent("agent1")
        run_dir = program.path("remote")
        program.run(run_dir, *settings, *service.settings)
        check_same(run_dir, whole.outcome, "sandboxes of another process")

        victim = service.start_agent("agent2")
        run_dir = program.path("killed")
        process = program.start(run_dir, *settings, *service.settings)

        def kill_agent():
            nonlocal victim
            # At work: its launcher has a slot with a sandbox in which a command runs.
            if not any(children(sandbox) for launcher in children(victim.pid) for slot in children(launcher)
                       for sandbox in children(slot)):
                return 0
            victim.kill()
            victim.wait()
            victim = service.start_agent("agent2")
            return 1

        kills = kill_while(process, kill_agent, most=6, pause_s=0.01)
        finish(process)
        check(process.returncode == 0, "the run failed: " + text_of(run_dir + ".log")[-600:])
        failed = results(run_dir)["sandbox_failed"]
        check(kills > 0 and failed > 0, f"{kills} agents killed, {failed} failures counted")
        check_same(run_dir, whole.outcome, f"{kills} agents killed")
        check(agent.poll() is None, "the other agent died")

        agent.kill()
        lines = program.fails(
            [program.binary, "run", CONFIG, "--run-dir", program.path("refused"), *settings,
             service.settings[0], f"sandbox.key={program.path('gateway.key')}"],
            program.path("refused.log"))
        check("does not name the gateway's key" in lines[-1], f"a bad key says {lines}")
    finally:
        service.close()
    return f"the same bytes through a gateway, also with {kills} agents killed ({failed} failures)"


# Stopped, started twice, resumed.


def stopped(program):
    whole = Undisturbed(program, SMALL)
    run_dir, slowest, ends = program.path("stopped"), 0.0, program.path("it's how it ended")
    hooks = [f'{key}="sleep 1.5; echo $AMALGAM_STATE $AMALGAM_RUN_DIR >> \\"{ends}\\""' for key in ("on_stop", "on_finish")]
    stops = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
    for round_, moment in enumerate((0.2, 0.35, 0.2)):
        process = program.start(run_dir, "--resume", "--workers", str(round_ % 2), *SMALL, *hooks)
        check(run_until(process, moment * whole.cpu_s), "ended before it was stopped")
        second = program.fails([program.binary, *process.args[1:]], program.path("second.log"))
        check(f"is in use by process {process.pid}" in second[-1],
              f"a second process says {second}")
        begin = time.monotonic()
        os.killpg(process.pid, stops[round_])  # as a terminal, and as systemd does
        finish(process)
        slowest = max(slowest, time.monotonic() - begin - 1.5)  # of on_stop
        log = text_of(run_dir + ".log").strip().split("\n")
        check(process.returncode == 75, f"exit code {process.returncode} after {stops[round_]}: {log[-3:]}")
        check("--resume" in log[-1], f"does not say how to go on: {log[-3:]}")
        said = sum("continue with" in line for line in log)
        check(said == 1, f"says {said} times how to go on: {log[-6:]}")
    check(slowest < 2, f"took {slowest:.1f} s to stop")
    # As it was told, word for word.
    said = log[-1].split("continue with: amalgam ", 1)[1]
    process = program.popen([program.binary, *shlex.split(said)], program.path("said.log"))
    finish(process)
    check(process.returncode == 0, f"{said}: {text_of(program.path('said.log'))[-600:]}")
    check_same(run_dir, whole.outcome, "stopped three times")
    hooked = text_of(ends).split("\n")[:-1]
    check(hooked == [f"stopped {run_dir}"] * 3 + [f"finished {run_dir}"], f"on_stop and on_finish: {hooked}")

    program.run(run_dir, "--resume", *SMALL)
    check_same(run_dir, whole.outcome, "resumed when finished")
    again = [program.binary, "run", CONFIG, "--run-dir", run_dir, *SMALL]
    for command, words in (([*again], "add --resume"),
                           ([*again, "--resume", "seed=2"], "seed is 2, was 1")):
        lines = program.fails(command, program.path("again.log"))
        errors = [line for line in lines if line.startswith("amalgam: ")]
        check(len(errors) == 1 and words in errors[0] and lines[-1] == errors[0],
              f"{command[-2:]} says {lines}")
    return (f"SIGINT, SIGHUP and SIGTERM stopped it within {slowest:.2f} s, then the same bytes; second "
            "process, finished run, missing --resume and other config are told apart")


if __name__ == "__main__":
    sys.exit(main({f.__name__: f for f in (ci, threads, workers, isa, commands, samples, thinking_limit, everything, killed,
                                           log_damaged, killed_late, worker_killed, worker_stopped, launcher_killed, gateway,
                                           stopped)}))
