#include "pipeline/run_store/metric_names.h"

#include <algorithm>
#include <string_view>

namespace amalgam::pipeline {
namespace {

constexpr char kTraining[] = "rl, distill";
constexpr char kRewarded[] = "rl, distill with reward_coef";
constexpr char kEvery[] = "sft, rl, distill";

// The parts of a name between slashes.
std::vector<std::string_view> parts_of(std::string_view name) {
  std::vector<std::string_view> parts;
  for (size_t slash; (slash = name.find('/')) != std::string_view::npos;) {
    parts.push_back(name.substr(0, slash));
    name.remove_prefix(slash + 1);
  }
  parts.push_back(name);
  return parts;
}

bool is_part(std::string_view pattern, std::string_view part) {
  constexpr std::string_view kNumber = "@N";
  if (!pattern.ends_with(kNumber)) return pattern == part;
  pattern.remove_suffix(1);
  return part.starts_with(pattern) && part.size() > pattern.size() &&
         part.find_first_not_of("0123456789", pattern.size()) == std::string_view::npos;
}

bool matches(std::string_view pattern, std::string_view name) {
  size_t most_extra = 0;  // parts in brackets: [/DOMAIN[/EFFORT][/TEACHER]]
  if (const size_t bracket = pattern.find('['); bracket != std::string_view::npos) {
    most_extra = static_cast<size_t>(std::count(pattern.begin(), pattern.end(), '['));
    pattern = pattern.substr(0, bracket);
  }
  const auto want = parts_of(pattern);
  const auto have = parts_of(name);
  const auto source = std::find(want.begin(), want.end(), "SOURCE");
  if (source == want.end())
    return have.size() >= want.size() && have.size() <= want.size() + most_extra &&
           std::equal(want.begin(), want.end(), have.begin(), is_part);
  // A data source may have slashes of its own.
  const auto before = source - want.begin(), after = want.end() - source - 1;
  return have.size() >= want.size() &&
         std::equal(want.begin(), source, have.begin(), have.begin() + before, is_part) &&
         std::equal(source + 1, want.end(), have.end() - after, have.end(), is_part);
}

}  // namespace

const std::vector<MetricName>& metric_names() {
  static const std::vector<MetricName> names = {
      {"critic/score/mean[/DOMAIN[/EFFORT]]", kRewarded, "",
       "mean score of the task of the step's samples that have one, without what length does"},
      {"critic/rewards/mean[/DOMAIN[/EFFORT]]", "rl", "",
       "mean of what is maximised, with rl.length_penalty"},
      {"critic/length_penalty/mean[/DOMAIN[/EFFORT]]", "rl", "",
       "mean of that less the score: 0 or less for a penalty"},
      {"critic/incomplete/truncated", kRewarded, "",
       "share of the samples with a score that the token budget ended"},
      {"critic/incomplete/malformed", kRewarded, "",
       "that do not parse: an unclosed thought, a broken call"},
      {"critic/incomplete/empty", kRewarded, "", "that have no text"},
      {"critic/reward_parts/mean[/PART[/OF]]", kRewarded, "",
       "mean of a figure that verifiers or the reward function give beside the score"},
      {"critic/audit/mean", kRewarded, "",
       "mean of the domain's audit, which neither rewards nor chooses"},
      {"critic/audit/correlation", kRewarded, "",
       "of audit and score over the step's samples; falls when the reward is won without being "
       "right"},
      {"response_repetition/mean", kRewarded, "",
       "mean share of 3-grams of an answer's tokens that repeat an earlier one"},
      {"val-core/SOURCE/acc/mean@N", kTraining, "",
       "mean reward on the validation prompts of a data source, of an effort as SOURCE/EFFORT, N "
       "samples each, of the weights before the step"},
      {"val-core/all/acc/mean@N", kTraining, "", "the same over all data sources"},
      {"val-aux/SOURCE/reward/mean@N", "rl", "",
       "the same of what is maximised, with rl.length_penalty; over all sources SOURCE is all"},
      {"val-aux/SOURCE/response_length/mean", "rl", "tokens",
       "of those samples, as response_length/answer_mean"},
      {"val-aux/SOURCE/truncated", "rl", "", "of those samples, as response_length/clip_ratio"},
      {"val-aux/SOURCE/unclosed_thinking", "rl", "",
       "of those samples, as response_length/unclosed_thinking"},
      {"actor/pg_loss", kRewarded, "",
       "the policy's part of the loss, mean over the step's updates"},
      {"actor/pg_clipfrac[/DOMAIN[/EFFORT]]", "rl", "",
       "share of tokens whose gradient the clip cuts"},
      {"actor/ppo_kl[/DOMAIN[/EFFORT]]", "rl", "nats",
       "mean of log π_old − log π of the written tokens: how far the updates moved the policy"},
      {"actor/kl[/DOMAIN[/EFFORT]]", "rl", "nats",
       "estimate of KL(π ‖ π_ref), with kl_loss_coef > 0"},
      {"actor/kl_loss", "rl", "", "that part of the loss, mean over updates"},
      {"actor/entropy[/DOMAIN[/EFFORT]]", kTraining, "nats",
       "mean entropy of the policy at its temperature"},
      {"actor/grad_norm", kEvery, "", "length of the gradient before it is clipped"},
      {"actor/lr", kTraining, "", "learning rate of the step's last update"},
      {"train/lr", "sft", "", "learning rate of the step"},
      {"train/loss", "sft", "nats",
       "mean negative log-probability of the learned tokens; of compare-NAME too where its method "
       "is "
       "sft"},
      {"train/balance_loss", "sft", "",
       "the routers' auxiliary loss, with router_aux_loss_coef > 0"},
      {"train/mtp_loss", kEvery, "nats",
       "loss of the multi-token prediction block, where it learns"},
      {"train/index_loss", kEvery, "nats",
       "KL from what attention attends to, to what the indexer scores, where the model has one"},
      {"train/anticipatory_routing", "sft", "",
       "1 in steps that route by earlier weights, with anticipatory_routing"},
      {"train/loss_spikes", "sft", "", "rollbacks so far, with anticipatory_routing"},
      {"distill/objective[/DOMAIN[/EFFORT]]", "distill", "nats",
       "Σ weight · KL per token, or of another objective in its place: what is minimised"},
      {"distill/kl[/DOMAIN[/EFFORT][/TEACHER]]", "distill", "nats",
       "KL(π ‖ π_teacher) per token without weights, or what the objective has in its place; mean "
       "over "
       "several teachers, and each of them"},
      {"distill/teacher_bytes", "distill", "bytes",
       "most that teachers' packed weights took in memory at once, the one that is read ahead "
       "among "
       "them"},
      {"distill/hidden_bytes", "distill", "bytes",
       "most that teachers' hidden states took in memory at once; beyond distill.hidden_memory "
       "they "
       "are in a file"},
      {"training/sampled_tokens", kTraining, "tokens",
       "tokens that the sampling policy wrote in this step"},
      {"training/trained_tokens", kTraining, "tokens",
       "those of them in samples that are learned from"},
      {"training/rollout_probs_diff_max", kTraining, "",
       "largest difference of a token's probability between sampler and learner: 0"},
      {"response_length/mean", kTraining, "tokens", "mean number of tokens the policy wrote"},
      {"response_length/clip_ratio", kTraining, "", "share of samples that the budget cut"},
      {"response_length/answer_mean[/DOMAIN[/EFFORT]]", "rl", "tokens",
       "mean number of them without those that end a turn, which rl.length_penalty counts"},
      {"response_length/unclosed_thinking[/DOMAIN[/EFFORT]]", "rl", "",
       "share of samples whose reasoning never ended, with rl.length_penalty"},
      {"rollout/masked_samples", kTraining, "", "samples without a reward, which teach nothing"},
      {"rollout/forced_thinking_ends", kTraining, "",
       "share of samples whose thinking max_thinking_tokens ended, where it is set"},
      {"rollout/draft_acceptance", kTraining, "", "share of speculated tokens that were right"},
      {"rollout/routing_bytes_per_token", kTraining, "bytes",
       "what kept experts take, with keep_routing"},
      {"rollout/index_bytes_per_token", kTraining, "bytes",
       "what kept index entries take, with keep_index"},
      {"perf/throughput", kEvery, "tokens/s",
       "tokens learned (sft) or written by the policy, per second of the step"},
      {"perf/activation_bytes", "sft", "bytes", "activations of the largest pass so far"},
      {"timing_s/rollout", kTraining, "s", "sampling, without waiting for rewards alone"},
      {"timing_s/reward", kTraining, "s",
       "workers with nothing to do but wait for rewards and tools"},
      {"timing_s/teacher_forward", "distill", "s", "the teachers' forward passes"},
      {"timing_s/teacher_wait", "distill", "s",
       "learning that waited for teachers' weights and heads"},
      {"timing_s/learn", kEvery, "s", "forward, backward and update"},
      {"timing_s/step", kEvery, "s", "the whole step"},
  };
  static const std::vector<MetricName> all = [] {
    std::vector<MetricName> both = names;
    for (MetricName& judges : judge_metric_names()) both.push_back(std::move(judges));
    return both;
  }();
  return all;
}

bool is_documented_metric(const std::string& name) {
  return std::any_of(metric_names().begin(), metric_names().end(),
                     [&](const MetricName& m) { return matches(m.name, name); });
}

std::string metrics_reference() {
  std::string text =
      "# Metrics\n\n"
      "`metrics.jsonl` in a run directory has a line for each step of each stage: `stage`, `step` "
      "and "
      "what is below. The\nsame is in `tb/` for TensorBoard (`tensorboard --logdir RUN/tb`) and in "
      "`run.sqlite`, table `metrics`. A figure that was\nnot measured is not there. The names are "
      "verl's where verl has one. `DOMAIN`, `EFFORT`, `TEACHER`, `SOURCE` and `N` stand for "
      "what\nthe run "
      "has; "
      "what stands in brackets is left out for the figure over all domains.\n\n"
      "`tools/export_wandb.py RUN` copies them to Weights & Biases, `tools/export_mlflow.py RUN` "
      "to "
      "MLflow: a run there for each\nstage. [RESULTS.md](RESULTS.md) says what the figures of "
      "`results.json` mean, [POLICY.md](POLICY.md) what those of the\npolicy are means of.\n\n"
      "| name | stages | unit | |\n|---|---|---|---|\n";
  for (const MetricName& m : metric_names())
    text += "| `" + m.name + "` | " + m.stages + " | " + m.unit + " | " + m.meaning + " |\n";
  return text;
}

}  // namespace amalgam::pipeline
