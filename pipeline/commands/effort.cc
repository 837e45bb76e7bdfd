#include "pipeline/commands/effort.h"

#include <spdlog/fmt/fmt.h>

#include <cstdio>

#include "configs/error.h"
#include "configs/fnv1a.h"
#include "pipeline/run_store/progress.h"
#include "pipeline/run_store/text_format.h"
#include "pipeline/stages/answer_length.h"
#include "pipeline/stages/domain_groups.h"
#include "pipeline/stages/effort_curve.h"
#include "pipeline/stages/inputs_check.h"
#include "pipeline/stages/prompt_sets.h"
#include "pipeline/stages/run_dirs.h"
#include "pipeline/stages/sampling.h"
#include "pipeline/stages/sft.h"
#include "pipeline/stages/training_job.h"

namespace amalgam::pipeline {
namespace {

constexpr int kParts = 6;
constexpr int kDigits = 2;  // of a proposal

// Answers to the first validation prompts, since what was trained on may be known by heart; of a
// domain without, to training prompts. At each of the domain's efforts: the same question at
// several of them is one question.
std::vector<SampledAnswer> sample(RunContext& run, const Domains& domains,
                                  const EffortSuggestOptions& options) {
  const model::Tokenizer tokenizer = model::Tokenizer::load(tokenizer_dir(run));
  proto::WeightsRef weights;
  weights.set_model_dir(run.config.model.path.string());
  std::vector<SampledAnswer> answers;
  for (const configs::DomainConfig* d : domains) {
    const std::string stage = "effort-suggest-" + d->name;
    forget_job(run, stage);  // of an earlier command, which may have read other rows
    const EpisodeBudget budget = budget_of(d->rl.data, d->rl.rollout, {d});
    const Split split =
        run.data().of(d->name).validation.rows.empty() ? Split::kTrain : Split::kValidation;
    const std::vector<PromptRow> prompts =
        prompt_set(run, tokenizer, *d, split, budget.max_prompt_length, options.prompts).all();
    Progress progress(stage, static_cast<int64_t>(prompts.size()) * options.n, 0, "sample");
    const PromptScores scores = score_prompts(
        run, prompts,
        {.stage = stage,
         .weights = weights,
         .n = options.n,
         .temperature = d->rl.rollout.temperature,
         .budget = budget,
         .on_finished = [&](int64_t finished, int64_t) { progress.update(finished); }});
    for (const proto::Trajectory& t : scores.samples)
      if (is_answer(t))
        answers.push_back(
            {static_cast<int64_t>(fnv1a(prompts[static_cast<size_t>(t.meta().group())].row()) >> 1),
             static_cast<double>(answer_length(tokenizer, t).tokens), t.meta().reward()});
  }
  return answers;
}

std::string proposal_text(const EffortProposal& p, const Domains& domains) {
  const auto number = [](double k) { return fmt::format("{:.{}g}", k, kDigits); };
  std::string words;
  bool has_numbers = false;
  const bool has_modes = !domains[0]->effort_mode().empty();
  for (const char* word : {"none", "low", "high", "max"}) {
    const auto is_it = [&](const auto* d) { return d->effort_mode() == word; };
    if (has_modes ? std::any_of(domains.begin(), domains.end(), is_it) : std::string("low") != word)
      words += (words.empty() ? "" : ", ") + std::string(word) + " = " + number(p.k.at(word));
  }
  for (const configs::DomainConfig* d : domains)
    has_numbers = has_numbers || (has_modes && !configs::is_effort_word(d->effort_mode()));
  std::string text;
  if (!words.empty())
    text += "\nwords:\n[domain.rl.length_penalty]\nform = \"linear\"\nk = { " + words + " }\n";
  if (has_numbers || !has_modes)
    text +=
        "\nnumbers 1 … 100:\n[domain.rl.length_penalty]\nform = \"effort\"\nk0 = " + number(p.k0) +
        "\ntau = " + number(p.tau) + "\n";
  if (!p.has_middle)
    text +=
        "\nThe reward grows with length at the same rate throughout: under a price of tokens a "
        "mode "
        "between none and max may fall on one of them. A window or a form with a target (l1_exact, "
        "l1_max) can hold one in the middle.\n";
  return text;
}

}  // namespace

void EffortSuggestOptions::describe(OptionSet& options) {
  stage.describe(options, Need::kOptional);
  options.option("--domain", domain, "domain of the config", Need::kRequired);
  options.option("--prompts", prompts, "prompts to ask, the first of the validation set");
  options.option("--n", n, "answers to each, at each of the domain's efforts");
}

int run_effort_suggest(const EffortSuggestOptions& options) {
  if (options.prompts < 1 || options.n < 2)
    throw Error("--prompts must be at least 1 and --n at least 2");
  StageOptions stage = options.stage;
  const configs::RunConfig config = stage.load("effort-suggest", options.domain);
  for (const configs::DomainConfig* d : named_domains(config, options.domain, ""))
    require_sets(*d, "effort suggest", {.train = true});
  return run_interruptible(config, "the same command begins again", [&] {
    InputFacts facts = check_inputs(config);
    RunSession session(config, std::move(facts));
    claim_run_dir(config.run_dir, stage.model);
    const Domains domains = named_domains(session.context().config, options.domain, "");
    std::vector<SampledAnswer> answers;
    session.stage("effort-suggest", [&] { answers = sample(session.context(), domains, options); });
    const std::vector<CurvePoint> curve = accuracy_by_length(answers, kParts);
    std::printf(
        "answers of %s to %s, from the shortest of each question to the longest:\n%8s%10s%10s\n",
        config.model.path.c_str(), options.domain.c_str(), "tokens", "reward", "samples");
    for (const CurvePoint& p : curve)
      std::printf("%8.1f%10.3f%10lld\n", p.tokens, p.reward, static_cast<long long>(p.samples));
    const std::vector<CurvePoint> best = best_points(curve);
    if (!is_clear(best))
      throw Error(
          "longer answers of this model are not better; there is nothing that effort "
          "could buy. Train it on answers that are worked out, or ask more --prompts");
    std::printf("%s", proposal_text(propose(best), domains).c_str());
    return 0;
  });
}

}  // namespace amalgam::pipeline
