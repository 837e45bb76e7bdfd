// What each stage takes: SftConfig, BaseConfig, RlConfig, EvalConfig and the parts they share;
// DistillConfig and CompareConfig are in files of their own. A stage gets its struct and nothing
// else of the RunConfig.
#pragma once
#include "configs/anticipatory_config.h"
#include "configs/length_penalty_config.h"
#include "configs/optim_config.h"
#include "configs/schema.h"

namespace amalgam::configs {

// Supervised fine-tuning on (prompt, answer) rows; the loss is on answers only.
struct SftConfig {
  int64_t steps = 0;
  int64_t batch_tokens = 1536;
  double mtp_loss_weight = 0.3, mtp_late_loss_weight = 0.1;
  double index_loss_coef = 1;
  OptimConfig optim{
      .kind = OptimKind::kMuon, .lr = 8e-3, .warmup_steps = 40, .decay_fraction = 0.3};
  // 0, not V3's 1e-4: the presets' figures were measured with the routing bias alone.
  double router_aux_loss_coef = 0;
  int64_t index_warmup_steps = 0;
  AnticipatoryConfig anticipatory_routing = {};

  template <class V>
  void visit(V& v) {
    v.value("steps", steps, between(0, 1e9), "optimiser steps; 0: none");
    v.value("batch_tokens", batch_tokens, between(1, 1 << 24), "tokens of a batch");
    v.value("mtp_loss_weight", mtp_loss_weight, between(0, 100),
            "weight of the multi-token prediction loss, for a model with such a block");
    v.value("mtp_late_loss_weight", mtp_late_loss_weight, between(0, 100),
            "the same while the learning rate decays");
    v.value("index_loss_coef", index_loss_coef, between(0, 100),
            "weight of the loss that teaches the indexers what attention looks at, per token; the "
            "rest of the model gets no gradient from it; 0: they stay as they are");
    v.section("optim", optim, "Optimiser of this stage.");
    v.value("router_aux_loss_coef", router_aux_loss_coef, between(0, 100),
            "weight of the sequence-wise load-balance loss (DeepSeek-V3 trains with 1e-4); 0: the "
            "routing bias balances alone");
    v.value("index_warmup_steps", index_warmup_steps, between(0, 1e9),
            "steps before this stage in which attention is dense and only the indexers train, "
            "towards its probabilities; 0: none");
    v.section("anticipatory_routing", anticipatory_routing,
              "Experts chosen by older weights, against loss spikes.");
  }
};

// The end of the base's training: other rows at a falling rate, with the state of the first phase.
struct AnnealConfig {
  int64_t steps = 0;
  double lr_factor = 0.5;
  double final_lr_factor = 0;

  template <class V>
  void visit(V& v) {
    v.value("steps", steps, between(0, 1e9), "optimiser steps; 0: no such phase");
    v.value("lr_factor", lr_factor, between(0, 1), "rate of this phase, times base.sft.optim.lr");
    v.value("final_lr_factor", final_lr_factor, between(0, 1),
            "the rate falls linearly over the phase to this times its start");
  }
};

struct BaseConfig {
  SftConfig sft{.steps = 1200};
  AnnealConfig anneal;
  Weights mixture;

  template <class V>
  void visit(V& v) {
    v.section("sft", sft, "First phase: the domains' `sft_file`, or generated answers.");
    v.section("anneal", anneal,
              "Second phase, for data that come last: the domains' `anneal_file`, or generated "
              "answers of which data.careless are in a bad style.");
    v.value("mixture", mixture, between(0, 1e6),
            "weight of each domain in the training rows, any scale, shared by its efforts; a "
            "domain not "
            "named has 0; empty: all alike, each effort counted");
  }
};

// The batch of a sampling stage.
struct PromptBatchConfig {
  int64_t train_batch_size = 16;
  int64_t max_prompt_length = 256;
  int64_t max_response_length = 96;

  template <class V>
  void visit(V& v) {
    v.value("train_batch_size", train_batch_size, between(1, 1 << 20), "prompts of a step");
    v.value("max_prompt_length", max_prompt_length, between(1, 1 << 20),
            "tokens; longer prompts are left out and counted");
    v.value("max_response_length", max_response_length, between(1, 1 << 20),
            "tokens the policy may write in one episode; then it is cut");
  }
};

// Whether the experts that sampling chose are chosen again in training (POST_TRAINING.md §3).
enum class KeepRouting { kAuto, kOn, kOff };
inline std::vector<std::string> names_of(KeepRouting) { return {"auto", "on", "off"}; }

struct RolloutConfig {
  int64_t n = 16;
  double temperature = 1;
  int64_t max_turns = 4;
  int64_t max_calls_per_turn = 16;
  int64_t max_tool_response_tokens = 512;
  int64_t max_tool_tokens = 2048;
  int64_t max_thinking_tokens = 0;
  bool draft = false;
  KeepRouting keep_routing = KeepRouting::kAuto;
  bool keep_index = false;

