"""For every config key a run in which it acts, what to change, and what must come of it. Used by
config_keys_test.py. All runs are of tiny models: only whether bytes change is of interest."""

import json
import os

STAND_INS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden", "reasoning_gym")

# What a case is about, in the words of [[table]] elements: domain.mode is domain.words.mode.
ELEMENTS = {"domain": "words", "tool": "probe", "compare": "other"}


class Case:
    """`value` for the key (or a list of whole overrides), in a run of `context` that has the
    overrides `given` before and after."""

    def __init__(self, context, value, given=()):
        self.context, self.value, self.given = context, value, list(given)

    def overrides(self, key):
        if isinstance(self.value, list):
            return self.value
        table, _, rest = key.partition(".")
        if CONTEXTS[self.context][1] in ("sums", "gym") and table == "domain":
            return [f"domain.sums.{rest}={self.value}"]
        return [f"{table}.{ELEMENTS[table]}.{rest}={self.value}" if table in ELEMENTS
                else f"{key}={self.value}"]

    def of_domain(self, key):
        """The same for one domain, where it has a key of its own; of a config with one domain."""
        table, config = key.split(".")[0], CONTEXTS[self.context][1]
        if table not in ("data", "sft", "rl", "reward", "judge") or config == "two" or isinstance(self.value, list):
            return None
        domain = "sums" if config == "sums" else "words"
        return [f"domain.{domain}.{key}={self.value}"]


class Changes(Case):
    """`part` gets other bytes: "models", "trajectories" or "tables"."""

    def __init__(self, context, value, part, given=()):
        super().__init__(context, value, given)
        self.part = part


class Same(Case):
    """All three keep their bytes."""


class Refused(Case):
    """It would have no effect, so it is refused, by its name."""


# Inputs.

SETTINGS = """
seed = 1
threads = 1
[data]
train_rows = 6
validation_rows = 4
heldout_rows = 4
sft_rows = 12
[model]
hidden_size = 32
num_attention_heads = 2
head_dim = 16
qk_rope_head_dim = 8
q_lora_rank = 16
o_groups = 1
o_lora_rank = 16
sliding_window = 4
layer_types = ["compressed_sparse_attention", "heavily_compressed_attention"]
num_hash_layers = 0
csa_rate = 2
hca_rate = 4
index_n_heads = 2
index_head_dim = 16
index_topk = 2
n_routed_experts = 4
moe_intermediate_size = 32
hc_mult = 2
[tokenizer]
vocab_size = 320
[base.sft]
steps = 3
batch_tokens = 64
optim.warmup_steps = 0
optim.decay_fraction = 0
[sft.optim]
warmup_steps = 0
decay_fraction = 0
[sft]
batch_tokens = 64
[rl]
steps = 2
data.train_batch_size = 4
data.max_response_length = 8
rollout.n = 4
optim.lr = 1e-2
test_freq = 0
val_prompts = 2
val_n = 1
[distill]
steps = 2
data.train_batch_size = 2
data.max_response_length = 8
rollout.n = 1
test_freq = 0
[eval]
prompts = 1
n = 1
greedy = false
"""
WORDS = """
[[domain]]
name = "words"
train_file = "train.jsonl"
heldout_file = "heldout.jsonl"
sft_file = "sft.jsonl"
reward_file = "reward.py"
mode = "chat"
"""
GYM = """
[reward]
python = "gym_python"
[[domain]]
name = "sums"
generator = "reasoning_gym:sums"
mode = "chat"
"""
SUMS = '[[domain]]\nname = "sums"\ngenerator = "math"\n'
TOOLS = WORDS.replace("sft.jsonl", "calls.jsonl") + """
tools = ["probe"]
tools_prompt = "names"
[[tool]]
name = "probe"
file = "found.py"
"""
CODE = '[[domain]]\nname = "words"\ngenerator = "code"\nmode = "chat"\n'
# Judged by what it says of its own answers.
JUDGED = """
[judge]
form = "yes_no"
mode = "chat"
template = "asks.txt"
n = 3
label_share = 0.25
max_response_length = 24
train_file = "labelled.jsonl"
heldout_file = "labelled.jsonl"
""" + WORDS.replace("train.jsonl", "judged.jsonl").replace("heldout.jsonl", "judgedlast.jsonl").replace(
    "sft.jsonl", "verdicts.jsonl").replace("reward.py", "labels.py")
COMPARE = '[[compare]]\nname = "other"\n'

# Rewards that any text gets, and that differ.
REWARD = '''
def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    return sum(map(ord, solution_str)) % 7 / 6

def other(data_source, solution_str, ground_truth, extra_info=None):
    return sum(map(ord, solution_str)) % 5 / 4

# In TRL's form.

def sevenths(completions, **columns):
    return [sum(map(ord, c[0]["content"])) % 7 / 6 for c in completions]

def fifths(completions, **columns):
    return [sum(map(ord, c[0]["content"])) % 5 / 4 for c in completions]
'''

# One that asks for what [reward] gives it.
ASKS = '''
import os, time

def compute_score(data_source, solution_str, ground_truth, extra_info=None, modulus=7, nap_s=0):
    if "AMALGAM_PROBE" in os.environ:
        modulus = 5
    text = sum(map(ord, solution_str))
    if text % 5 == 0:
        time.sleep(nap_s)
    return text % modulus
'''

