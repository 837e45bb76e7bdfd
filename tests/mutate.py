#!/usr/bin/env python3
"""Plants one mistake after the other into a copy of the tree and expects a test to turn red for each.

    tests/mutate.py BUILD_DIR [NAME …]      all mistakes, or those named; --list prints them
    tests/mutate.py --check                 only whether every mistake still has its place; builds nothing

BUILD_DIR becomes the copy and BUILD_DIR/build its build (where a compiler cache knows its paths from the checkout's); both
are kept, so a second run compiles only what changed. A
mistake is an exact text, found once, and what stands there instead: when the code has moved on this fails and says so.
Ends with a table in Markdown (docs/TESTING.md has one), and with 1 when a mistake was not seen, did not compile or hung.
"""
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TIMEOUT_S = 120

LOSS = "learner/objectives/policy_loss.cc"
ADVANTAGE = "learner/estimators/advantage.cc"
STEP = "learner/step/policy_step.cc"
TRAINER = "learner/step/trainer.cc"
SAMPLED = "distill/objectives/sampled_token.cc"
ESTIMATE = "distill/objectives/kl_estimate.cc"
VOCABULARY = "distill/objectives/vocabulary.cc"
REWARD_TERM = "distill/objectives/reward_term.cc"
DISTILL_STEP = "distill/step/distill_step.cc"
SEGMENTS = "distill/step/segments.cc"
HEAD_KL = "kernels/head/head_kl.cc"
MERGE_SUM = "distill/merging/combine.cc"
MERGE_PASSES = "distill/merging/merger.cc"
MERGE_THRESHOLDS = "distill/merging/thresholds.cc"
REVERSE_ROW = "kernels/head/reverse_kl_row.cc"
MIXED_ROW = "kernels/head/mixed_kl_row.cc"
JSD_ROW = "kernels/head/jsd_row.cc"
TOP_K_ROWS = "kernels/head/top_k_rows.cc"
TOP_K = "kernels/head/top_k.cc"
DIVERGENCE = "kernels/head/divergence.cc"
HEAD_POLICY = "kernels/head/head_policy.cc"

# What is built and run. The tests left out are about other things and take seconds.
LEARNER = ("test_learner", "-*TrainingState*:Optimizer*:AnticipatoryRouting*:NewtonSchulz*:Muon*")
DISTILLATION = ("test_distill", "*")
HEADS = ("test_kernels", "HeadKl*:Divergence*:TopK*")
BOTH = (LEARNER, DISTILLATION)


@dataclasses.dataclass
class Mistake:
    name: str
    path: str
    edits: tuple  # (text, instead), …
    programs: tuple = (LEARNER,)


def mistake(name, path, text, instead, *more, programs=(LEARNER,)):
    return Mistake(name, path, ((text, instead), *more), programs)


