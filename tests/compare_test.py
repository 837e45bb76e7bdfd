"""`amalgam compare`: every method on equal terms, its files, and what it says of bad inputs. Each check is a program run
as its users run it, on tiny models: whether the numbers belong together is of interest, not how high they are."""

import glob
import os
import re
import sys

from run_harness import (CONFIG, ROOT, SMALL, check, finish, kill_all, main, results, rows_of, run_until, seeded,
                         text_of)

MERGES = ["mean", "task_arithmetic", "ties", "dare", "dare_ties", "slerp"]
OBJECTIVES = ["exact", "forward", "jsd", "sampled_advantage", "sampled_loss", "topk_forward_verl", "topk_forward_nemo",
              "topk_reverse_nemo", "topk_mixed_nemo", "topk_tail"]
METHODS = [*MERGES, "mixed_rl", "sft", "base", "specialist", *OBJECTIVES]
QUICK = [*SMALL, "distill.lr_candidates=[]"]
DOMAINS = ["math", "code", "dates"]


def config_of(program, methods, name="tiny"):
    """A copy of configs/ci.toml that compares these: names, or whole tables."""
    text = text_of(CONFIG)
    text = re.sub(r"\[\[compare\]\]\n(?:[^\[\n].*\n)+", "", text).replace('"own_domain/', f'"{ROOT}/configs/own_domain/')
    for method in methods:
        text += "\n[[compare]]\n" + (method if "=" in method else f'method = "{method}"\n')
    path = program.path(name + ".toml")
    with open(path, "w") as file:
        file.write(text)
    return path


def command_of(program, config, ci_run, run_dir, *arguments):
    settings = [s for s in QUICK if "dates" not in s or '"dates"' in text_of(config)]
    return [program.binary, "compare", config, "--run-dir", run_dir, "--threads", "2", *settings,
            f"model.path={ci_run}/base", *arguments]


def compare(program, config, ci_run, run_dir, *arguments):
    process = program.popen(command_of(program, config, ci_run, run_dir, *arguments), run_dir + ".log")
    finish(process)
    check(process.returncode == 0, f"compare ended with {process.returncode}: {text_of(run_dir + '.log')[-600:]}")
    return text_of(run_dir + ".log")


def files_of(run_dir):
    """What must have the same bytes: results, and every model of every seed."""
    paths = [run_dir + "/results.json", *glob.glob(run_dir + "/seed-*/*/model.safetensors")]
    found = {}
    for path in paths:
        with open(path, "rb") as file:
            found[os.path.relpath(path, run_dir)] = file.read()
    return found


def check_schema(r, methods, seeds):
    check(r["seeds"] == seeds, f"other seeds: {r['seeds']}")
    check(list(r["compare"]) == methods, f"other methods: {list(r['compare'])}")
    for method, domains in r["compare"].items():
        check(list(domains) == DOMAINS, f"{method}: other domains: {list(domains)}")
        for domain, scores in domains.items():
            check(set(scores) == {"sampled", "sampled_se", "greedy", "greedy_se"} and
                  all(isinstance(x, float) for x in scores.values()), f"{method} on {domain}: {scores}")
        mean = sum(d["sampled"] for d in domains.values()) / len(DOMAINS)
        check(abs(r["mean"][method]["sampled"] - mean) < 1e-12, f"{method}: not the mean over domains")
        for domain in DOMAINS:
            less = r["compare"]["specialist"][domain]["sampled"] - domains[domain]["sampled"]
            check(abs(r["less_than_specialist"][method][domain]["sampled"] - less) < 1e-12, f"{method}: another loss")