# What the one tool of [[tool]] does.
PROBES = {
    "found": 'return "found it"',
    "marker": 'return str(os.path.exists("/marker"))',
    "lost": 'return "lost it"',
    "burn": "while time.process_time() < 0.7: pass\n    return 'done'",
    # Not where the row says otherwise: a sample whose tools hit the wall clock has no reward.
    "sleep": "if not os.path.exists('/work/awake'): time.sleep(5)\n    return 'done'",
    "memory": "bytearray(100 << 20)\n    return 'done'",
    "disk": "open('/work/x', 'wb').write(bytes(2 << 20))\n    return 'done'",
    "rewrite": "open('/work/x', 'wb').write(os.urandom(700 << 10))\n    return 'done'",
    "processes": "for i in range(8):\n        if os.fork() == 0: time.sleep(0.5); os._exit(0)\n"
                 "    return 'done'",
}
ASKED = "domain.words.reward_file={inputs}/asks.py"
MARKER = "tool.probe.file={inputs}/marker.py"
STORE = "sandbox.store={images}"
LONG_OUTPUT = 'tool.probe.command=["/usr/bin/python3", "-c", "print(\'long \' * 400)"]'


def write_inputs(folder):
    os.makedirs(folder)

    def write(name, text):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)

    for name, domains in (("words", WORDS), ("sums", SUMS), ("tools", TOOLS), ("code", CODE), ("gym", GYM),
                          ("judged", JUDGED), ("two", WORDS + SUMS + COMPARE)):
        write(name + ".toml", SETTINGS + domains)
    write("reward.py", REWARD)
    write("labels.py", REWARD.split("# In TRL's form.")[0].replace("def compute_score", "def plain").replace(
        "def other", "def unused") + '''
def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    return {"score": plain("", solution_str, ""), "labels": [len(solution_str) % 2, 1]}
''')
    write("asks.txt", "Judge\n{rubric}\n{answer}\n")
    write("says.txt", "Judge\n{answer}\n{rubric}\n")
    write("pairs.txt", "Compare\n{answer_a}\n{answer_b}\n")
    write("constant.py", REWARD.replace("% 7 / 6", "* 0"))
    write("asks.py", ASKS)
    write("python", '#!/bin/sh\nAMALGAM_PROBE=1 exec /usr/bin/python3 "$@"\n')
    os.chmod(os.path.join(folder, "python"), 0o755)
    write("gym_python", f'#!/bin/sh\nPYTHONPATH={STAND_INS} exec /usr/bin/python3 -B "$@"\n')
    os.chmod(os.path.join(folder, "gym_python"), 0o755)
    os.environ["AMALGAM_PROBE"] = "1"  # of every program that is run
    for name, body in PROBES.items():
        write(name + ".py", "import os, time\n" + "".join(
            f'\ndef {tool}():\n    """Looks around."""\n    {body}\n' for tool in ("probe", "wand")))

    # Prompts of two to five words; answers are their letters backwards, or calls of the tool.
    words = "apple brick cloud dust ember flint grove hatch iron jade".split()

    def prompt(i):
        return " ".join([words[i % 10], words[i // 10], *[words[(i * 7 + 2) % 10]] * (i % 4)])

    def ask(i):
        return {"role": "user", "content": prompt(i)}

    call = {"role": "assistant", "content": "", "tool_calls": [
        {"id": "x", "type": "function", "function": {"name": "probe", "arguments": "{}"}}] * 2}
    result = {"role": "tool", "tool_call_id": "x", "content": "none"}

    def rows(name, numbers, turns, **more):
        lines = []
        for i in numbers:
            row = {"data_source": "words", "reward_model": {"style": "rule", "ground_truth": "x"}}
            row |= {"messages": [ask(i), *turns(i)]} if turns else {"prompt": [ask(i)]}
            row |= more
            if i % 4 == 3 and not turns:
                row["extra_info"] = {"sandbox": {"files": {"awake": ""}}}
            lines.append(json.dumps(row) + "\n")
        write(name + ".jsonl", "".join(lines))

    rows("train", range(0, 12), None)
    rows("some", range(0, 6), None)
    rows("patterns", range(0, 12), None, data_source="z?",
         reward_model={"style": "rule", "ground_truth": "zzz"})
    rows("numbers", range(0, 12), None, effort=17)
    rows("sources", range(0, 12), None, data_source="math_dapo")
    rows("othersources", range(12, 20), None, data_source="math_dapo")
    rows("heldout", range(12, 20), None)
    rows("validation", range(20, 24), None)
    rows("sft", range(0, 12), lambda i: [{"role": "assistant", "content": prompt(i)[::-1]}])
    rows("upper", range(0, 12), lambda i: [{"role": "assistant", "content": prompt(i).upper()}])
    # Of a judge: what it says, some of it no verdict or too long; and answers with labels.
    def judging(i):
        verdicts = [f"Verdict : {i % 2} {i // 2 % 2}", "Verdict : A", "Verdict : B", "no 0 1 2 3 4 5 6 7 8 9"]
        first, second = (text[::-1] if i % 3 else text.split()[0] for text in (prompt(i % 96), prompt(i % 96 + 1)))
        is_pair = i % 4 in (1, 2)
        asked = f"Compare\n{first}\n{second}" if is_pair else f"Judge\n1 odd\n2 kind\n{first}"
        said = verdicts[i % 4] if is_pair or i % 8 == 3 else verdicts[0] if i % 8 else "Verdict : 1 1"
        return [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]

    rubric = [{"text": "odd", "weight": 1}, {"text": "kind", "weight": 2}]
    rows("judged", range(0, 12), None, rubric=rubric)
    rows("judgedlast", range(12, 20), None, rubric=rubric)
    for name, begin in (("labelled", 20), ("otherlabels", 30)):
        rows(name, range(begin, begin + 8), None, rubric=rubric, labels=[begin // 10 % 2, 1], answer="ember")
    write("verdicts.jsonl", "".join(json.dumps({"messages": messages}) + "\n" for i in range(96) for messages in (
        judging(i), [ask(i % 12), {"role": "assistant", "content": prompt(i % 12)[::-1]}])))
    rows("calls", range(0, 10), lambda i: [call, result, result, call, result, result,
                                          {"role": "assistant", "content": "done"}])


# Models that runs start from: name, config, overrides.
NO_MORE = ["rl.steps=0", "distill.steps=0"]
MODELS = [
    # Answers of it are long and short.
    ("plain", "words", [*NO_MORE, "base.sft.steps=12"]),
    ("second", "words", [*NO_MORE, "base.sft.steps=16"]),
    ("mtp", "words", [*NO_MORE, "model.num_nextn_predict_layers=1"]),
    # Knows one answer: to call the tool twice, and to do it again.
    ("caller", "tools", [*NO_MORE, "base.sft.steps=150", "base.sft.batch_tokens=512"]),
    # Says verdicts, and sometimes none.
    ("judging", "judged", [*NO_MORE, "judge.form=none", "base.sft.steps=300", "base.sft.batch_tokens=512"]),
    # Knows the programs of two prompts by heart.
    ("coder", "code", [*NO_MORE, "base.sft.steps=300", "base.sft.batch_tokens=512",
                       "data.sft_rows=2", "data.train_rows=2"]),
]

# What a run is: command, config, arguments, overrides.
CONTEXTS = {
    "run": ("run", "words", [], []),
    "base": ("run", "words", [], NO_MORE),
    "base of sums": ("run", "sums", [], NO_MORE),
    "base of two": ("run", "two", [], NO_MORE),
    "base of tools": ("run", "tools", [], NO_MORE),
    "merge": ("run", "words", [], ["model.path={plain}", "rl.test_freq=1", "distill.test_freq=1"]),
    "merge two": ("run", "two", [], ["model.path={plain}", "distill.test_freq=1"]),
    "sft": ("sft", "words", ["--domain", "words", "--model", "{plain}"], ["sft.steps=3"]),
    "sft with mtp": ("sft", "words", ["--domain", "words", "--model", "{mtp}"], ["sft.steps=3"]),
    "rl": ("rl", "words", ["--domain", "words", "--model", "{plain}"], []),
    "judged": ("rl", "judged", ["--domain", "words", "--model", "{judging}"], ["rl.optim.lr=1e-3"]),
    "eval judged": ("eval", "judged", ["--model", "{judging}"], []),
    "rl of sums": ("rl", "sums", ["--domain", "sums", "--model", "{plain}"], []),
    "rl with mtp": ("rl", "words", ["--domain", "words", "--model", "{mtp}"], []),
    "distill": ("distill", "words", ["--model", "{plain}", "--teacher", "words={second}"], []),
    "distill with mtp": ("distill", "words", ["--model", "{mtp}", "--teacher", "words={mtp}"], []),
    "eval": ("eval", "words", ["--model", "{plain}"], []),
    "eval of sums": ("eval", "sums", ["--model", "{plain}"], []),
    "eval of gym": ("eval", "gym", ["--model", "{plain}"], []),
    # Always the same calls of the tool.
    "call": ("eval", "tools", ["--model", "{caller}"],
             ["eval.temperature=0", "rl.data.max_prompt_length=2000",
              "rl.data.max_response_length=96"]),
    "distill calls": ("distill", "tools", ["--model", "{caller}", "--teacher", "words={caller}"],
                      ["distill.rollout.temperature=0.05", "distill.data.max_response_length=96"]),
    "program": ("rl", "code", ["--domain", "words", "--model", "{coder}"],
                ["data.train_rows=2", "rl.rollout.temperature=0.05",
                 "rl.data.max_response_length=128"]),
}


def verifiers(before, after, given=()):
    """A second verifier beside the function, as it is and as it is changed."""
    def both(second):
        return "domain.words.reward=[{style='function'}, {" + second + "}]"

    return [Changes("rl", [both(after)], "trajectories", [*given, both(before)])]


# Keys that several tables have.


def optim(table, kind, context, given=()):
    def changes(value, *more):
        return Changes(context, value, "models", [*given, *more])

    return {f"{table}.optim.{key}": [case] for key, case in {
        "kind": changes("adamw" if kind == "muon" else "muon"),
        "lr": changes("3e-3"),
        "warmup_steps": changes("3"),
        "decay_fraction": changes("1"),
        "final_lr_factor": changes("0.5", f"{table}.optim.decay_fraction=1"),
        "beta1": changes("0.5"),
        "beta2": changes("0.5"),
        "eps": changes("1e-2"),
        "momentum": changes("0.5", f"{table}.optim.kind=muon"),
        "weight_decay": changes("0"),
        "grad_clip": changes("1e-3"),
    }.items()}


def supervised(table, context, with_mtp, mtp_given, spike_factor):
    spikes = [f"{table}.{key}" for key in (
        "steps=14", "anticipatory_routing.delay=1",
        f"anticipatory_routing.spike_factor={spike_factor}",
        "anticipatory_routing.spike_window=2", "anticipatory_routing.rollback_steps=2",
        "anticipatory_routing.active_steps=5")]

    def changes(value, *given):
        return [Changes(context, value, "models", given)]

    mtp = [*mtp_given, f"{table}.optim.decay_fraction=0.4"]
    return {f"{table}.{key}": cases for key, cases in {
        "steps": changes("2"),
        "batch_tokens": changes("32"),
        "mtp_loss_weight": [Changes(with_mtp, "1", "models", mtp)],
        "mtp_late_loss_weight": [Changes(with_mtp, "1", "models", mtp)],
        "index_loss_coef": changes("0"),
        "router_aux_loss_coef": changes("1"),
        "index_warmup_steps": changes("1"),
        "anticipatory_routing.delay": changes("1"),
        "anticipatory_routing.spike_factor": [
            *changes("0", *spikes),
            Refused(context, "2")],
        "anticipatory_routing.spike_window": changes("8", *spikes),
        "anticipatory_routing.rollback_steps": changes("1", *spikes),
        "anticipatory_routing.active_steps": [
            *changes("7", *spikes),
            Refused(context, "4", spikes)],
    }.items()} | optim(table, "muon", context)


def sampling(table, context, with_mtp, with_tools, updates):
    def samples(value, *given, run=context):
        return [Changes(run, value, "trajectories", given)]

    def trains(value, *given, run=context):
        return [Changes(run, value, "models", given)]

    return {f"{table}.{key}": cases for key, cases in {
        "steps": trains("1"),
        "mtp_loss_weight": trains("0", run=with_mtp),
        "index_loss_coef": trains("0"),
        "data.train_batch_size": trains("6"),
        "data.max_prompt_length": samples("8"),
        "data.max_response_length": samples("6"),
        "rollout.n": trains("3"),
        "rollout.temperature": trains("0.5"),
        "rollout.max_turns": samples("2", run=with_tools),
        "rollout.max_calls_per_turn": samples("1", run=with_tools),
        "rollout.max_tool_response_tokens": samples(
            "100", LONG_OUTPUT, 'tool.probe.description="Says much."', run=with_tools),
        "rollout.max_tool_tokens": samples(
            "600", LONG_OUTPUT, 'tool.probe.description="Says much."', run=with_tools),
        "rollout.max_thinking_tokens": samples("2", "domain.words.mode=thinking"),
        "rollout.draft": [Same(with_mtp, "true"), Refused("run", "true")],
        # Weights that moved since: of a step with several updates. Else only what is logged.
        "rollout.keep_routing": [*(trains("off") if updates > 1 else samples("on"))],
        "rollout.keep_index": trains("true") if updates > 1 else samples("true"),
    }.items()} | optim(table, "adamw", context)


def changes(context, value, part, *given):
    return [Changes(context, value, part, given)]


def model(value, *given):
    """Trained a little, so that what is not a shape shows too."""
    return [Changes("base", value, "models", given)]


# Every score is that of a right answer, so that all forms act.
def penalty(form, *keys):
    return [f"rl.length_penalty.{key}" for key in (f"form={form}", "correct_score=0", *keys)]


LINEAR = penalty("linear", "k={none=0.01}")
NUMBERS = [*penalty("effort", "k0=0.1"), "domain.words.train_file={inputs}/numbers.jsonl",
           "domain.words.effort_form=line"]
COSINE = penalty("cosine", "correct_score=0.5")
REPEATS = penalty("none", "repetition_ngram=1", "repetition_max_penalty=-1")


OBJECTIVES = ("forward", "jsd", "sampled_advantage", "sampled_loss", "topk_forward_verl", "topk_forward_nemo",
              "topk_reverse_nemo", "topk_mixed_nemo", "topk_tail")


def objective_key(value, *objectives):
    """A key of these objectives, which the others refuse."""
    return [*(Changes("distill", value, "models", [f"distill.objective={o}"]) for o in objectives),
            *(Refused("distill", value, [f"distill.objective={o}"]) for o in ("exact", *OBJECTIVES) if o not in objectives)]


TEACHERS = 'distill.teachers=[{domain="words", weight={%s}}]'
BOTH = 'teacher=[{name="%s", path="{%s}"}, {name="%s", path="{%s}"}]'
BIG = [BOTH % ("big", "second", "other", "mtp"), TEACHERS % "big=1"]


PAIRS = ["judge.form=pairwise", "judge.train_file=", "judge.heldout_file=", "judge.template={inputs}/pairs.txt"]
THINKING = "domain.words.mode=thinking"
HIGH = [THINKING, 'domain.words.efforts=["high"]']

KEYS = {
    "seed": model("2"),
    "run_dir": [Same("run", ["run_dir={run_dir}"])],
    "threads": [Same("run", "2")],
    "workers": [Same("run", "2")],
    "worker_silence_s": [Same("run", "5", ["workers=2"])],
    "isa": [Same("run", "avx2")],
    "skip_bad_rows": [Same("rl", "true")],
    "keep_last": changes("rl", "1", "models", "rl.test_freq=1"),
    "keep_trajectories": changes("rl", "scored", "trajectories"),
    "effort_form": changes("rl", "line", "trajectories", *HIGH),
    "on_finish": [Same("run", "exit 0")],
    "on_stop": [Same("run", "exit 0")],
    "recompute": [Same("run", "tensors"), Same("run", "layer")],
    "micro_batch_tokens": model("16"),

    "data.train_rows": changes("rl of sums", "9", "trajectories"),
    "data.validation_rows": changes("rl of sums", "1", "trajectories", "rl.test_freq=1"),
    "data.heldout_rows": changes("eval of sums", "1", "trajectories", "eval.prompts=9"),
    "data.sft_rows": changes("base of sums", "7", "models"),
    "data.careless": changes("base of sums", "1", "models", "base.anneal.steps=2"),

    "model.path": [Changes("run", "{second}", "models")],
    "model.config": [Changes("base", "{plain}/config.json", "models", ["model.hidden_size=16"]),
                     Refused("base", "{plain}/config.json", ["model.path={plain}"])],
    "model.hidden_size": model("16"),
    "model.num_attention_heads": model("4"),
    "model.head_dim": model("24"),
    "model.qk_rope_head_dim": model("4"),
    "model.q_lora_rank": model("8"),
    "model.o_groups": model("2"),
    "model.o_lora_rank": model("8"),
    "model.sliding_window": model("6"),
    "model.layer_types": model('["compressed_sparse_attention", "sliding_attention"]'),
    "model.num_hash_layers": model("1"),
    "model.csa_rate": model("4"),
    "model.hca_rate": model("8"),
    "model.index_n_heads": model("4"),
    "model.index_head_dim": model("8"),
    "model.index_topk": model("1"),
    "model.n_routed_experts": model("6"),
    "model.n_shared_experts": model("2"),
    "model.num_experts_per_tok": model("1"),
    "model.moe_intermediate_size": model("16"),
    "model.routed_scaling_factor": model("1"),
    "model.swiglu_limit": model("1e-3"),
    "model.hc_mult": model("1"),
    "model.num_nextn_predict_layers": model("1"),
    "tokenizer.vocab_size": model("340"),

    "base.mixture": changes("base of two", "{words = 1}", "models"),
    "base.anneal.steps": changes("base", "2", "models"),
    "base.anneal.lr_factor": changes("base", "0.1", "models", "base.anneal.steps=2"),
    "base.anneal.final_lr_factor": changes("base", "1", "models", "base.anneal.steps=2"),
    **supervised("base.sft", "base", "base", ["model.num_nextn_predict_layers=1"], 0.97),
    **supervised("sft", "sft", "sft with mtp", [], 1),

    **sampling("rl", "rl", "rl with mtp", "call", updates=2),
    "rl.ppo_mini_batches": [*changes("rl", "1", "models"), Refused("rl", "3")],
    "rl.test_freq": changes("rl", "1", "trajectories"),
    "rl.val_prompts": changes("rl", "1", "trajectories", "rl.test_freq=1"),
    "rl.val_n": changes("rl", "2", "trajectories", "rl.test_freq=1"),
    "rl.length_penalty.form": [*changes("rl", "kimi_k15", "models"), Refused("rl", "alp")],
    "rl.length_penalty.k": [*changes("rl", "{none=0.1}", "models", *LINEAR),
                            Refused("rl", "{none=0.1}"), Refused("rl", "{high=0.1}", LINEAR)],
    "rl.length_penalty.k0": changes("rl", "0.01", "models", *NUMBERS),
    "rl.length_penalty.b_min": changes("rl", "9", "models", *NUMBERS),
    "rl.length_penalty.tau": changes("rl", "2", "models", *NUMBERS),
    "rl.length_penalty.cap": changes("rl", "0.03", "models", *LINEAR),
    "rl.length_penalty.norm_length": changes("rl", "4", "models", *LINEAR),
    "rl.length_penalty.buffer": [
        *changes("rl", "6", "models", *penalty("overlong", "buffer=3")),
        Refused("rl", "9", penalty("overlong", "buffer=3"))],
    "rl.length_penalty.factor": changes("rl", "2", "models", *penalty("overlong", "buffer=3")),
    "rl.length_penalty.floor": changes("rl", "-0.4", "models", *penalty("overlong", "buffer=3")),
    "rl.length_penalty.alpha": changes("rl", "0.9", "models", *penalty("efficient", "alpha=0.2")),
    "rl.length_penalty.beta": changes("rl", "0.1", "models", *penalty("alp", "beta=0.01")),
    "rl.length_penalty.delta": changes(
        "rl", "0.9", "models", *penalty("l1_max", "alpha=0.1", "target=6")),
    "rl.length_penalty.target": changes(
        "rl", "2", "models", *penalty("l1_exact", "alpha=0.1", "target=6")),
    "rl.length_penalty.correct_at_0": changes("rl", "5", "models", *COSINE),
    "rl.length_penalty.correct_at_max": changes("rl", "-5", "models", *COSINE),
    "rl.length_penalty.wrong_at_0": changes("rl", "-1", "models", *COSINE),
    "rl.length_penalty.wrong_at_max": changes("rl", "-3", "models", *COSINE),
    "rl.length_penalty.exceed": changes("rl", "-1", "models", *COSINE),
    "rl.length_penalty.correct_score": changes("rl", "0.9", "models", *penalty("kimi_k15")),
    "rl.length_penalty.repetition_ngram": changes("rl", "2", "models", *REPEATS),
    "rl.length_penalty.repetition_max_penalty": changes("rl", "-3", "models", *REPEATS),
    "rl.select_by": [
        *changes("rl", "accuracy", "models", "rl.test_freq=1", "rl.steps=4",
                 *penalty("linear", "k={none=1}", "cap=100")),
        *changes("rl", "last", "models", "rl.test_freq=1", "rl.steps=4"),
        *changes("judged", "agreement", "models", "rl.test_freq=1", "rl.steps=4"),
        Refused("rl", "agreement"), Refused("judged", "reward")],
    "rl.algorithm.adv_estimator": [Refused("rl", "gae")],  # one choice
    "rl.algorithm.norm_adv_by_std": changes("rl", "true", "models"),
    "rl.algorithm.clip_ratio_low": changes("rl", "0", "models"),
    "rl.algorithm.clip_ratio_high": changes("rl", "0", "models"),
    "rl.algorithm.kl_loss_coef": changes("rl", "1", "models"),
    "rl.algorithm.loss_agg_mode": [
        Changes("rl", mode, "models")
        for mode in ("seq-mean-token-mean", "seq-mean-token-sum", "seq-mean-token-sum-norm")],
    "rl.algorithm.off_policy_delta": changes("rl", "1e-9", "models"),

    "reward.verifier.style": verifiers(
        "style='repetition', name='x', arguments={ngram=1}", "style='exact_match', name='x'"),
    "reward.verifier.name": verifiers("style='repetition'", "style='repetition', name='x'"),
    "reward.verifier.role": verifiers("style='repetition', arguments={ngram=1}",
                                      "style='repetition', arguments={ngram=1}, role='gate'"),
    "reward.verifier.weight": verifiers("style='regex', arguments={pattern='.'}",
                                        "style='regex', arguments={pattern='.'}, weight=3"),
    "reward.verifier.min": verifiers("style='repetition'", "style='repetition', min=0.5"),
    "reward.verifier.max": verifiers("style='repetition'", "style='repetition', max=-0.5"),
    "reward.verifier.truth": verifiers(
        "style='regex'", "style='regex', truth='data_source'",
        ["domain.words.train_file={inputs}/patterns.jsonl"]),
    "reward.verifier.arguments": verifiers("style='regex', arguments={pattern='.'}",
                                           "style='regex', arguments={pattern='[a-e]'}"),
    "reward.compat": changes("rl", "verl", "trajectories",
                             "domain.words.train_file={inputs}/sources.jsonl",
                             "domain.words.heldout_file={inputs}/othersources.jsonl",
                             "domain.words.reward.verifier=[{style='function'}, {style='row'}]"),
    "reward.incomplete": changes("rl", "score", "trajectories", "reward.truncated_score=-1"),
    "reward.truncated_score": changes("rl", "-1", "trajectories", "reward.incomplete=score"),
    "reward.malformed_score": changes("rl", "-1", "trajectories", "reward.incomplete=score",
                                      THINKING, "rl.data.train_batch_size=12", "rl.rollout.n=16"),
    "reward.empty_score": changes("rl", "-1", "trajectories", "reward.incomplete=score",
                                  "rl.data.train_batch_size=12", "rl.rollout.n=16"),
    "reward.processes": [Same("rl", "1")],
    "reward.deadline_s": changes("rl", "2", "trajectories", ASKED, "reward.kwargs={nap_s=4}"),
    "reward.python": changes("rl", "{inputs}/python", "models", ASKED),
    "reward.env": changes("rl", '["AMALGAM_PROBE"]', "models", ASKED),
    "reward.kwargs": changes("rl", "{modulus=5}", "models", ASKED),

    "judge.form": [*changes("judged", "points", "trajectories"), *changes("judged", "none", "models"),
                   Changes("judged", PAIRS, "trajectories"),
                   Refused("rl of sums", "yes_no")],
    "judge.weights": changes("judged", "base", "models"),
    "judge.model": changes("judged", "{judging}", "models"),
    "judge.template": changes("judged", "{inputs}/says.txt", "trajectories"),
    # Of verdicts that measure: the model has none to say in the other mode.
    "judge.mode": changes("eval judged", "thinking", "trajectories"),
    "judge.max_points": changes("judged", "5", "trajectories", "judge.form=points"),
    "judge.votes": changes("judged", "2", "trajectories"),
    "judge.retries": changes("judged", "0", "trajectories"),
    "judge.opponents": changes("judged", "2", "trajectories", *PAIRS),
    "judge.max_answer_tokens": changes("judged", "1", "trajectories"),
    "judge.max_response_length": changes("judged", "16", "trajectories"),
    "judge.ratio": [*changes("judged", "2", "models"),
                    Refused("judged", "1", ["judge.train_file=", "judge.label_share=0"])],
    "judge.n": changes("judged", "4", "models"),
    "judge.reward": [*changes("judged", "brier", "models", "judge.n=8", "judge.label_share=1", "judge.ratio=4"), Refused("judged", "brier", PAIRS)],
    "judge.label_share": changes("judged", "0.5", "trajectories"),
    "judge.train_file": changes("judged", "{inputs}/otherlabels.jsonl", "trajectories", "judge.ratio=2"),
    "judge.heldout_file": changes("judged", "{inputs}/otherlabels.jsonl", "trajectories", "rl.test_freq=1"),
    "judge.heldout_rows": changes("judged", "1", "trajectories", "rl.test_freq=1"),

    "domain.name": changes("run", "letters", "tables"),
    "domain.generator": changes("rl of sums", "instruct", "trajectories"),
    "domain.generator_config": [*changes("eval of gym", "{terms=3}", "trajectories"),
                                Refused("eval of gym", "{size=3}"), Refused("rl of sums", "{terms=3}")],
    "domain.train_file": changes("rl", "{inputs}/some.jsonl", "trajectories"),
    "domain.validation_file": [
        *changes("rl", "{inputs}/validation.jsonl", "trajectories", "rl.test_freq=1"),
        Refused("rl of sums", "{inputs}/validation.jsonl")],
    "domain.heldout_file": changes("eval", "{inputs}/validation.jsonl", "trajectories"),
    "domain.image": [
        *changes("call", "marked", "trajectories", MARKER, STORE),
        *changes("call", "python", "trajectories", MARKER, STORE, "sandbox.image=marked"),
        Refused("call", "absent", [STORE])],
    "domain.sft_file": [*changes("sft", "{inputs}/upper.jsonl", "models"),
                        Refused("rl of sums", "{inputs}/upper.jsonl")],
    "domain.anneal_file": [
        *changes("base", "{inputs}/upper.jsonl", "models", "base.anneal.steps=2"),
        Refused("rl of sums", "{inputs}/upper.jsonl")],
    "domain.reward_file": [*changes("rl", "{inputs}/constant.py", "models"),
                           Refused("rl of sums", "{inputs}/constant.py")],
    "domain.reward_function": [*changes("rl", "other", "models"), Refused("rl of sums", "other")],
    "domain.reward_weights": [
        *changes("rl", "[1, -1]", "models", 'domain.words.reward_function=["sevenths", "fifths"]'),
        Refused("rl", "[1, -1]"), Refused("rl of sums", "[1]")],
    "domain.mode": changes("rl", "thinking", "trajectories"),
    "domain.efforts": [*changes("rl", '["high"]', "trajectories", THINKING, "effort_form=line"),
                       Refused("rl", '["max"]'),
                       Refused("rl", '["low"]', [THINKING]), Refused("rl", '["none", "none"]', [THINKING])],
    "domain.effort_form": changes("rl", "line", "trajectories", *HIGH),
    "domain.specialists": [*changes("run", "one", "models", THINKING, 'domain.words.efforts=["none", "high"]'),
                           Refused("rl", "one")],
    "domain.windows": [*changes("rl", "{high = 3}", "trajectories", *HIGH), Refused("rl", "{most = 3}")],
    "domain.tools": changes("call", "[]", "trajectories"),
    "domain.tools_prompt": changes("call", "schemas", "trajectories"),
    "domain.data": [Changes("eval of sums", ["domain.sums.data.heldout_rows=1"], "trajectories",
                            ["eval.prompts=9"]),
                    Refused("eval", ["domain.words.data.heldout_rows=1"])],
    "domain.specialist": changes("merge", "{second}", "models"),
    "domain.sft": [Changes("sft", ["domain.words.sft.optim.lr=1e-3"], "models")],
    "domain.rl": [Changes("rl", ["domain.words.rl.rollout.n=3"], "trajectories")],
    "domain.judge": [Changes("judged", ["domain.words.judge.votes=2"], "trajectories")],
    "domain.reward": [Changes("rl", ["domain.words.reward.kwargs={modulus=5}"], "models", [ASKED]),
                      Refused("rl of sums", ["domain.sums.reward.deadline_s=3"])],

    "tool.name": [Changes("call", ["tool.probe.name=wand", 'domain.words.tools=["wand"]'],
                          "trajectories", ["domain.words.tools_prompt=none"])],
    "tool.description": changes("call", "Looks.", "trajectories",
                                "domain.words.tools_prompt=schemas"),
    "tool.parameters": changes("call", '\'{"properties": {"x": {"type": "string"}}}\'',
                               "trajectories"),
    "tool.command": changes("call", '["/usr/bin/python3", "-c", "print(8)"]', "trajectories",
                            'tool.probe.description="Says 8."'),
    "tool.file": changes("call", "{inputs}/lost.py", "trajectories"),

    **sampling("distill", "distill", "distill with mtp", "distill calls", updates=1),
    "distill.objective": [Changes(run, objective, "models") for run in ("distill", "merge") for objective in OBJECTIVES],
    "distill.jsd_beta": objective_key("0.1", "jsd"),
    "distill.topk": objective_key("3", "topk_forward_verl", "topk_forward_nemo", "topk_reverse_nemo", "topk_mixed_nemo",
                                  "topk_tail"),
    "distill.topk_outside": objective_key("zero", "topk_forward_nemo", "topk_reverse_nemo", "topk_mixed_nemo"),
    "distill.mixed_kl_weight": objective_key("0.1", "topk_mixed_nemo"),
    "distill.log_prob_min": objective_key("-4", "topk_forward_verl"),
    "distill.loss_max": objective_key("1e-6", "topk_forward_verl", "sampled_loss"),
    "distill.kl_estimator": objective_key("k2", "sampled_advantage", "sampled_loss"),
    "distill.reward_coef": [*changes("distill", "1", "models", "distill.rollout.n=4"),
                            *changes("distill", "1", "models", "distill.rollout.n=4", "distill.objective=topk_tail"),
                            Refused("distill", "1")],
    "distill.lr_candidates": [*changes("merge", "[1e-2, 1e-3]", "tables"),
                              Refused("run", "[1e-2, 1e-3]")],
    "distill.sweep_steps": changes("merge", "1", "tables", "distill.lr_candidates=[1e-2, 1e-3]"),
    "distill.test_freq": changes("distill", "1", "trajectories"),
    "distill.students": changes("merge two", "per_domain", "models"),
    "distill.student": changes("merge", "{second}", "models"),
    "distill.teachers.domain": [
        Changes("merge two", [TEACHERS.replace("words", "sums", 1) % "words=1"], "models",
                [TEACHERS % "words=1"])],
    "distill.teachers.weight": [Changes("merge two", [TEACHERS % "sums=1"], "models")],
    "distill.teacher_memory": [Same("distill", "0"), Same("distill", "3")],
    "distill.hidden_memory": [Same("distill", "0")],
    "teacher.name": [Changes("distill", [BOTH % ("other", "second", "big", "mtp")], "models", BIG)],
    "teacher.path": [Changes("distill", [BOTH % ("big", "mtp", "other", "second")], "models", BIG)],

    "compare.name": changes("merge two", "another", "tables"),
    "compare.method": [*changes("merge two", "sampled_advantage", "models"), *changes("merge two", "sft", "models"),
                       *changes("merge two", "mixed_rl", "models", "distill.data.train_batch_size=8"),
                       *changes("merge two", "slerp", "models"), *changes("merge two", "ties", "models"),
                       Refused("merge two", "base")],
    "compare.scales": [*changes("merge two", "[0.5]", "models", "compare.other.method=task_arithmetic"),
                       *changes("merge two", "[0.5]", "models", "compare.other.method=ties"),
                       Refused("merge two", "[0.5]"), Refused("merge two", "[1, 2, 3]", ["compare.other.method=ties"])],
    "compare.densities": [*changes("merge two", "[0.3]", "models", "compare.other.method=ties", "compare.other.scales=[1]"),
                          *changes("merge two", "[0.3]", "models", "compare.other.method=dare", "compare.other.scales=[1]"),
                          Refused("merge two", "[0.3]", ["compare.other.method=task_arithmetic"])],
    "compare.ts": [*changes("merge two", "[0.2]", "models", "compare.other.method=slerp"), Refused("merge two", "[0.2]")],
    "compare.learning_rates": [*changes("merge two", "[5e-3]", "models", "compare.other.method=sft"),
                               *changes("merge two", "[5e-3]", "models", "compare.other.method=mixed_rl",
                                        "distill.data.train_batch_size=8"),
                               *changes("merge two", "[5e-3]", "models", "compare.other.method=sampled_loss"),
                               Refused("merge two", "[5e-3]"),
                               Refused("merge two", "[5e-3, 1e-3]", ["compare.other.method=sft"])],
    "compare.n": [*changes("merge two", "2", "models", "compare.other.method=mixed_rl", "distill.data.train_batch_size=8"),
                  Refused("merge two", "3", ["compare.other.method=mixed_rl", "distill.data.train_batch_size=8"]),
                  Refused("merge two", "2")],
    **{f"compare.{key}": [*changes("merge two", value, "models", f"compare.other.method={method}", *given),
                          Refused("merge two", value), Refused("merge two", value, ["compare.other.method=sft"])]
       for key, value, method, *given in (
           ("jsd_beta", "0.1", "jsd"), ("topk", "3", "topk_tail"), ("topk_outside", "zero", "topk_forward_nemo"),
           ("mixed_kl_weight", "0.1", "topk_mixed_nemo"), ("log_prob_min", "-4", "topk_forward_verl"),
           ("loss_max", "1e-6", "sampled_loss"), ("kl_estimator", "k2", "sampled_advantage"),
           ("reward_coef", "1", "forward", "distill.rollout.n=4"))},

    "eval.prompts": changes("eval", "2", "tables"),
    "eval.n": changes("eval", "2", "tables"),
    "eval.temperature": changes("eval", "0", "trajectories"),
    "eval.greedy": changes("eval", "true", "tables"),
    "eval.max_thinking_tokens": changes("eval", "2", "trajectories", "domain.words.mode=thinking"),

    **{f"numerics.{key}": changes("rl", "true", "models", "rl.data.max_response_length=64")
       for key in ("experts_fp4", "indexer_fp4", "index_scores_bf16", "kv_cache_fp8",
                   "activations_fp8")},

    "sandbox.substrate": [Same("program", "function")],
    "sandbox.cpu_seconds": changes("call", "0.4", "trajectories",
                                   "tool.probe.file={inputs}/burn.py"),
    "sandbox.wall_seconds": changes("call", "4", "trajectories", "sandbox.cpu_seconds=0.2",
                                    "rl.rollout.max_turns=2", "eval.prompts=2",
                                    "tool.probe.file={inputs}/sleep.py"),
    "sandbox.memory_mb": changes("call", "64", "trajectories",
                                 "tool.probe.file={inputs}/memory.py"),
    "sandbox.disk_mb": changes("call", "1", "trajectories", "tool.probe.file={inputs}/disk.py"),
    "sandbox.journal_mb": changes("call", "1", "trajectories", "sandbox.disk_mb=1",
                                  "tool.probe.file={inputs}/rewrite.py"),
    "sandbox.max_processes": changes("call", "4", "trajectories",
                                     "tool.probe.file={inputs}/processes.py"),
    "sandbox.output_kb": changes("call", "1", "trajectories", LONG_OUTPUT,
                                 'tool.probe.description="Says much."'),
    "sandbox.image": [
        *changes("call", "marked", "trajectories", MARKER, STORE),
        Refused("call", "absent", [STORE]),
        Refused("call", "marked", [STORE, "sandbox.substrate=microvm"])],
    "sandbox.store": [Same("call", "{images}", [MARKER])],
    "sandbox.gateway": [
        Same("call", ["sandbox.gateway={gateway}", "sandbox.key={key}"]),
        Same("program", ["sandbox.gateway={gateway}", "sandbox.key={key}"]),
        Refused("call", "{gateway}")],
    "sandbox.key": [Refused("call", "{key}")],
    "log.level": [Same("rl", "debug"), Same("run", "critical", ["workers=2"])],
    "log.max_mb": [Same("rl", "1")],
    "log.files": [Same("rl", "1")],
    "log.json": [Same("rl", "true")],
}
