"""Makes the other files of this folder: policy steps of a small model in float64, two updates each.

    python3 make_golden.py ORACLE        ORACLE: v4_oracle.py, the model's formulas in plain torch (needs torch, safetensors)

The loss is POST_TRAINING.md section 3, the indexer's MODEL.md section 2.4, the optimiser AdamW as in MODEL.md section 4,
all by autograd. Which experts, compressed entries and clipped tokens take part is decided far from a tie (MARGIN), so
that float32 decides the same; no tensor's gradient is next to nothing (LARGE_ENOUGH of the largest).

config.json, model.safetensors   the model before the first update
cases.json                       the sequences of both updates (writer: 0 prompt, 1 policy, 2 tool), and each case's
                                 settings and figures; `old` and `reference` by temperature
reference.safetensors            CASE.UPDATE.gradient, and CASE.weights after the last update: all float tensors of
                                 model.safetensors one after the other, by name
Cases with `replay` choose in both updates what the first weights chose: experts [learned layers, tokens, K], or those
and the indexer's entries [CSA layers, tokens, index_topk], ascending, -1 where there are fewer.
"""
import importlib.util
import json
import math
import pathlib
import sys

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
spec = importlib.util.spec_from_file_location("v4_oracle", sys.argv[1])
v4 = importlib.util.module_from_spec(spec)
spec.loader.exec_module(v4)

torch.set_num_threads(1)  # the same bytes on every machine size

MARGIN = 3e-5
LARGE_ENOUGH = 7e-4
NORM_LENGTH = 12
# Without decay: whether a tensor without a gradient decays is the optimiser's business and tested there.
OPTIM = {"lr": 0.004, "beta1": 0.9, "beta2": 0.95, "eps": 1e-3, "weight_decay": 0.0, "router_bias_rate": 0.001}
TEMPERATURES = (1.0, 0.5, 1.3)
PROMPT, POLICY, TOOL = 0, 1, 2

CONFIG = {
    "architectures": ["DeepseekV4ForCausalLM"], "model_type": "deepseek_v4", "vocab_size": 23, "hidden_size": 12,
    "moe_intermediate_size": 4, "num_hidden_layers": 3, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8,
    "qk_rope_head_dim": 4, "partial_rotary_factor": 0.5, "q_lora_rank": 6, "num_experts_per_tok": 2, "n_routed_experts": 4,
    "n_shared_experts": 1, "scoring_func": "sqrtsoftplus", "norm_topk_prob": True, "routed_scaling_factor": 1.5,
    "layer_types": [v4.SWA, v4.CSA, v4.HCA], "mlp_layer_types": ["hash_moe", "moe", "moe"],
    "compress_rates": {v4.CSA: 4, v4.HCA: 8}, "sliding_window": 5, "o_groups": 2, "o_lora_rank": 3, "index_n_heads": 8,
    "index_head_dim": 4, "index_topk": 2, "hc_mult": 2, "hc_sinkhorn_iters": 20, "hc_eps": 1e-06, "rms_norm_eps": 1e-06,
    "swiglu_limit": 10.0, "hidden_act": "silu", "rope_theta": 10000.0, "compress_rope_theta": 160000.0,
    "rope_parameters": {"main": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5},
                        "compress": {"rope_type": "default", "rope_theta": 160000.0, "partial_rotary_factor": 0.5}},
    "num_nextn_predict_layers": 0, "attention_bias": False, "tie_word_embeddings": False, "max_position_embeddings": 1048576,
    "bos_token_id": 0, "eos_token_id": 1, "dtype": "float32", "transformers_version": "5.23.0"}

# Writers of the sequences: two updates, two groups of three samples each. One has no token of the policy.
WRITERS = [["PPPooooooooooooo", "PPPoooottttttooooo", "PPPooooo", "PPPPoooooooooooooooooooo", "PPPPttt", "PPPPoootttoooooo"],
           ["PPooooooooooooooo", "PPoooooo", "PPooootttttttttoooo", "PPPPPooooo", "PPPPPooootttoooooooooo", "PPPPPoooooooooo"]]

BASE = {"clip_ratio_low": 0.2, "clip_ratio_high": 0.2, "kl_loss_coef": 0.0, "loss_agg_mode": "token-mean",
        "off_policy_delta": 0.0, "norm_adv_by_std": False, "index_loss_coef": 0.0, "grad_clip": 0.0, "temperature": 1.0,
        "replay": "none", "num_updates": 2, "equal_rewards": False}