def compare_all(program, ci_run):
    """Every method; equal samples and updates; what `amalgam eval` says of each model; nothing runs twice."""
    config, run_dir = config_of(program, METHODS), program.path("all")
    compare(program, config, ci_run, run_dir)
    r = results(run_dir)
    made = ["base", "specialist", "student", *(m for m in METHODS if m not in ("base", "specialist", "slerp"))]
    check_schema(r, made, [1])
    check(r["left_out"] == {"slerp": "slerp merges two models, and there are 3 specialists"}, f"{r['left_out']}")
    check(r["compare"]["exact"] == r["compare"]["student"], "the student is not the student under its objective's name")

    # 2 steps of 6 prompts with 2 samples each.
    for method in ["student", "mixed_rl", "sft", *OBJECTIVES]:
        cost = r["cost"][method]
        check(cost["updates"] == 2 and cost["samples"] == 24, f"{method}: other samples: {cost}")
        check(0 < cost["trained_tokens"] <= cost["sampled_tokens"], f"{method}: {cost}")
        check(len(r["curve"][method]["1"]) == 3 and r["curve"][method]["1"][-1][0] == cost["trained_tokens"],
              f"{method}: another curve: {r['curve'][method]}")
    for method in ["student", "mixed_rl", "sft", *OBJECTIVES, "task_arithmetic", "ties", "dare", "dare_ties"]:
        check(r["cost"][method]["candidates"] == 2, f"{method}: {r['cost'][method]}")
    check(r["cost"]["mean"]["candidates"] == r["cost"]["base"]["candidates"] == 0, "candidates of what has no choice")
    seed_dir = run_dir + "/seed-1"
    for stage in ["distill-lr0.001", "compare-mixed_rl-lr0.0002", "compare-sft-lr0.001"]:
        count = rows_of(seed_dir, "SELECT COUNT(*) FROM trajectories WHERE stage = ?", stage)
        check(count == [(24,)], f"{stage}: {count} samples")
    # The same prompts; the teachers' answers for the one, the student's for the other.
    hashes = [rows_of(seed_dir, "SELECT step, prompt_group, prompt_hash FROM trajectories WHERE stage = ? ORDER BY 1, 2",
                      stage) for stage in ("distill-lr0.001", "compare-sft-lr0.001")]
    check(hashes[0] == hashes[1], "sft has other prompts than the student")
    rewarded = rows_of(seed_dir, "SELECT COUNT(reward) FROM trajectories WHERE stage IN (?, ?)", "compare-sft-lr0.001",
                       "distill-lr0.001")
    check(rewarded == [(0,)], "samples that need no reward have one")

    for model in ["base", "student", "ties", "mixed_rl", "sft"]:
        path = f"{ci_run}/base" if model == "base" else f"{seed_dir}/{model}"
        eval_dir = program.path("eval-" + model)
        process = program.popen([program.binary, "eval", config, "--run-dir", eval_dir, "--model", path, *QUICK],
                                eval_dir + ".log")
        finish(process)
        check(process.returncode == 0, f"eval of {model}: {text_of(eval_dir + '.log')[-600:]}")
        for domain in DOMAINS:
            alone, here = results(eval_dir), r["compare"][model][domain]
            check(alone["domains"][domain]["model"] == here["sampled"] and
                  alone["standard_error"][domain]["model"] == here["sampled_se"] and
                  alone["metrics"][domain]["greedy"]["value"] == here["greedy"], f"{model} on {domain}: eval has others")

    before = files_of(run_dir)
    log = compare(program, config, ci_run, run_dir)
    check(log.count("done before") >= 20 and "tokens/s" not in log, f"something ran twice: {log[-800:]}")
    check(files_of(run_dir) == before, "other bytes when all was there")
    process = program.popen([program.binary, "report", run_dir], program.path("report.log"))
    finish(process)
    check(process.returncode == 0 and files_of(run_dir) == before, "report gives other results")
    page = text_of(run_dir + "/report.html")
    check(all(f'id="{part}"' in page for part in ("results", "tokens", "losses", "costs")), "the report lacks a part")
    return f"{len(made)} methods on {len(DOMAINS)} domains"


def compare_seeds(program, ci_run):
    """Killed anywhere and gone on with; means and errors over seeds; some methods, then more; a seed of other settings."""
    config, whole, killed = config_of(program, ["mean", "ties", "mixed_rl", "sft", "forward"]), program.path("whole"), program.path(
        "killed")
    compare(program, config, ci_run, whole, "--seeds", "2")
    expected, random, kills = files_of(whole), seeded(5), 0
    for _ in range(8):
        process = program.popen(command_of(program, config, ci_run, killed, "--seeds", "2"), killed + ".log")
        if not run_until(process, random.uniform(0.5, 2)):
            break
        kill_all(process)
        kills += 1
    compare(program, config, ci_run, killed, "--seeds", "2")
    check(kills >= 2, f"only {kills} kills")
    check(files_of(killed) == expected, "other bytes after kills")

    r = results(whole)
    check_schema(r, ["base", "specialist", "student", "mean", "ties", "mixed_rl", "sft", "forward"], [1, 2])
    for method, domains in r["compare"].items():
        for domain, scores in domains.items():
            each = [r["per_seed"][seed][method][domain]["sampled"] for seed in ("1", "2")]
            check(abs(scores["sampled"] - sum(each) / 2) < 1e-12 and
                  abs(scores["sampled_se"] - abs(each[0] - each[1]) / 2) < 1e-12, f"{method} on {domain}: {scores}, {each}")

    # In parts: the seeds one by one, the methods some at a time.
    parts = program.path("parts")
    compare(program, config, ci_run, parts, "seed=2", "--methods", "student,ties")
    check_schema(results(parts), ["base", "specialist", "student", "ties"], [2])
    check(set(results(parts)["left_out"]) == {"mean", "mixed_rl", "sft", "forward"}, f"{results(parts)['left_out']}")
    compare(program, config, ci_run, parts, "seed=2")
    compare(program, config, ci_run, parts)
    check(files_of(parts) == expected, "other bytes when made in parts")
    compare(program, config, ci_run, parts, "seed=3", "eval.n=3")
    check(results(parts)["seeds"] == [1, 2] and
          results(parts)["left_out"] == {"seed 3": "has another eval.n than seed 1"}, f"{results(parts)['left_out']}")
    return f"the same bytes after {kills} kills, and in parts"


