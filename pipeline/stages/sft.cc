#include "pipeline/stages/sft.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "configs/check.h"
#include "configs/clock.h"
#include "configs/error.h"
#include "configs/log/log.h"
#include "kernels/device/rng.h"
#include "learner/optim/schedule.h"
#include "learner/step/anticipatory_routing.h"
#include "learner/step/packing.h"
#include "learner/step/supervised_step.h"
#include "learner/step/trainer.h"
#include "model/checkpoint/init.h"
#include "model/encoding/encoding.h"
#include "model/tensors/durable_file.h"
#include "model/tokenizer/bpe_trainer.h"
#include "pipeline/data/for_each_row.h"
#include "pipeline/data/forms/row_reader.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/run_store/metrics.h"
#include "pipeline/run_store/progress.h"
#include "pipeline/run_store/set_counts.h"
#include "pipeline/stages/domain_groups.h"
#include "pipeline/stages/learner_figures.h"
#include "pipeline/stages/model_files.h"
#include "pipeline/stages/run_dirs.h"
#include "pipeline/stages/training_job.h"

namespace amalgam::pipeline {
namespace {

constexpr uint64_t kUseMixture = 1, kUseShuffle = 2;

// A domain's rows in shuffled order, epoch after epoch.
class RowCursor {
 public:
  RowCursor(const std::vector<SftRow>& rows, uint64_t seed, uint64_t stream)
      : rows_(rows), seed_(seed), stream_(stream) {}
  const SftRow* next() {
    if (at_ == order_.size()) {
      order_ = learner::shuffled(static_cast<int64_t>(rows_.size()), seed_, stream_, epoch_++);
      at_ = 0;
    }
    return &rows_[static_cast<size_t>(order_[at_++])];
  }