  bool keeps_experts(int64_t updates_of_step) const {
    return keep_routing == KeepRouting::kOn ||
           (keep_routing == KeepRouting::kAuto && updates_of_step > 1);
  }

  template <class V>
  void visit(V& v) {
    v.value("n", n, between(1, 4096), "samples of a prompt");
    v.value("temperature", temperature, between(0.01, 100),
            "T of the policy softmax(z/T), which is sampled from and trained: log-probabilities, "
            "ratio, KL, entropy, reference and teachers are at this T too");
    v.value("max_turns", max_turns, between(1, 1024), "assistant turns of an episode with tools");
    v.value("max_calls_per_turn", max_calls_per_turn, between(1, 1024),
            "calls of one assistant turn that are run; the results of the others say so");
    v.value("max_tool_response_tokens", max_tool_response_tokens, between(64, 1 << 20),
            "tokens of one tool's result that the model sees; the middle of a longer one is left "
            "out, and of files a tool gives as many bytes");
    v.value("max_tool_tokens", max_tool_tokens, between(64, 1 << 24),
            "tokens of all tool results of an episode, with the frame around them: results are cut "
            "to what is left, calls without room for a result are not run, and without room to say "
            "so the episode is truncated (`tool_limit`). The sequences that sampling has room for "
            "grow with it");
    v.value("max_thinking_tokens", max_thinking_tokens, between(0, 1 << 20),
            "tokens of reasoning in one assistant turn of thinking mode; then `</think>` is put "
            "there, which counts as a token of the response and is never trained on; 0: no limit");
    v.value(
        "draft", draft,
        "speculative decoding with the model's multi-token prediction block; changes no result");
    v.value("keep_routing", keep_routing,
            "experts chosen while sampling travel with the tokens and are chosen again, with the "
            "present gate weights, by weights that have moved since; auto: where a step has "
            "several updates");
    v.value("keep_index", keep_index, "the same of the entries that the indexers selected");
  }
};

enum class AdvEstimator { kGrpo };
inline std::vector<std::string> names_of(AdvEstimator) { return {"grpo"}; }

enum class LossAggMode { kTokenMean, kSeqMeanTokenMean, kSeqMeanTokenSum, kSeqMeanTokenSumNorm };
inline std::vector<std::string> names_of(LossAggMode) {
  return {"token-mean", "seq-mean-token-mean", "seq-mean-token-sum", "seq-mean-token-sum-norm"};
}

struct AlgorithmConfig {
  AdvEstimator adv_estimator = AdvEstimator::kGrpo;
  bool norm_adv_by_std = false;
  double clip_ratio_low = 0.2, clip_ratio_high = 0.2;
  double kl_loss_coef = 0;
  LossAggMode loss_agg_mode = LossAggMode::kTokenMean;
  double off_policy_delta = 0;

  template <class V>
  void visit(V& v) {
    v.value("adv_estimator", adv_estimator, "grpo: reward minus the mean of the prompt's samples");
    v.value("norm_adv_by_std", norm_adv_by_std,
            "divide advantages by the standard deviation of the prompt's rewards");
    v.value("clip_ratio_low", clip_ratio_low, between(0, 1), "ratios are clipped at 1 minus this");
    v.value("clip_ratio_high", clip_ratio_high, between(0, 100),
            "ratios are clipped at 1 plus this");
    v.value("kl_loss_coef", kl_loss_coef, between(0, 100),
            "weight of the KL to the stage's first weights; 0: none, and no reference model");
    v.value("loss_agg_mode", loss_agg_mode,
            "how token losses are averaged; seq-mean-token-sum-norm divides by "
            "data.max_response_length (Dr. GRPO)");
    v.value(
        "off_policy_delta", off_policy_delta, between(0, 100),
        "samples of negative advantage whose mean log-ratio of old to new policy exceeds this are "
        "masked; 0: never");
  }
};

// Which validation figure chooses the step that is kept.
enum class SelectBy { kAuto, kReward, kAccuracy, kAgreement, kLast };
inline std::vector<std::string> names_of(SelectBy) {
  return {"auto", "reward", "accuracy", "agreement", "last"};
}

// GRPO on one domain.
struct RlConfig {
  int64_t steps = 40;
  PromptBatchConfig data;
  RolloutConfig rollout;
  AlgorithmConfig algorithm;
  LengthPenaltyConfig length_penalty;
  int64_t ppo_mini_batches = 2;
  double mtp_loss_weight = 0.1;
  double index_loss_coef = 1;
  OptimConfig optim{.lr = 5e-4};
  int64_t test_freq = 10;
  int64_t val_prompts = 50;
  int64_t val_n = 2;
  SelectBy select_by = SelectBy::kAuto;