def compare_two(program, ci_run):
    """Two specialists have a SLERP; per-entry parameters; a name of one's own."""
    text = text_of(config_of(program, ["slerp", 'method = "ties"\nname = "sparse"\nscales = [1]\ndensities = [0.1]\n',
                                       'method = "topk_tail"\nname = "four"\ntopk = 4\n', "topk_tail"]))
    config = program.path("two.toml")
    with open(config, "w") as file:
        file.write(re.sub(r'\[\[domain\]\]\nname = "dates"\n(?:[^\[\n].*\n)+', "", text).replace(", dates = 0.2", ""))
    run_dir = program.path("two")
    compare(program, config, ci_run, run_dir)
    r = results(run_dir)
    check(list(r["compare"]) == ["base", "specialist", "student", "slerp", "sparse", "four", "topk_tail"], f"{list(r['compare'])}")
    check(r["cost"]["slerp"]["candidates"] == 2 and r["cost"]["sparse"]["candidates"] == 0, f"{r['cost']}")
    models = files_of(run_dir)
    check(models["seed-1/four/model.safetensors"] != models["seed-1/topk_tail/model.safetensors"], "topk is without effect")
    return "slerp of two"


def compare_bad(program, ci_run):
    """One line that says what to do, and nothing is left behind."""
    plain = config_of(program, ["ties"])

    def refused(expected, config=plain, *arguments):
        run_dir = program.path("bad")
        lines = program.fails(command_of(program, config, ci_run, run_dir, *arguments), program.path("bad.log"))
        check(len(lines) == 1 and re.search(expected, lines[0]), f"not one line with '{expected}': {lines}")
        check(not os.path.exists(run_dir), "it left a directory")

    refused(r"--seeds is a number from 1 to 1000, not 0", plain, "--seeds", "0")
    refused(r"--methods: the config has no 'tise'; it has base, specialist, student, ties", plain, "--methods", "ties,tise")
    refused(r"compare.ties.scales: 3 candidates, and the student has 2 ", plain, "compare.ties.scales=[1, 2, 3]")
    refused(r"compare.method: 'tise' is not one of mean, ", config_of(program, ["tise"], "tise"))
    refused(r"two comparisons are named 'ties'; give one another name", config_of(program, ["ties", "ties"], "twice"))
    refused(r"compare.mixed_rl.n: a step of \[distill\] has 12 samples", config_of(program, ["mixed_rl"], "rl"),
            "compare.mixed_rl.n=5")
    refused(r"compare.scales: method 'sft' has no such parameter; drop it",
            config_of(program, ['method = "sft"\nscales = [1]\n'], "sft"))
    refused(r"--restart: the run has no stage 'compare-tise'; its stages are ", plain, "--restart", "compare-tise")
    run_dir = program.path("run")
    os.makedirs(run_dir)
    open(run_dir + "/config.toml", "w").close()
    lines = program.fails(command_of(program, plain, ci_run, run_dir), program.path("bad.log"))
    check("holds a run; a comparison has a directory of its own" in lines[-1], f"{lines}")
    lines = program.fails([program.binary, "report", program.path("nothing")], program.path("bad.log"))
    check("is no run directory" in lines[-1], f"{lines}")
    return "each in one line"


if __name__ == "__main__":
    sys.exit(main({"compare_all": compare_all, "compare_seeds": compare_seeds, "compare_two": compare_two,
                   "compare_bad": compare_bad}))