 private:
  const std::vector<SftRow>& rows_;
  uint64_t seed_, stream_, epoch_ = 0;
  std::vector<int64_t> order_;
  size_t at_ = 0;
};

using DomainRows = std::vector<RowSet>;  // in the config's order

void record_examples(RunContext& run, const std::string& stage, SftPhase phase,
                     const std::string& domain, const RowSet& rows) {
  SetCounts counts;
  counts.used = static_cast<int64_t>(rows.rows.size());
  counts.bad = rows.num_bad;
  if (counts.used + counts.bad > 0)
    record_set(run.store, {stage, to_string(phase), domain, counts});
}

SftMixture load_mixture(const RunContext& run, const model::Tokenizer& tokenizer,
                        const DomainRows& rows) {
  SftMixture m;
  for (size_t i = 0; i < rows.size(); ++i) {
    const configs::DomainConfig& d = run.config.domains[i];
    double weight = 1;
    if (!run.config.base.mixture.empty()) {
      weight = 0;
      for (const auto& [name, w] : run.config.base.mixture)
        if (name == d.name) weight = w;
    }
    m.domains.push_back(encode_sft_rows(run.pool, tokenizer, run.tools, d, rows[i].rows));
    m.weights.push_back(weight);
  }
  return m;
}

learner::TrainOptions train_options(const configs::SftConfig& sft) {
  return {.balance_loss_coefficient = sft.router_aux_loss_coef};
}

// Trains the indexers of the model in start_dir for `stage`, if the config says so; returns the
// directory that the stage starts from.
std::string warm_up_indexers(RunContext& run, const configs::SftConfig& sft,
                             const SftMixture& mixture, const std::string& stage,
                             const std::string& start_dir, const std::string& stage_out_dir) {
  const int64_t steps = sft.index_warmup_steps;
  if (steps == 0 || std::filesystem::exists(stage_out_dir)) return start_dir;
  const model::ModelConfig config = model::load_model_config(start_dir + "/config.json");
  if (std::none_of(config.layers.begin(), config.layers.end(),
                   [](const model::Layer& l) { return l.attention == model::AttentionKind::kCsa; }))
    throw Error(start_dir +
                ": the model has no indexer (no compressed_sparse_attention layer); drop "
                "index_warmup_steps");
  const std::string name = "index-warmup-" + stage, out = run.path("checkpoints/warm-" + stage);
  run_sft_job(
      run, {.stage = name,
            .start_dir = start_dir,
            .out_dir = out,
            .optim = sft.optim,
            .options = {.trained = learner::Trained::kIndexer},
            .batches = plan_batches(mixture, steps, sft.batch_tokens,
                                    static_cast<uint64_t>(run.config.seed), stage_stream(name, 0)),
            .lr = [&](int64_t step) { return learner::learning_rate(sft.optim, step, steps); },
            .mtp_loss_weight = [](int64_t) { return 0.0; }});
  return out;
}

// Trains RUN/tokenizer on the text of all domains' conversations, unless it is there.
void make_tokenizer(const RunContext& run, const DomainRows& sft, const DomainRows& anneal) {
  const std::string dir = run.path("tokenizer");
  if (std::filesystem::exists(dir)) return;
  std::vector<std::string> texts;
  const auto take = [&](const configs::DomainConfig& d, const RowStore& rows) {
    const size_t first = texts.size();
    texts.resize(first + rows.size());
    for_each_row(run.pool, "reading " + d.name, static_cast<int64_t>(rows.size()), [&](int64_t i) {
      const Row row = row_from_json(rows.json(static_cast<size_t>(i)), RowUse::kExample, d.name);
      std::string& text = texts[first + static_cast<size_t>(i)];
      if (!row.text.empty()) {
        text = row.text_prompt + row.text;
        return;
      }
      model::EncodeOptions options;
      options.mode =
          row.mode == "chat" ? model::ThinkingMode::kChat : model::ThinkingMode::kThinking;
      options.old_reasoning = model::OldReasoning::kKeep;
      text = model::encode_messages(model::messages_from_json(row.messages, d.name), options).text;
    });
  };
  for (size_t i = 0; i < sft.size(); ++i) {
    const configs::DomainConfig& d = run.config.domains[i];
    if (!anneal.empty()) take(d, anneal[i].rows);
    if (anneal.empty() || !d.anneal_file.empty()) take(d, sft[i].rows);
  }
  if (texts.empty())
    throw Error("no domain has rows for supervised training; give sft_file, or model.path");
  const model::TrainedBpe bpe =
      model::train_bpe(texts, {.vocab_size = run.config.tokenizer.vocab_size});
  model::write_tokenizer(bpe, int64_t{1} << 20, model::staging_directory(dir));
  model::replace_directory(dir);
}

}  // namespace

std::vector<std::vector<const SftRow*>> plan_batches(const SftMixture& mixture, int64_t num_batches,
                                                     int64_t batch_tokens, uint64_t seed,
                                                     uint64_t stream) {
  std::vector<RowCursor> cursors;
  std::vector<double> cumulative;
  double total = 0;
  for (size_t d = 0; d < mixture.domains.size(); ++d) {
    cursors.emplace_back(mixture.domains[d], seed, stream ^ (kUseShuffle + (d << 8)));
    total += mixture.domains[d].empty() ? 0 : mixture.weights[d];
    cumulative.push_back(total);
  }
  if (!(total > 0))
    throw Error("supervised training has steps, but no domain has rows and a weight for it");
  std::vector<std::vector<const SftRow*>> batches;
  std::vector<const SftRow*> batch;
  int64_t tokens = 0;
  for (uint64_t place = 0; static_cast<int64_t>(batches.size()) < num_batches; ++place) {
    const double u = kernels::uniform({seed, stream, kUseMixture}, place) * total;
    size_t d = 0;
    while (d + 1 < cumulative.size() && cumulative[d] <= u) ++d;
    const SftRow* row = cursors[d].next();
    const auto n = static_cast<int64_t>(row->ids.size());
    if (!batch.empty() && tokens + n > batch_tokens) {
      batches.push_back(std::move(batch));
      batch.clear(), tokens = 0;
    }
    batch.push_back(row), tokens += n;
  }
  return batches;
}

namespace {

enum class Outcome { kFinished, kRolledBack };

std::vector<learner::TrainSequence> sequences_of(const std::vector<const SftRow*>& rows) {
  std::vector<learner::TrainSequence> batch;
  for (const SftRow* row : rows) batch.push_back({row->ids, row->learned});
  return batch;
}

// Steps until the job is done, or a loss spike has rolled its state back.
Outcome train(RunContext& run, const SftJob& job) {
  TrainingJob training(run, job.stage, job.start_dir, job.optim, job.options);
  learner::Trainer& trainer = training.trainer();
  learner::AnticipatoryRouting routing(job.anticipatory_routing, run.state_path(job.stage),
                                       trainer);
  const auto num_steps = static_cast<int64_t>(job.batches.size());
  // The answers' loss is reported, but has no gradient.
  const bool is_warmup = job.options.trained == learner::Trained::kIndexer;
  MetricsLogger metrics(run.run_dir, job.stage, &run.store, trainer.state().step() - 1);
  Progress progress(job.stage, num_steps, trainer.state().step());
  const auto batch_of = [&](int64_t step) {
    return step < num_steps ? sequences_of(job.batches[static_cast<size_t>(step)])
                            : std::vector<learner::TrainSequence>();
  };
  for (int64_t step = trainer.state().step(); step < num_steps; ++step) {
    if (interrupted()) throw Interrupted{};
    const log::At at(job.stage, step);
    const auto begin = Clock::now();
    const std::vector<std::string> experts = routing.prepare(batch_of);
    std::vector<learner::TrainSequence> batch = batch_of(step);
    for (size_t i = 0; i < experts.size(); ++i) batch[i].choices.experts = experts[i];
    int64_t num_tokens = 0;
    for (const learner::TrainSequence& s : batch) num_tokens += static_cast<int64_t>(s.ids.size());
    trainer.set_mtp_loss(job.mtp_loss_weight(step), model::MtpGradient::kAll);
    const learner::SupervisedFigures f = learner::accumulate_supervised_loss(
        trainer, batch, {.weight = is_warmup ? 0.0 : 1.0}, job.index_loss_coef);
    const double loss = f.loss.value_or(kUnknown);
    if (routing.watch(loss) == learner::AnticipatoryRouting::Verdict::kSpike) {
      routing.roll_back(run.pool);
      progress.update(step, "loss spike: going back, with anticipatory routing");
      log::info(log::Part::kLearn, "loss spike: going back, with anticipatory routing");
      return Outcome::kRolledBack;
    }
    const bool is_anticipatory = routing.active();
    const double lr = job.lr(step);
    learner::StepReport report;
    in_step(job.stage, step, [&] {
      if (f.broken)
        throw Error("the loss of answer " + std::to_string(*f.broken) +
                    " of the batch is not finite" + learner::kNonFiniteAdvice);
      report = trainer.step(lr);
    });
    const double seconds = seconds_since(begin);
    NamedValues figures = {
        {"train/loss", loss},
        {"train/lr", lr},
        {"actor/grad_norm", is_warmup ? report.index_grad_norm : report.grad_norm},
        {"timing_s/learn", seconds},
        {"timing_s/step", seconds},
        {"perf/activation_bytes", static_cast<double>(trainer.network().activation_bytes())},
        {"perf/throughput", static_cast<double>(num_tokens) / seconds}};
    add_figure(kIndexLossMetric, trainer.index_loss(), &figures);
    add_figure("train/balance_loss", trainer.balance_loss(), &figures);
    if (job.anticipatory_routing.delay > 0) {
      figures.emplace_back("train/anticipatory_routing", is_anticipatory);
      figures.emplace_back("train/loss_spikes", static_cast<double>(routing.num_rollbacks()));
    }
    add_figure(kMtpLossMetric, trainer.mtp_loss(), &figures);
    metrics.log(step, figures);
    char note[32];
    std::snprintf(note, sizeof note, "loss %.3f", loss);
    progress.update(step + 1, note);
  }
  training.save(job.out_dir);
  return Outcome::kFinished;
}

}  // namespace

void run_sft_job(RunContext& run, const SftJob& job) {
  if (std::filesystem::exists(job.out_dir)) return;
  while (train(run, job) == Outcome::kRolledBack) {
  }
}

void run_domain_sft(RunContext& run, const configs::DomainConfig& domain,
                    const std::string& start_dir, const std::string& out_dir) {
  const model::Tokenizer tokenizer = model::Tokenizer::load(tokenizer_dir(run));
  const std::string stage = "sft-" + specialist_name(domain);
  const Domains domains = specialist_domains(run.config, domain);
  SftMixture mixture;
  std::vector<RowSet> rows;
  for (const configs::DomainConfig* d : domains) {
    rows.push_back(domain_sft_rows(run.config, run.tools, run.pool, *d, SftPhase::kSft));
    mixture.domains.push_back(
        encode_sft_rows(run.pool, tokenizer, run.tools, *d, rows.back().rows));
    mixture.weights.push_back(1);
  }
  run_sft_job(
      run,
      {.stage = stage,
       .start_dir = warm_up_indexers(run, domain.sft, mixture, stage, start_dir, out_dir),
       .out_dir = out_dir,
       .optim = domain.sft.optim,
       .options = train_options(domain.sft),
       .anticipatory_routing = domain.sft.anticipatory_routing,
       .batches = plan_batches(mixture, domain.sft.steps, domain.sft.batch_tokens,
                               static_cast<uint64_t>(run.config.seed), stage_stream(stage, 0)),
       .lr =
           [&](int64_t step) {
             return learner::learning_rate(domain.sft.optim, step, domain.sft.steps);
           },
       .mtp_loss_weight = [&](int64_t step) { return learner::mtp_loss_weight(domain.sft, step); },
       .index_loss_coef = domain.sft.index_loss_coef});
  for (size_t i = 0; i < domains.size(); ++i)
    record_examples(run, stage, SftPhase::kSft, domains[i]->name, rows[i]);
}

std::string base_dir(const RunContext& run) {
  return run.config.model.path.empty() ? run.path("base") : run.config.model.path.string();
}
std::string tokenizer_dir(const RunContext& run) { return tokenizer_dir(run.config); }

void run_base_stage(RunContext& run) {
  if (!run.config.model.path.empty() || std::filesystem::exists(run.path("base"))) return;
  const configs::BaseConfig& base = run.config.base;
  const DomainRows sft = all_sft_rows(run.config, run.tools, run.pool, SftPhase::kSft);
  DomainRows anneal;
  if (base.anneal.steps > 0)
    anneal = all_sft_rows(run.config, run.tools, run.pool, SftPhase::kAnneal);
  make_tokenizer(run, sft, anneal);
  const model::Tokenizer tokenizer = model::Tokenizer::load(run.path("tokenizer"));
  const std::string init = run.path("checkpoints/init");
  if (!std::filesystem::exists(init)) {
    model::Model m = model::allocate_model(new_model_config(run.config.model, tokenizer));
    model::init_weights(m.config, static_cast<uint64_t>(run.config.seed), m.weights);
    save_with_tokenizer(init, m.config, m.weights, run.path("tokenizer"));
  }
  const auto seed = static_cast<uint64_t>(run.config.seed);
  const SftMixture first = load_mixture(run, tokenizer, sft);
  const SftMixture last = load_mixture(run, tokenizer, anneal);
  SftJob job{
      .stage = "base",
      .start_dir = warm_up_indexers(run, base.sft, first, "base", init, run.path("base")),
      .out_dir = run.path("base"),
      .optim = base.sft.optim,
      .options = train_options(base.sft),
      .anticipatory_routing = base.sft.anticipatory_routing,
      .batches = plan_batches(first, base.sft.steps, base.sft.batch_tokens, seed,
                              stage_stream("base/sft", 0)),
      .lr = nullptr,
      // The second phase is the end of the training: late.
      .mtp_loss_weight = [&](int64_t step) { return learner::mtp_loss_weight(base.sft, step); },
      .index_loss_coef = base.sft.index_loss_coef};
  if (base.anneal.steps > 0)
    for (auto& batch : plan_batches(last, base.anneal.steps, base.sft.batch_tokens, seed,
                                    stage_stream("base/anneal", 0)))
      job.batches.push_back(std::move(batch));
  job.lr = [&](int64_t step) {
    if (step < base.sft.steps) return learner::learning_rate(base.sft.optim, step, base.sft.steps);
    const double done =
        static_cast<double>(step - base.sft.steps + 1) / static_cast<double>(base.anneal.steps);
    return base.sft.optim.lr * base.anneal.lr_factor *
           (1 - done * (1 - base.anneal.final_lr_factor));
  };
  run_sft_job(run, job);
  for (size_t i = 0; i < sft.size(); ++i)
    record_examples(run, job.stage, SftPhase::kSft, run.config.domains[i].name, sft[i]);
  for (size_t i = 0; i < anneal.size(); ++i)
    record_examples(run, job.stage, SftPhase::kAnneal, run.config.domains[i].name, anneal[i]);
}

}  // namespace amalgam::pipeline