MISTAKES = [
    mistake("KL's gradient has the other sign", LOSS, "-ratio * log_rho, false};", "ratio * log_rho, false};"),
    mistake("KL estimate without its ratio", LOSS,
            "return {ratio * (kernels::scalar::exp(log_rho) - log_rho - 1), -ratio * log_rho, false};",
            "return {kernels::scalar::exp(log_rho) - log_rho - 1 + 0 * ratio, 1 - kernels::scalar::exp(log_rho), false};"),
    mistake("KL to the old policy, not to the reference", LOSS,
            "unbiased_kl(now[t], old[t], reference[t])", "unbiased_kl(now[t], old[t], old[t])"),
    mistake("KL's coefficient dropped", LOSS,
            "d_logprob[t] += algorithm.kl_loss_coef * token.d_logprob;", "d_logprob[t] += token.d_logprob;"),
    mistake("off-policy mask also on the KL", LOSS, "if (!reference.empty()) {", "if (!reference.empty() && !sum.is_masked) {"),
    mistake("off-policy mask dropped", LOSS, "if (!sum.is_masked && advantage != 0) {", "if (advantage != 0) {"),
    mistake("off-policy mask for any advantage", LOSS,
            "delta > 0 && advantage < 0 && mean_difference", "delta > 0 && advantage != 0 && mean_difference"),
    mistake("off-policy mask's ratio inverted", LOSS,
            "mean_difference(logprobs_old, logprobs_new) > delta", "mean_difference(logprobs_new, logprobs_old) > delta"),
    mistake("clip bounds swapped", LOSS,
            "std::clamp(ratio, 1 - range.low, 1 + range.high)", "std::clamp(ratio, 1 - range.high, 1 + range.low)"),
    mistake("gradient of a clipped token not cut", LOSS, "return {-clipped, 0, true};", "return {-clipped, -plain * slope, true};"),
    mistake("the larger of both terms, not the smaller", LOSS, "if (clipped < plain)", "if (clipped > plain)"),
    mistake("ratio inverted", LOSS, "exp(logprob_new - logprob_old)", "exp(logprob_old - logprob_new)"),
    mistake("policy's gradient has the other sign", LOSS,
            "return {-plain, -plain * slope, false};", "return {-plain, plain * slope, false};"),
    mistake("token-mean divides by sequences", LOSS,
            "divisor = static_cast<double>(tokens);", "divisor = static_cast<double>(sequences + 0 * tokens);"),
    mistake("sequences without tokens count", LOSS, "sequences += n > 0;", "sequences += 1;"),
    mistake("seq-mean-token-mean is a sum over tokens", LOSS, "divisor *= static_cast<double>(n);", "divisor *= 1;"),
    mistake("Dr. GRPO divides by the sequence's own length", LOSS,
            "divisor *= static_cast<double>(norm_length);", "divisor *= static_cast<double>(n + 0 * norm_length);"),
    mistake("advantage has the other sign", ADVANTAGE,
            "advantages[i] = rewards[i] - mean;", "advantages[i] = mean - rewards[i];"),
    mistake("std for mean", ADVANTAGE, "if (scale == AdvantageScale::kStd) {", "if (scale == AdvantageScale::kNone) {"),
    mistake("std over n, not n - 1", ADVANTAGE, "std::sqrt(squares / (n - 1))", "std::sqrt(squares / n)"),
    mistake("one mean for all groups", ADVANTAGE, "members[groups[i]].push_back(i);", "members[0].push_back(i);"),
    mistake("a missing reward is a reward of 0", ADVANTAGE,
            "if (rewards[i]) members[groups[i]]", "members[groups[i]]", ("*rewards[i]", "rewards[i].value_or(0)")),
    mistake("learning from tool tokens", STEP,
            "w == static_cast<char>(proto::WRITER_POLICY)", "w != static_cast<char>(proto::WRITER_PROMPT)", programs=BOTH),
    mistake("a moved policy makes its own choices, not the sampler's", STEP,
            "if (weights_version && *weights_version != t.meta().weights_version())",
            "if (weights_version && *weights_version < 0)"),
    mistake("the last token (EOS) is not learned", STEP, "CHECK_EQ(s.learned.size(), s.ids.size());",
            "CHECK_EQ(s.learned.size(), s.ids.size());\n  s.learned.back() = false;", programs=BOTH),
    mistake("a sample's weight is its neighbour's", STEP,
            "weights[index] * d_logprob[k]", "weights[trained[i]] * d_logprob[k]"),
    mistake("samples without advantage left out of the mean", STEP, "num_tokens.push_back(s.trajectory->logprobs_size());",
            "num_tokens.push_back(s.advantage != 0 ? s.trajectory->logprobs_size() : 0);"),
    mistake("indexer's loss per sequence, not per token", TRAINER,
            "index_loss_coefficient / static_cast<double>(total)", "index_loss_coefficient / static_cast<double>(batch.size())"),
    mistake("sampled KL's gradient has the other sign", SAMPLED,
            "c[t] *= rows.per_token;", "c[t] *= -rows.per_token;", programs=(DISTILLATION,)),
    mistake("a sampled loss with an advantage's gradient", SAMPLED,
            "cut(kl_estimate(estimator, logprob, teacher), parameters.loss_max);",
            "KlEstimate{kl_estimate(estimator, logprob, teacher).value, kl_estimate(estimator, logprob, teacher).value};",
            programs=(DISTILLATION,)),
    mistake("k3 of the inverse ratio", ESTIMATE, "kernels::scalar::exp(d);", "kernels::scalar::exp(-d);", programs=(DISTILLATION,)),
    mistake("a cut estimate keeps its gradient", ESTIMATE, "return {max, 0};", "return {max, estimate.d_logprob};",
            programs=(DISTILLATION,)),
    mistake("forward and reverse of the top k exchanged", VOCABULARY, "d.forward = forward;", "d.forward = 1 - forward;",
            programs=(DISTILLATION,)),
    mistake("the reward's part without its coefficient", REWARD_TERM, "term.coefficient * d_logprob[k]", "d_logprob[k]",
            programs=(DISTILLATION,)),
    mistake("the reward's part per sequence", REWARD_TERM, "* term.per_token;\n  }",
            "/ static_cast<float>(at.size());\n  }", programs=(DISTILLATION,)),
    mistake("JSD's beta at the other policy", JSD_ROW, "r.n, [&](int64_t at, int64_t count) HWY_ATTR {\n    const JsdTerms t = Terms(r, k, at, count);\n    return Weighted(t.p, t.to_p);",
            "r.n, [&](int64_t at, int64_t count) HWY_ATTR {\n    const JsdTerms t = Terms(r, k, at, count);\n    return Weighted(t.p, t.to_q);",
            programs=(DISTILLATION,)),
    mistake("JSD's gradient without 1 - beta", JSD_ROW, "hn::Mul(scale, g)", "hn::IfThenElse(hn::Eq(scale, scale), g, scale)",
            programs=(DISTILLATION,)),
    mistake("forward KL's gradient has the other sign", MIXED_ROW, "hn::Mul(f, hn::Sub(p, Exp(logq)))",
            "hn::Mul(f, hn::Sub(Exp(logq), p))", programs=(DISTILLATION,)),
    mistake("a mixture's reverse part without its mean", MIXED_ROW, "hn::Sub(hn::Sub(logp, logq), mean)",
            "hn::Add(hn::Sub(logp, logq), hn::Mul(hn::Zero(d), mean))", programs=(DISTILLATION,)),
    mistake("a NaN passed over", MIXED_ROW, "return hn::IfThenZeroElse(hn::Eq(p, hn::Zero(d)), hn::Mul(p, hn::Sub(logp, logq)));",
            "return hn::IfThenElseZero(hn::Gt(p, hn::Zero(d)), hn::Mul(p, hn::Sub(logp, logq)));", programs=(HEADS,)),
    mistake("the top k's gradient beside what stood there", TOP_K_ROWS, "std::fill_n(row.ze, row.n, 0.0f);\n    put",
            "put", programs=(DISTILLATION,)),
    mistake("the student not renormalised over the top k", TOP_K_ROWS, "log_sum_exp(row.top_z, k),", "row.lse,",
            programs=(DISTILLATION,)),
    mistake("the tail's gradient the same for all its ids", TOP_K_ROWS,
            "scaled_softmax(row.z, row.n, lse_tail, row.top_ze[k], row.ze);", "std::fill_n(row.ze, row.n, row.top_ze[k] + 0 * lse_tail);",
            programs=(HEADS,)),
    mistake("the tail's logit with the top k in it", TOP_K_ROWS, "z[ids[j]] = -std::numeric_limits<float>::infinity();",
            "z[ids[j]] = kept[j];", programs=(HEADS,)),
    mistake("verl's clamp of the student's log-probability has a gradient", TOP_K_ROWS,
            "logp < divergence.log_prob_min ? 0 : q;", "q;", programs=(DISTILLATION,)),
    mistake("verl's clamp of the sum has a gradient", TOP_K_ROWS, "    if (is_cut) {", "    if (is_cut && k < 0) {",
            programs=(HEADS,)),
    mistake("of equal logits the highest ids", TOP_K, "a < b;", "a > b;", programs=(HEADS,)),
    mistake("of equal logits the last that were met", TOP_K, "if (value(id) == least) continue;",
            "if (value(id) < least) continue;", ("if (z[id] <= least) continue;", "if (z[id] < least) continue;"), programs=(HEADS,)),
    mistake("only the last teacher's gradient, of any divergence", DIVERGENCE, "r.is_first ? hn::Zero(d) : LoadPadded(r.g + i, count)",
            "hn::Zero(d)", programs=(DISTILLATION,)),
    mistake("teacher's weight dropped from any divergence's gradient", DIVERGENCE, "w = hn::Set(d, r.w)",
            "w = hn::Set(d, 1.0f)", programs=(DISTILLATION,)),
    mistake("distilling tool tokens", VOCABULARY,
            "c[t] = student.targets[t] >= 0 ? rows.per_token : 0.0f;", "c[t] = rows.per_token;", programs=(DISTILLATION,)),
    mistake("merging elects by the unweighted sum", MERGE_SUM, "votes += recipe.weights[m] * d;", "votes += d;", programs=(DISTILLATION,)),
    mistake("merging's lambda dropped", MERGE_SUM, "result[i] = base[i] + recipe.lambda * mixed / divisor;\n  }\n}",
            "result[i] = base[i] + mixed / divisor;\n  }\n}", programs=(DISTILLATION,)),
    mistake("a cancelled vote is nobody's", MERGE_SUM, "if (zero == TieVote::kPlus) return 1;", "if (zero == TieVote::kPlus) return 0;",
            programs=(DISTILLATION,)),
    mistake("trimming keeps one too few", MERGE_THRESHOLDS, "return {n - k + 1, n};", "return {n - k + 2, n};", programs=(DISTILLATION,)),
    mistake("of equal magnitudes all stay", MERGE_THRESHOLDS, "if (p.tie) (is_last[i]", "if (false) (is_last[i]", programs=(DISTILLATION,)),
    mistake("dare without rescaling", MERGE_PASSES, "how.density[m] > 0 ? 1 / how.density[m] : 1", "1", programs=(DISTILLATION,)),
    mistake("distillation's mean is over sequences", DISTILL_STEP, "std::max<int64_t>(1, num_tokens)",
            "std::max<int64_t>(1, static_cast<int64_t>(samples.size()))", programs=(DISTILLATION,)),
    mistake("teacher's weight dropped by the step", DISTILL_STEP,
            "t.weights[row - rows.begin] = weight;", "t.weights[row - rows.begin] = 1 + 0 * weight;", programs=(DISTILLATION,)),
    mistake("a segment's gradient at the micro-batch's first rows", DISTILL_STEP,
            "grads.hidden += begin * policy.head.dim;", "", programs=(DISTILLATION,)),
    mistake("a teacher of the first of several sequences alone", SEGMENTS,
            "segments.back().end = i + 1;", "", programs=(DISTILLATION,)),
    mistake("teacher's weight dropped by the kernel", HEAD_KL,
            "const float w = teacher.weights[t];", "const float w = 1;", programs=(DISTILLATION,)),
    mistake("KL of the teacher to the student", REVERSE_ROW, "hn::Mul(p, hn::Sub(logp, logp_teacher))",
            "hn::Mul(Exp(logp_teacher), hn::Sub(logp_teacher, logp))", programs=(DISTILLATION,)),
    mistake("KL's mean left out of its gradient", REVERSE_ROW, "hn::MulAdd(w, hn::Sub(hn::Sub(logp, logp_teacher), mean), before)",
            "hn::MulAdd(w, hn::Add(hn::Sub(logp, logp_teacher), hn::Mul(hn::Zero(d), mean)), before)", programs=(DISTILLATION,)),
    mistake("only the last teacher's gradient", REVERSE_ROW,
            "r.is_first ? hn::Zero(d) : LoadPadded(r.g + i, count)", "hn::Zero(d)", programs=(DISTILLATION,)),
    mistake("distillation's gradient without 1/T", HEAD_KL, ".c = static_cast<float>(op.c[t] / op.temperature),",
            ".c = op.c[t],", programs=(DISTILLATION,)),
    mistake("teachers without temperature", HEAD_KL, "head_logits(pool, teacher.head, op.temperature, teacher_rows,",
            "head_logits(pool, teacher.head, 1, teacher_rows,", programs=(DISTILLATION,)),
    mistake("policy's gradient without 1/T", HEAD_POLICY, "static_cast<float>(c / op.temperature);",
            "c + 0 * static_cast<float>(op.temperature);"),
    mistake("sampled KL's teachers without temperature", SAMPLED, "op.head = teacher.head, op.hidden = teacher.hidden;",
            "op.head = teacher.head, op.hidden = teacher.hidden, op.temperature = 1;", programs=(DISTILLATION,)),
    mistake("the learner's policy without temperature", STEP, ".temperature = objective.temperature};", ".temperature = 1};"),
    mistake("reference and samples without a gradient without temperature", STEP, ".temperature = temperature},",
            ".temperature = 1 + 0 * temperature},"),
    mistake("entropy of samples with an advantage only", STEP,
            "measure(*checked[i], k, out.logprob[row], out.entropy[row]);", "if (k > 99) measure(*checked[i], k, 0, out.entropy[row]);"),
    mistake("unweighted KL with its weight", HEAD_KL, "teacher.kl[t] = value;", "teacher.kl[t] = w * value;",
            programs=(DISTILLATION,)),
    mistake("log-probability's gradient has the other sign", HEAD_POLICY, "z[target] += c;", "z[target] -= c;", programs=BOTH),
]