ALL = {"clip_ratio_low": 0.1, "clip_ratio_high": 0.4, "kl_loss_coef": 0.3, "loss_agg_mode": "seq-mean-token-mean",
       "off_policy_delta": 0.05, "norm_adv_by_std": True, "index_loss_coef": 0.7}
CASES = {
    "plain": {}, "kl": {"kl_loss_coef": 0.3}, "std": {"norm_adv_by_std": True}, "mask": {"off_policy_delta": 0.05},
    "mask_and_kl": {"off_policy_delta": 0.05, "kl_loss_coef": 0.3}, "clip_low": {"clip_ratio_low": 0.08},
    "clip_high": {"clip_ratio_high": 0.6}, "seq_mean_token_mean": {"loss_agg_mode": "seq-mean-token-mean"},
    "seq_mean_token_sum": {"loss_agg_mode": "seq-mean-token-sum"},
    "seq_mean_token_sum_norm": {"loss_agg_mode": "seq-mean-token-sum-norm"}, "index_loss": {"index_loss_coef": 0.7},
    "grad_clip": {"grad_clip": 0.25}, "no_advantage": {"equal_rewards": True, "num_updates": 1}, "all": ALL,
    "temperature_0.5": {"temperature": 0.5}, "temperature_1.3": {"temperature": 1.3},
    "all_temperature_0.5": {**ALL, "temperature": 0.5}, "all_temperature_1.3": {**ALL, "temperature": 1.3},
    "replay_experts": {"replay": "experts"}, "replay_selections": {"replay": "selections", "index_loss_coef": 0.7},
}
WITH_WEIGHTS = ("plain", "grad_clip", "all")