  template <class V>
  void visit(V& v) {
    v.value("steps", steps, between(0, 1e9), "sampling steps; 0: no RL");
    v.section("data", data, "Prompts of a step.");
    v.section("rollout", rollout, "Sampling.");
    v.section("algorithm", algorithm, "Advantage and loss.");
    v.section("length_penalty", length_penalty,
              "What an answer's length does to its reward, beside its score. len: tokens that the "
              "policy wrote, without end tokens and tool results; window: its token budget.");
    v.value("ppo_mini_batches", ppo_mini_batches, between(1, 1 << 20),
            "optimiser updates of a step, each on its share of the prompts");
    v.value("mtp_loss_weight", mtp_loss_weight, between(0, 100),
            "weight of the loss that keeps a multi-token prediction block up with the policy's "
            "tokens; the rest of the model gets no gradient from it; 0: the block stays as it is");
    v.value("index_loss_coef", index_loss_coef, between(0, 100),
            "weight of the loss that teaches the indexers what attention looks at, per token; the "
            "rest of the model gets no gradient from it; 0: they stay as they are");
    v.section("optim", optim, "Optimiser of this stage.");
    v.value(
        "test_freq", test_freq, between(0, 1e9),
        "steps between validations, which choose the step that is kept; the first weights (shown, "
        "never chosen) and the last step are validated too; 0: none, the last step is kept");
    v.value("val_prompts", val_prompts, between(1, 1 << 20),
            "prompts of a validation, the first of the domain's");
    v.value("val_n", val_n, between(1, 4096), "samples of a prompt in a validation");
    v.value(
        "select_by", select_by,
        "the validation figure that chooses the step which is kept: reward, as it is maximised, "
        "with what length_penalty does; accuracy: the score alone, without a length_penalty the "
        "same; agreement: of a judge with the labels; last: none, the last step is kept; auto: "
        "reward, with a judge last. What a judge says of answers never chooses, nor what audits "
        "it");
  }

  std::optional<Problem> problem() const {
    if (data.train_batch_size % ppo_mini_batches != 0) {
      return Problem{"ppo_mini_batches", "must divide data.train_batch_size (" +
                                             std::to_string(data.train_batch_size) + ")"};
    }
    if (steps > 0 && rollout.n < 2) {
      return Problem{"rollout.n", "grpo compares the samples of a prompt; give at least 2 samples"};
    }
    if (length_penalty.form == LengthForm::kOverlong &&
        length_penalty.buffer > data.max_response_length)
      return Problem{"length_penalty.buffer", "is larger than data.max_response_length (" +
                                                  std::to_string(data.max_response_length) + ")"};
    return std::nullopt;
  }
};

struct EvalConfig {
  int64_t prompts = 100;
  int64_t n = 4;
  double temperature = 1;
  bool greedy = true;
  int64_t max_thinking_tokens = -1;

  template <class V>
  void visit(V& v) {
    v.value("prompts", prompts, between(1, 1 << 20), "test prompts of a domain, the first of them");
    v.value("n", n, between(1, 4096), "samples of a prompt");
    v.value("temperature", temperature, between(0, 100),
            "sampling temperature, 0 or at least 0.01; 0: always the most likely token");
    v.value("greedy", greedy, "score greedy decoding as well");
    v.value("max_thinking_tokens", max_thinking_tokens, between(-1, 1 << 20),
            "as rl.rollout.max_thinking_tokens, of evaluations; -1: what that is for the domain; "
            "0: no limit");
  }

  std::optional<Problem> problem() const {
    if (temperature > 0 && temperature < 0.01)
      return Problem{"temperature", "must be 0 (greedy) or at least 0.01"};
    return std::nullopt;
  }
};

}  // namespace amalgam::configs