def copy_tree(to):
    """The tracked and new files of the working tree; what is equal keeps its time, so nothing is compiled for it."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, check=True, capture_output=True).stdout.decode()
    names = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for name in names:
        target, content = to / name, (ROOT / name).read_bytes()
        if target.is_file() and target.read_bytes() == content:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod((ROOT / name).stat().st_mode)
    for path in to.rglob("*"):
        name = path.relative_to(to)
        if path.is_file() and name.parts[0] != "build" and str(name) not in names:
            path.unlink()


def mutated(original, m):
    """The file with the mistake in it."""
    text = original
    for old, new in m.edits:
        text = text.replace(old, new)
    return text


def misplaced(tree):
    """One line per mistake whose text is not in its file exactly once."""
    found = []
    for m in MISTAKES:
        original = (tree / m.path).read_text() if (tree / m.path).is_file() else ""
        for old, _ in m.edits:
            if original.count(old) != 1:
                found.append(f"{m.name}: {m.path} has this text {original.count(old)} times, not once; adapt tests/mutate.py: {old}")
    return found


def build(directory, programs):
    done = subprocess.run(["ninja", "-C", directory, *programs], capture_output=True, text=True)
    return None if done.returncode == 0 else (done.stdout + done.stderr)[-4000:]


def run(directory, program, test_filter):
    """The names of the red tests; None: a time-out."""
    try:
        done = subprocess.run([directory / program, f"--gtest_filter={test_filter}"], capture_output=True, text=True,
                              errors="replace", timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode == 0:
        return []
    red = re.findall(r"^\[  FAILED  \] ([\w/.]+)(?:, where .*)? \(", done.stdout, re.M)
    if not re.search(r"^\[==========\] .* ran\.", done.stdout, re.M):  # a CHECK ended the program
        red += re.findall(r"^\[ RUN      \] ([\w/.]+)", done.stdout, re.M)[-1:]
    return red or [f"{program} ends with {done.returncode}"]


def main(arguments):
    if "--list" in arguments:
        return print(*[m.name for m in MISTAKES], sep="\n")
    if not arguments:
        sys.exit(__doc__)
    if found := misplaced(ROOT):  # before minutes are spent
        sys.exit("\n".join(found))
    if "--check" in arguments:
        return print(f"{len(MISTAKES)} mistakes have their place")
    tree = pathlib.Path(arguments[0]).resolve()
    objects = tree / "build"
    chosen = [m for m in MISTAKES if len(arguments) == 1 or m.name in arguments[1:]]
    unknown = set(arguments[1:]) - {m.name for m in MISTAKES}
    if unknown:
        sys.exit(f"no mistake is named {sorted(unknown)}")
    begin = time.monotonic()
    tree.mkdir(parents=True, exist_ok=True)
    copy_tree(tree)
    originals = {m.path: (tree / m.path).read_text() for m in MISTAKES}
    subprocess.run(["cmake", "-S", tree, "-B", objects, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DAMALGAM_CUDA=OFF",
                    "-DAMALGAM_TESTS=ON", "-DAMALGAM_BENCH=OFF"], check=True, stdout=subprocess.DEVNULL)
    programs = {program: test_filter for m in chosen for program, test_filter in m.programs}
    if trouble := build(objects, programs):
        sys.exit(f"the tree itself does not build:\n{trouble}")
    for program, test_filter in programs.items():
        red = run(objects, program, test_filter)
        if red != []:
            sys.exit(f"red without any mistake: {', '.join(red or [program + ' hangs'])}")
    print(f"built, and green without a mistake, after {time.monotonic() - begin:.0f} s", flush=True)
    unseen, rows = [], []
    for m in chosen:
        start = time.monotonic()
        path = tree / m.path
        path.write_text(mutated(originals[m.path], m))
        trouble, red = build(objects, [program for program, _ in m.programs]), []
        if not trouble:
            results = [run(objects, *program) for program in m.programs]
            trouble = "a test hung" if None in results else None
            red = [name for names in results for name in names or []]
        path.write_text(originals[m.path])
        if trouble or not red:
            unseen.append(f"{m.name}: {trouble or 'no test turned red'}")
        seen = f"{red[0].removeprefix('Cases/')}" + (f" and {len(red) - 1} more" if len(red) > 1 else "") if red else "**nothing**"
        rows.append(f"| {m.name} | `{m.path}` | {seen} |")
        print(f"{'red  ' if red else 'GREEN'} {time.monotonic() - start:5.1f} s  {m.name}: {seen}", flush=True)
    print("\n| mistake | in | turns red |\n|---|---|---|\n" + "\n".join(rows))
    print(f"\n{len(chosen) - len(unseen)} of {len(chosen)} mistakes seen in {time.monotonic() - begin:.0f} s")
    if unseen:
        sys.exit("\n".join(unseen))


if __name__ == "__main__":
    main(sys.argv[1:])
