// TRL's names: GRPOConfig's, with transformers' TrainingArguments that it inherits.
#include "configs/foreign_names.h"

namespace amalgam::configs {
namespace {

using enum Counterpart;

const char kTrlEngine[] = "sampling and training are one engine, on the CPUs of one machine";
const char kTrlFigures[] =
    "figures are in metrics.jsonl and tb/ of run_dir, samples in its trajectories/";
const char kTrlState[] =
    "the training state is on disk after every step; keep_last keeps models of validated ones";
const char kTrlSameBits[] =
    "a token's log-probability has the same bits where it is sampled and where it is trained";
const char kTrlFloats[] = "everything computes in f32; [numerics] has what is rounded";
const char kTrlSampling[] = "tokens are sampled from the whole softmax(z/T)";
const char kTrlOtherLoss[] = "acts with another loss_type";
const char kTrlNoHub[] = "nothing is uploaded";

std::vector<ForeignName> prompt_names() {
  return {
      {"num_generations", kSame, {"rl.rollout.n"}},
      {"num_generations_eval", kSame, {"rl.val_n"}},
      {"generation_batch_size",
       kQuotient,
       {"rl.data.train_batch_size"},
       "it counts the prompts of a step, not their completions",
       {},
       "rl.rollout.n"},
      {"per_device_train_batch_size",
       kDiffers,
       {"rl.data.train_batch_size"},
       "it counts the prompts of a step: per_device_train_batch_size x processes x "
       "steps_per_generation / num_generations"},
      {"steps_per_generation",
       kDiffers,
       {"rl.ppo_mini_batches"},
       "the updates of a step: steps_per_generation / gradient_accumulation_steps"},
      {"gradient_accumulation_steps",
       kDiffers,
       {"rl.ppo_mini_batches"},
       "the updates of a step: steps_per_generation / gradient_accumulation_steps; passes are "
       "packed up to micro_batch_tokens"},
      {"max_prompt_length",
       kDiffers,
       {"rl.data.max_prompt_length"},
       "longer prompts are left out and counted; TRL cuts them on the left"},
      {"max_completion_length",
       kSame,
       {"rl.data.max_response_length"},
       "tool results do not count"},
      {"shuffle_dataset", kSome, {}, "prompts are always shuffled, by the seed", {{"True", ""}}},
      {"data_seed", kDiffers, {"seed"}, "one seed decides all that is random"},
      {"remove_unused_columns", kSome, {}, "a reward function gets every column", {{"False", ""}}},
      {"dataset_name", kDiffers, {"domain.NAME.train_file"}, "its files: docs/DATA.md"},
      {"reward_funcs",
       kDiffers,
       {"domain.NAME.reward_file"},
       "the Python file with the functions that domain.NAME.reward_function names, one or a list"},
      {"reward_weights", kSame, {"domain.NAME.reward_weights"}},
      {"multi_objective_aggregation",
       kSome,
       {"domain.NAME.reward_weights"},
       "a score is the weighted sum, which is then normalised",
       {{"sum_then_normalize", ""}}},
      {"model_name_or_path",
       kSame,
       {"model.path"},
       "the directory of a DeepSeek-V4 model; nothing is downloaded"},
      {"model_init_kwargs", kDiffers, {"model.path"}, "the model is what its config.json says"},
      {"chat_template_kwargs",
       kDiffers,
       {"domain.NAME.mode"},
       "messages are encoded as DeepSeek-V4 does, in thinking or chat mode"},
  };
}

std::vector<ForeignName> sampling_names() {
  return {
      {"temperature", kSame, {"rl.rollout.temperature"}},
      {"top_p", kSome, {}, kTrlSampling, {{"1", ""}}},
      {"top_k", kSome, {}, kTrlSampling, {{"0", ""}, {"-1", ""}}},
      {"min_p", kSome, {}, kTrlSampling, {{"0", ""}}},
      {"repetition_penalty", kSome, {}, kTrlSampling, {{"1", ""}}},
      {"generation_kwargs", kDiffers, {"rl.rollout.temperature"}, kTrlSampling},
      {"max_tool_calling_iterations",
       kDiffers,
       {"rl.rollout.max_turns"},
       "it counts the assistant's turns, one more"},
      {"vllm_structured_outputs_regex", kDiffers, {}, kTrlSampling},
      {"vllm_importance_sampling_*", kNone, {}, kTrlSameBits},
      {"vllm_*", kNone, {}, kTrlEngine},
      {"use_vllm", kNone, {}, kTrlEngine},
      {"use_transformers_paged", kNone, {}, kTrlEngine},
      {"cache_implementation", kNone, {}, kTrlEngine},
      {"ds3_gather_for_generation", kNone, {}, kTrlEngine},
  };
}

std::vector<ForeignName> loss_names() {
  return {
      {"epsilon", kSame, {"rl.algorithm.clip_ratio_low", "rl.algorithm.clip_ratio_high"}},
      {"epsilon_high", kSame, {"rl.algorithm.clip_ratio_high"}},
      {"beta",
       kSame,
       {"rl.algorithm.kl_loss_coef"},
       "the estimate is k3 weighted by the ratio, TRL's with use_bias_correction_kl=True"},
      {"use_bias_correction_kl",
       kSome,
       {"rl.algorithm.kl_loss_coef"},
       "the KL's estimate is always weighted by the ratio",
       {{"True", ""}}},
      {"loss_type",
       kSome,
       {"rl.algorithm.loss_agg_mode"},
       "",
       {{"grpo", "seq-mean-token-mean"},
        {"dapo", "token-mean"},
        {"dr_grpo", "seq-mean-token-sum-norm"}}},
      {"scale_rewards",
       kSome,
       {"rl.algorithm.norm_adv_by_std"},
       "by the standard deviation of the prompt's rewards + 1e-6; TRL adds 1e-4",
       {{"True", "true"}, {"group", "true"}, {"False", "false"}, {"none", "false"}}},
      {"off_policy_mask_threshold", kSame, {"rl.algorithm.off_policy_delta"}, "0 masks nothing"},
      {"num_iterations",
       kSome,
       {},
       "a sample is trained on once; rl.ppo_mini_batches are the updates of a step",
       {{"1", ""}}},
      {"delta", kDiffers, {}, "ratios are clipped by clip_ratio_low and clip_ratio_high alone"},
      {"importance_sampling_level", kSome, {}, "each token has its own ratio", {{"token", ""}}},
      {"mask_truncated_completions",
       kSome,
       {},
       "truncated answers are trained on; the reward function is told of them",
       {{"False", ""}}},
      {"top_entropy_quantile", kSome, {}, "all tokens are trained on", {{"1", ""}}},
      {"entropy_coef", kSome, {}, "there is no entropy bonus", {{"0", ""}}},
      {"sync_ref_model", kSome, {}, "the reference is the stage's first weights", {{"False", ""}}},
      {"ref_model_*", kNone, {}, "acts with sync_ref_model only"},
      {"sapo_*", kNone, {}, kTrlOtherLoss},
      {"vespo_*", kNone, {}, kTrlOtherLoss},
      {"disable_dropout", kNone, {}, "there is no dropout"},
  };
}

std::vector<ForeignName> optimizer_names() {
  return {
      {"learning_rate", kSame, {"rl.optim.lr"}},
      {"weight_decay", kSame, {"rl.optim.weight_decay"}},
      {"adam_beta1", kSame, {"rl.optim.beta1"}},
      {"adam_beta2", kSame, {"rl.optim.beta2"}},
      {"adam_epsilon", kSame, {"rl.optim.eps"}},
      {"max_grad_norm",
       kSame,
       {"rl.optim.grad_clip"},
       "an MTP block and the indexers are clipped apart"},
      {"optim",
       kSome,
       {"rl.optim.kind"},
       "",
       {{"adamw_torch", "adamw"}, {"adamw_torch_fused", "adamw"}}},
      {"lr_scheduler_type",
       kSome,
       {"rl.optim.decay_fraction"},
       "the nearest to linear is rl.optim.decay_fraction=1 with rl.optim.final_lr_factor=0; there "
       "is no cosine",
       {{"constant", "0"}, {"constant_with_warmup", "0"}}},
      {"lr_scheduler_kwargs", kDiffers, {"rl.optim.final_lr_factor"}, "after a linear decay"},
      {"warmup_steps",
       kSame,
       {"rl.optim.warmup_steps"},
       "the first update has lr / warmup_steps, TRL's has 0"},
      {"warmup_ratio",
       kSome,
       {"rl.optim.warmup_steps"},
       "it counts updates, of which there are rl.steps x rl.ppo_mini_batches",
       {{"0", ""}}},
      {"max_steps",
       kQuotient,
       {"rl.steps"},
       "it counts sampling steps, not updates",
       {{"-1", ""}},
       "rl.ppo_mini_batches"},
      {"num_train_epochs",
       kDiffers,
       {"rl.steps"},
       "it counts steps: epochs x rows / rl.data.train_batch_size"},
      {"gradient_checkpointing",
       kSome,
       {"recompute"},
       "it changes no result",
       {{"True", "layer"}, {"False", "none"}}},
      {"gradient_checkpointing_kwargs", kNone, {}, "see recompute"},
      {"cast_lm_head_to_fp32", kNone, {}, kTrlFloats},
      {"bf16", kNone, {}, kTrlFloats},
      {"fp16", kNone, {}, kTrlFloats},
      {"tf32", kNone, {}, kTrlFloats},
      {"use_peft", kSome, {}, "all weights are trained", {{"False", ""}}},
      {"lora_*", kNone, {}, "acts with use_peft only"},
  };
}

std::vector<ForeignName> run_names() {
  return {
      {"output_dir", kSame, {"run_dir"}},
      {"eval_strategy",
       kSome,
       {"rl.test_freq"},
       "it counts steps between validations",
       {{"no", "0"}, {"steps", ""}}},
      {"eval_steps",
       kQuotient,
       {"rl.test_freq"},
       "it counts sampling steps, not updates; validations also choose the step that is kept",
       {},
       "rl.ppo_mini_batches",
       "eval_strategy=steps"},
      {"eval_on_start", kNone, {}, "the first weights are validated, never chosen"},
      {"per_device_eval_batch_size",
       kNone,
       {},
       "it changes no score; rl.val_prompts are validated"},
      {"load_best_model_at_end",
       kSome,
       {"rl.test_freq"},
       "the best validated step is kept; 0: the last step",
       {{"True", ""}}},
      {"metric_for_best_model", kDiffers, {}, "the mean reward of a validation decides"},
      {"full_determinism", kNone, {}, "the same seed and config always give the same bytes"},
      {"resume_from_checkpoint",
       kNone,
       {},
       "`amalgam run --resume` goes on with the run in run_dir"},
      {"overwrite_output_dir", kNone, {}, "`--restart STAGE` begins a stage anew"},
      {"save_*", kNone, {}, kTrlState},
      {"log_level", kDiffers, {"log.level"}, "debug, info, warning, error or critical"},
      {"log_*", kNone, {}, kTrlFigures},
      {"logging_*", kNone, {}, kTrlFigures},
      {"num_completions_to_print", kNone, {}, kTrlFigures},
      {"report_to", kNone, {}, kTrlFigures},
      {"run_name", kNone, {}, kTrlFigures},
      {"disable_tqdm", kNone, {}, kTrlFigures},
      {"push_to_hub", kNone, {}, kTrlNoHub},
      {"hub_*", kNone, {}, kTrlNoHub},
      {"dataloader_*", kNone, {}, "rows are read at the start"},
      {"deepspeed", kNone, {}, kTrlEngine},
      {"fsdp*", kNone, {}, kTrlEngine},
      {"ddp_*", kNone, {}, kTrlEngine},
      {"accelerator_config", kNone, {}, kTrlEngine},
      {"parallelism_config", kNone, {}, kTrlEngine},
      {"torch_compile*", kNone, {}, kTrlEngine},
      {"use_liger_*", kNone, {}, kTrlEngine},
      {"use_cpu", kNone, {}, kTrlEngine},
  };
}

}  // namespace

std::vector<ForeignName> trl_names() {
  std::vector<ForeignName> names;
  for (const auto& part :
       {prompt_names(), sampling_names(), loss_names(), optimizer_names(), run_names()})
    names.insert(names.end(), part.begin(), part.end());
  return names;
}

}  // namespace amalgam::configs