class PolicyOracle(v4.Oracle):
    """The oracle with the indexer's loss, and with experts and selected entries that may be given."""

    def __init__(self, config, weights):
        super().__init__(config, {k: v.clone() for k, v in weights.items()})
        self.index_loss, self.load = 0.0, {}

    def sequence(self, ids, given=None):
        """Logits [T, V], and what was chosen: {"experts": [layer][T, K], "selections": [layer][T, topk]}."""
        self.given, self.chosen = given, {"experts": [], "selections": []}
        return self.forward(ids)[1], self.chosen

    def attention(self, x, p, kind):
        c, T, H, C, r = self.c, len(x), self.c["num_attention_heads"], self.c["head_dim"], self.r
        pos = torch.arange(T)
        freq = self.f_main if kind == v4.SWA else self.f_comp
        qr = v4.rms(x @ self.w[f"{p}wq_a.weight"].T, c["rms_norm_eps"]) * self.w[f"{p}q_norm.weight"]
        q = v4.rms((qr @ self.w[f"{p}wq_b.weight"].T).view(T, H, C), c["rms_norm_eps"])
        q = v4.rope_last(q, r, pos, freq)
        kv = v4.rms(x @ self.w[f"{p}wkv.weight"].T, c["rms_norm_eps"]) * self.w[f"{p}kv_norm.weight"]
        keys = kv = v4.rope_last(kv, r, pos, freq)
        age = pos[:, None] - pos[None, :]
        visible = (age >= 0) & (age < c["sliding_window"])
        scores = None
        if kind != v4.SWA:
            m = c["compress_rates"][kind]
            entries = self.compress(x, f"{p}compressor.", m, kind == v4.CSA)
            n = len(entries)
            seen = torch.arange(n)[None, :] < ((pos + 1) // m)[:, None]
            if kind == v4.CSA:
                scores = self.index_scores(x.detach(), qr.detach(), f"{p}indexer.", m) if n else x.new_zeros(T, 0)
                seen = self.select(scores.detach(), seen)
            keys, visible = torch.cat((kv, entries)), torch.cat((visible, seen), 1)
        s = torch.einsum("thc,kc->thk", q, keys) * C ** -0.5
        s = s.masked_fill(~visible[:, None, :], -math.inf)
        sink = self.w[f"{p}attn_sink"].view(1, H, 1).expand(T, H, 1)
        prob = torch.cat((s, sink), -1).softmax(-1)[..., :-1]
        if scores is not None:
            for t in range(T):  # KL( attention's share of the selected entries ‖ softmax of their scores )
                if seen[t].any():
                    mass = prob[t, :, T:].sum(0)[seen[t]].detach()
                    target = mass / mass.sum()
                    self.index_loss = self.index_loss + (target * (target.log() - scores[t][seen[t]].log_softmax(-1))).sum()
        o = v4.rope_last(torch.einsum("thk,kc->thc", prob, keys), r, pos, freq, sign=-1)
        g = c["o_groups"]
        wo_a = self.w[f"{p}wo_a.weight"].view(g, c["o_lora_rank"], H * C // g)
        o = torch.einsum("tgi,goi->tgo", o.reshape(T, g, -1), wo_a).flatten(1)
        return o @ self.w[f"{p}wo_b.weight"].T

    def select(self, scores, seen):
        T, n = scores.shape
        topk = self.c["index_topk"]
        given = self.given["selections"][len(self.chosen["selections"])] if self.given and "selections" in self.given else None
        rows, chosen = [], torch.zeros_like(seen)
        for t in range(T):
            count = int(seen[t].sum())
            order = torch.argsort(scores[t, :count], descending=True, stable=True)
            if given is not None:
                ids = [e for e in given[t] if e >= 0]
            else:
                ids = sorted(order[:topk].tolist())
                if count > topk:
                    self.margin = min(self.margin, (scores[t, order[topk - 1]] - scores[t, order[topk]]).item())
            chosen[t, ids] = True
            rows.append(ids + [-1] * (topk - len(ids)))
        self.chosen["selections"].append(rows)
        return seen & chosen

    def moe(self, x, ids, p, hashed):
        if hashed:
            return super().moe(x, ids, p, hashed)
        K, E = self.c["num_experts_per_tok"], self.c["n_routed_experts"]
        s = torch.nn.functional.softplus(x @ self.w[f"{p}gate.weight"].T).sqrt()
        biased = (s + self.w[f"{p}gate.bias"]).detach()
        if self.given:
            chosen = torch.tensor(self.given["experts"][len(self.chosen["experts"])])
        else:
            ranked, order = biased.sort(dim=-1, descending=True, stable=True)
            self.margin = min(self.margin, (ranked[:, K - 1] - ranked[:, K]).min().item())
            chosen = order[:, :K].sort(-1).values
        self.chosen["experts"].append(chosen.tolist())
        self.load[p] = self.load.get(p, torch.zeros(E)) + torch.bincount(chosen.flatten(), minlength=E)
        g = torch.gather(s, 1, chosen)
        g = self.c["routed_scaling_factor"] * g / g.sum(-1, keepdim=True)
        y = torch.zeros_like(x)
        for e in range(E):
            t, slot = torch.where(chosen == e)
            if len(t):
                y = y.index_add(0, t, self.expert(x[t], f"{p}experts.{e}.", g[t, slot]))
        return y + self.expert(x, f"{p}shared_experts.")


def make_weights(gen):
    c, w = CONFIG, {}
    D, H, C, V, n = c["hidden_size"], c["num_attention_heads"], c["head_dim"], c["vocab_size"], c["hc_mult"]
    E, M, q, g, ol = c["n_routed_experts"], c["moe_intermediate_size"], c["q_lora_rank"], c["o_groups"], c["o_lora_rank"]

    def normal(name, *shape, scale=1.0, mean=0.0):
        w[name] = (mean + scale * torch.randn(*shape, generator=gen)).float()

    def linear(name, rows, cols):
        normal(name, rows, cols, scale=1.2 * cols ** -0.5)

    def norm(name, size):
        normal(name, size, scale=0.2, mean=1.0)

    def mix(name, sites, rows):
        normal(f"{name}_fn", rows, n * D, scale=1.5 * (n * D) ** -0.5)
        normal(f"{name}_base", rows, scale=0.5)
        normal(f"{name}_scale", sites, scale=0.3, mean=1.0)

    def compressor(p, rate, width, overlap):
        linear(f"{p}wkv.weight", width * (1 + overlap), D)
        linear(f"{p}wgate.weight", width * (1 + overlap), D)
        normal(f"{p}ape", rate, width * (1 + overlap), scale=0.5)
        norm(f"{p}norm.weight", width)

    normal("embed.weight", V, D)
    normal("head.weight", V, D, scale=2 * D ** -0.5)
    norm("norm.weight", D)
    mix("hc_head", 1, n)
    for i, (kind, mlp) in enumerate(zip(c["layer_types"], c["mlp_layer_types"])):
        p, a, f = f"layers.{i}.", f"layers.{i}.attn.", f"layers.{i}.ffn."
        mix(f"{p}hc_attn", 3, (2 + n) * n)
        mix(f"{p}hc_ffn", 3, (2 + n) * n)
        norm(f"{p}attn_norm.weight", D)
        norm(f"{p}ffn_norm.weight", D)
        for name, rows, cols in (("wq_a", q, D), ("wq_b", H * C, q), ("wkv", C, D), ("wo_a", g * ol, H * C // g), ("wo_b", D, g * ol)):
            linear(f"{a}{name}.weight", rows, cols)
        norm(f"{a}q_norm.weight", q)
        norm(f"{a}kv_norm.weight", C)
        normal(f"{a}attn_sink", H, scale=0.3)
        if kind != v4.SWA:
            compressor(f"{a}compressor.", c["compress_rates"][kind], C, kind == v4.CSA)
        if kind == v4.CSA:
            IH, IC = c["index_n_heads"], c["index_head_dim"]
            linear(f"{a}indexer.wq_b.weight", IH * IC, q)
            linear(f"{a}indexer.weights_proj.weight", IH, D)
            compressor(f"{a}indexer.compressor.", c["compress_rates"][kind], IC, True)
        linear(f"{f}gate.weight", E, D)
        if mlp == "moe":
            normal(f"{f}gate.bias", E, scale=0.05)
        else:
            w[f"{f}gate.tid2eid"] = torch.stack([torch.randperm(E, generator=gen)[:c["num_experts_per_tok"]].sort().values
                                                 for _ in range(V)]).int()
        for e in [f"experts.{e}" for e in range(E)] + ["shared_experts"]:
            linear(f"{f}{e}.w1.weight", M, D)
            linear(f"{f}{e}.w3.weight", M, D)
            linear(f"{f}{e}.w2.weight", D, M)
    return w


def token_logprobs(o, s, temperature, given=None):
    """log π of the policy's tokens, the entropies there, and what was chosen."""
    z, chosen = o.sequence(torch.tensor(s["ids"]), given)
    logp = (z / temperature).log_softmax(-1)
    at = [t for t, who in enumerate(s["writer"]) if who == POLICY]
    rows = logp[[t - 1 for t in at]]
    return rows[range(len(at)), [s["ids"][t] for t in at]], -(rows.exp() * rows).sum(-1), chosen


def make_updates(weights, gen):
    uniform = lambda n: torch.rand(n, generator=gen, dtype=torch.float64)
    updates = []
    for u, writers in enumerate(WRITERS):
        sequences = []
        for i, who in enumerate(writers):
            writer = [{"P": PROMPT, "o": POLICY, "t": TOOL}[w] for w in who]
            ids = torch.randint(2, CONFIG["vocab_size"], (len(who),), generator=gen).tolist()
            ids[0] = CONFIG["bos_token_id"]
            if i > 2:
                ids[:2] = sequences[0]["ids"][1::-1]  # another prompt
            if i % 3:
                prompt = who.count("P")
                ids[:prompt] = sequences[i - i % 3]["ids"][:prompt]
            if writer[-1] == POLICY and i != 2:
                ids[-1] = CONFIG["eos_token_id"]
            sequences.append({"ids": ids, "writer": writer, "group": 2 * u + i // 3,
                              "reward": round(float(uniform(1)) * 64) / 64, "old": {}, "reference": {}})
        updates.append({"sequences": sequences})
    o = PolicyOracle(CONFIG, weights)
    with torch.no_grad():
        for s in (s for u in updates for s in u["sequences"]):
            n = s["writer"].count(POLICY)
            # Old policies drift both ways, past the clip bounds for a part of the tokens; each sequence has a lean.
            drift = (uniform(1) - 0.5) * 0.3 + (uniform(n) - 0.5) * torch.where(uniform(n) < 0.4, 1.2, 0.1)
            away = (uniform(n) - 0.5) * 1.2
            for T in TEMPERATURES:
                logp, _, s["chosen"] = token_logprobs(o, s, T)
                s["old"][str(T)] = (logp + drift).clamp(max=-1e-3).float().tolist()
                s["reference"][str(T)] = (logp + away).clamp(max=-1e-3).float().tolist()
    return updates, o.margin


def advantages(sequences, by_std, equal_rewards):
    a = []
    for s in sequences:
        rewards = [x["reward"] for x in sequences if x["group"] == s["group"]]
        if equal_rewards and s["group"] % 2:
            rewards = [0.25] * len(rewards)
            a.append(0.0)
            continue
        mean = sum(rewards) / len(rewards)
        std = math.sqrt(sum((r - mean) ** 2 for r in rewards) / (len(rewards) - 1))
        a.append((s["reward"] - mean) / ((std + 1e-6) if by_std else 1))
    return a


class TooClose(Exception):
    pass


def run_case(name, case, weights, updates, stats):
    """[{figures}], [gradients], weights after the last update."""
    weights = {k: v.double() if v.is_floating_point() else v for k, v in weights.items()}
    floats = sorted(k for k, v in weights.items() if v.is_floating_point())
    first = {k: torch.zeros_like(weights[k]) for k in floats}
    second = {k: torch.zeros_like(weights[k]) for k in floats}
    T, low, high = str(case["temperature"]), case["clip_ratio_low"], case["clip_ratio_high"]
    beta, delta, mode = case["kl_loss_coef"], case["off_policy_delta"], case["loss_agg_mode"]
    all_figures, gradients = [], []
    for u in range(case["num_updates"]):
        sequences = updates[u]["sequences"]
        o = PolicyOracle(CONFIG, weights)
        adv = advantages(sequences, case["norm_adv_by_std"], case["equal_rewards"])
        counts = [s["writer"].count(POLICY) for s in sequences]
        rows = sum(n > 0 for n in counts)
        policy = kl = torch.zeros((), dtype=torch.float64)
        masked, clipped, drift, entropy, total, trained, changed = 0, 0, 0.0, 0.0, 0, 0, 0
        for s, a, n in zip(sequences, adv, counts):
            if a == 0 and beta == 0:  # no gradient, but its tokens are measured
                with torch.no_grad():
                    new, h, _ = token_logprobs(PolicyOracle(CONFIG, weights), s, case["temperature"])
                trained += n
                drift += (torch.tensor(s["old"][T]).double() - new).sum().item()
                entropy += h.sum().item()
                continue
            given = {k: v for k, v in s["chosen"].items() if k == "experts" or case["replay"] == "selections"}
            new, h, chosen = token_logprobs(o, s, case["temperature"], given if case["replay"] != "none" else None)
            changed += sum(x != y for l, m in zip(chosen["experts"], s["chosen"]["experts"]) for x, y in zip(l, m))
            total += len(s["ids"])
            trained += n
            if n == 0:
                continue
            old, ref = torch.tensor(s["old"][T]).double(), torch.tensor(s["reference"][T]).double()
            weight = {"token-mean": 1 / sum(counts), "seq-mean-token-mean": 1 / (rows * n), "seq-mean-token-sum": 1 / rows,
                      "seq-mean-token-sum-norm": 1 / (rows * NORM_LENGTH)}[mode]
            ratio = (new - old).exp()
            lean = (old - new).detach().mean().item()
            is_masked = delta > 0 and a < 0 and lean > delta
            plain, bound = ratio * a, ratio.clamp(1 - low, 1 + high) * a
            if delta > 0:
                o.margin = min(o.margin, abs(lean - delta))
            o.margin = min(o.margin, (ratio.detach() - (1 - low)).abs().min().item(), (ratio.detach() - (1 + high)).abs().min().item())
            if is_masked:
                masked += 1
            else:
                policy = policy - weight * torch.minimum(plain, bound).sum()
                clipped += int((bound < plain).sum())
                stats.setdefault(name, set()).update(
                    (a > 0, "above" if r > 1 + high else "below" if r < 1 - low else "inside") for r in ratio.tolist())
            if beta > 0:
                rho = (ref - new).exp()
                kl = kl + weight * (ratio * (rho - (ref - new) - 1)).sum()
            drift += (old - new).detach().sum().item()
            entropy += h.detach().sum().item()
        if o.margin < MARGIN:
            raise TooClose(f"{name} {u}: {o.margin:.1e}")
        loss = policy + beta * kl + case["index_loss_coef"] * o.index_loss / total
        loss.backward()
        for k, v in o.w.items():  # a sum that cancels has no 1e-4 in float32
            if v.is_floating_point() and v.grad is not None and 0 < v.grad.abs().max() < LARGE_ENOUGH * max(
                    w.grad.abs().max() for w in o.w.values() if w.is_floating_point() and w.grad is not None):
                raise TooClose(f"{name} {u}: {k} has a gradient of {v.grad.abs().max():.1e}")
        grad = {k: o.w[k].grad if o.w[k].grad is not None else torch.zeros_like(weights[k]) for k in floats}
        norm = math.sqrt(sum(float(g.square().sum()) for g in grad.values()))
        figures = {"advantages": adv, "pg_loss": policy.item(), "kl_loss": kl.item(), "ppo_kl": drift / trained,
                   "entropy": entropy / trained, "clipfrac": clipped / trained, "num_masked": masked, "grad_norm": norm}
        if case["index_loss_coef"] > 0:
            figures["index_loss"] = o.index_loss.item() / total  # one CSA layer
        all_figures.append(figures)
        gradients.append(torch.cat([grad[k].flatten() for k in floats]))
        stats[f"{name} {u}"] = f"loss {loss.item():+.4f} norm {norm:.3f} masked {masked} clipped {clipped} other experts {changed} margin {o.margin:.1e}"

        scale = case["grad_clip"] / norm if 0 < case["grad_clip"] < norm else 1
        b1, b2, lr, t = OPTIM["beta1"], OPTIM["beta2"], OPTIM["lr"], u + 1
        moved = {}
        for k in floats:
            g = grad[k] * scale
            first[k] = b1 * first[k] + (1 - b1) * g
            second[k] = b2 * second[k] + (1 - b2) * g * g
            step = first[k] / (1 - b1 ** t) / ((second[k] / (1 - b2 ** t)).sqrt() + OPTIM["eps"])
            moved[k] = weights[k] * (1 - lr * OPTIM["weight_decay"]) - lr * step
        for p, load in o.load.items():
            k = f"{p}gate.bias"
            moved[k] = weights[k] + OPTIM["router_bias_rate"] * torch.sign(load.mean() - load)
        weights = {**weights, **moved}
    return all_figures, gradients, torch.cat([weights[k].flatten() for k in floats])


def attempt(seed):
    gen = torch.Generator().manual_seed(seed)
    weights = make_weights(gen)
    updates, margin = make_updates(weights, gen)
    if margin < MARGIN:
        raise TooClose(f"first weights: {margin:.1e}")
    for group in range(4):
        if len({s["reward"] for u in updates for s in u["sequences"] if s["group"] == group}) < 3:
            raise TooClose("equal rewards")
    cases, reference, stats = [], {}, {}
    for name, change in CASES.items():
        case = {**BASE, **change}
        figures, gradients, after = run_case(name, case, weights, updates, stats)
        cases.append({"name": name, **case, "updates": figures})
        for u, g in enumerate(gradients):
            reference[f"{name}.{u}.gradient"] = g.float()
        if name in WITH_WEIGHTS:
            reference[f"{name}.weights"] = after.float()
    every = {(a, where) for a in (False, True) for where in ("below", "inside", "above")}
    for name in ("plain", "kl", "clip_low", "clip_high"):
        if stats[name] != every:
            raise TooClose(f"{name} has no token of {every - stats[name]}")
    if not all(u["num_masked"] for u in cases[list(CASES).index("mask")]["updates"]):
        raise TooClose("nothing is masked")
    return weights, updates, cases, reference, stats


if __name__ == "__main__":
    for seed in range(1000):
        try:
            weights, updates, cases, reference, stats = attempt(seed)
        except TooClose as e:
            print(seed, e)
            continue
        for line in stats.items():
            print(*line)
        break
    (HERE / "config.json").write_text(json.dumps(CONFIG, indent=1) + "\n")
    save_file(weights, HERE / "model.safetensors")
    save_file(reference, HERE / "reference.safetensors")
    (HERE / "cases.json").write_text(json.dumps(
        {"seed": seed, "norm_length": NORM_LENGTH, "optim": OPTIM, "updates": updates, "cases": cases}) + "\n")
