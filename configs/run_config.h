// RunConfig: everything `amalgam run` is told, the whole of a config file. `amalgam sft | rl |
// distill | eval` take their part of it. docs/CONFIG.md, made from the visitors, documents every
// key.
#pragma once
#include "configs/compare_config.h"
#include "configs/distill_config.h"
#include "configs/domain_config.h"
#include "configs/log_config.h"
#include "configs/model_spec.h"
#include "configs/numerics_config.h"
#include "configs/recompute.h"
#include "configs/reward_config.h"
#include "configs/stage_configs.h"
#include "configs/teacher_config.h"
#include "configs/tool_config.h"

namespace amalgam::configs {

enum class Isa { kAuto, kAvx2, kAvx512 };
inline std::vector<std::string> names_of(Isa) { return {"auto", "avx2", "avx512"}; }

// What runs model-written code: a fresh container, one whose interpreter was started ahead, or a
// virtual machine.
enum class Substrate { kContainer, kFunction, kMicrovm, kVm };
inline std::vector<std::string> names_of(Substrate) {
  return {"container", "function", "microvm", "vm"};
}

// Limits of one command of model-written code. Wall-clock time is only a backstop for code that
// sleeps, so that a busy machine cannot change a reward.
struct SandboxConfig {
  Substrate substrate = Substrate::kContainer;
  double cpu_seconds = 2;
  double wall_seconds = 40;
  int64_t memory_mb = 256;
  int64_t disk_mb = 16;
  int64_t journal_mb = 64;
  int64_t max_processes = 16;
  int64_t output_kb = 64;
  std::string image;
  Path store;
  std::string gateway;
  Path key;

  template <class V>
  void visit(V& v) {
    v.value(
        "substrate", substrate,
        "what tests of code run in: a fresh container, or a function: a container whose Python "
        "was started ahead, at a fraction of the time; or a virtual machine, small or like a PC, "
        "at many times the time (emulated, give cpu_seconds 10 to 30 times as much); changes no "
        "result of tests that stay within the limits");
    v.value("cpu_seconds", cpu_seconds, between(0.1, 1e5), "CPU time of one command");
    v.value(
        "wall_seconds", wall_seconds, between(1, 1e7),
        "wall-clock backstop of one command; at least 20 times cpu_seconds. A test of code that "
        "hits it has failed; an episode with such a tool call has no reward and is left out "
        "(`wall_clock`), as is one whose turn takes as long as rollout.max_calls_per_turn such "
        "calls, or whose turns take that long rollout.max_turns times");
    v.value("memory_mb", memory_mb, between(16, 1 << 20), "memory, MiB");
    v.value("disk_mb", disk_mb, between(1, 1 << 20), "writable directory, MiB");
    v.value("journal_mb", journal_mb, between(1, 1 << 20),
            "what the tool calls of one episode write and print, MiB, kept beside its token log "
            "until it ends; at least disk_mb. A call with more is undone and told so");
    v.value("max_processes", max_processes, between(1, 4096), "processes and threads at a time");
    v.value("output_kb", output_kb, between(1, 1 << 20), "stdout and stderr, KiB each");
    v.value(
        "image", image,
        "image that tools and tests of code run in, by its name or id (`amalgam sandbox build`, "
        "`amalgam sandbox images`); a domain's `image` and a row's extra_info.image go first; "
        "empty: this machine's /usr");
    v.value("store", store,
            "folder of the images, as the --store of `amalgam sandbox`; empty: the user's own; "
            "changes no result");
    v.value("gateway", gateway,
            "tcp://HOST:PORT of an `amalgam sandbox gateway`: sandboxes are made on its agents' "
            "hosts; empty: in this process; changes no result");
    v.value("key", key, "the key file for that gateway, of `amalgam sandbox keygen`");
  }

  std::optional<Problem> problem() const {
    if (wall_seconds < 20 * cpu_seconds) {
      return Problem{"wall_seconds",
                     "must be at least 20 times cpu_seconds, or a busy machine changes rewards"};
    }
    if (journal_mb < disk_mb)
      return Problem{"journal_mb", "must be at least disk_mb (" + std::to_string(disk_mb) + ")"};
    if (gateway.empty() != key.empty())
      return Problem{gateway.empty() ? "key" : "gateway", "gateway and key go together"};
    if (!gateway.empty() && (disk_mb > 64 || output_kb > 32 << 10))
      return Problem{disk_mb > 64 ? "disk_mb" : "output_kb",
                     "with a gateway at most 64 MiB of disk and 32 MiB of output"};
    return std::nullopt;
  }
};

enum class KeepTrajectories { kAll, kScored };
inline std::vector<std::string> names_of(KeepTrajectories) { return {"all", "scored"}; }

struct RunConfig {
  int64_t seed = 0;
  std::string run_dir;
  int64_t threads = 0;
  int64_t workers = 0;
  double worker_silence_s = 120;
  Isa isa = Isa::kAuto;
  bool skip_bad_rows = false;
  int64_t keep_last = 0;
  KeepTrajectories keep_trajectories = KeepTrajectories::kAll;
  EffortForm effort_form = EffortForm::kEncoding;
  std::string on_finish, on_stop;
  Recompute recompute = Recompute::kNone;
  int64_t micro_batch_tokens = 2048;
  DataConfig data;
  ModelSpec model;
  TokenizerConfig tokenizer;
  BaseConfig base;
  SftConfig sft;  // a specialist's cold start
  RlConfig rl;
  RewardConfig reward;
  JudgeConfig judge;
  std::vector<DomainConfig> domains;    // non-empty, distinct names; resolved: one for each effort
  std::vector<ToolConfig> tools;        // distinct names
  std::vector<TeacherConfig> teachers;  // distinct names, no domain's
  DistillConfig distill;
  std::vector<CompareConfig> compare;  // distinct names
  EvalConfig eval;
  NumericsConfig numerics;
  SandboxConfig sandbox;
  LogConfig log;

  template <class V>
  void visit(V& v) {
    v.value("seed", seed, between(0, 9007199254740991.0), "same seed and config, same bytes");
    v.value(
        "run_dir", run_dir,
        "directory of this run, from the working directory; empty: runs/ and the config's name; "
        "changes no result");
    v.value("threads", threads, between(0, 4096), "CPU threads; 0: all cores; changes no result");
    v.value("workers", workers, between(0, 4096),
            "rollout worker processes; 0: in this process; changes no result");
    v.value("worker_silence_s", worker_silence_s, between(1, 1e6),
            "seconds after which a worker process that says nothing, not even that it is busy, is "
            "killed and started again; changes no result");
    v.value("isa", isa, "instruction set of the kernels; changes no result");
    v.value("skip_bad_rows", skip_bad_rows,
            "rows that cannot be used are left out and counted, instead of ending the command "
            "before it begins; changes no result where all rows can be used");
    v.value("keep_last", keep_last, between(0, 1e6),
            "validated models of each RL and distillation stage that are kept, the latest ones, as "
            "checkpoints/STAGE/step-N; 0: only the best, as the stage's result");
    v.value("keep_trajectories", keep_trajectories,
            "samples that are kept: all, in trajectories/; scored: those of validations and "
            "evaluations, a finished stage's training samples go; their figures stay either way");
    v.value("effort_form", effort_form,
            "how prompts say their effort: encoding or line; `effort_form` of a domain goes first");
    v.value(
        "on_finish", on_finish,
        "a command for /bin/sh when something was computed and all is done, with AMALGAM_RUN_DIR, "
        "AMALGAM_STATE and AMALGAM_MESSAGE in its environment and a minute of time; changes no "
        "result");
    v.value("on_stop", on_stop,
            "the same when it was stopped or failed (AMALGAM_STATE is stopped or failed, "
            "AMALGAM_MESSAGE says why); not after kill -9; changes no result");
    v.value(
        "recompute", recompute,
        "activations that training computes again instead of keeping: none; tensors: those that "
        "are cheap; layer: all but the streams between layers. Saves memory, costs time, changes "
        "no result");
    v.value("micro_batch_tokens", micro_batch_tokens, between(1, 1 << 24),
            "tokens of one packed forward and backward pass of training: what its activations take "
            "grows with it; a longer sequence is a pass of its own");
    v.section("data", data, "Row counts of generated domains; [domain.data] changes one domain's.");
    v.section("model", model, "What the run starts from.");
    v.section("tokenizer", tokenizer, "Tokenizer of a new model; model.path brings its own.");
    v.section("base", base, "Training of the base model, in two phases.");
    v.section("sft", sft, "Cold start of each specialist; [domain.sft] changes one domain's.");
    v.section("rl", rl, "GRPO of each specialist; [domain.rl] changes one domain's.");
    v.section(
        "reward", reward,
        "How answers are scored, and how reward functions are called; [domain.reward] changes "
        "one domain's.");
    v.section("judge", judge,
              "Rubric rewards: answers that no rule can check are judged, by default by the policy "
              "itself; [domain.judge] changes one domain's.");
    v.tables("domain", domains,
             DomainConfig{.effort_form = effort_form,
                          .data = data,
                          .sft = sft,
                          .rl = rl,
                          .reward = reward,
                          .judge = judge},
             "One per domain. Own data and a reward: see configs/own_domain.");
    v.tables("tool", tools, ToolConfig{},
             "One per tool of your own, for `tools` of a domain. It runs in the episode's sandbox, "
             "as all that has to do with the model's text: without a network, with the limits of "
             "[sandbox], on the files that the episode's other tools see.");
    v.tables("teacher", teachers, TeacherConfig{},
             "One per teacher beside the specialists, for `distill.teachers` (docs/TEACHERS.md).");
    v.section("distill", distill, "On-policy distillation of the specialists into one model.");
    v.tables("compare", compare, CompareConfig{},
             "One per other way to merge the specialists, for comparison with the student.");
    v.section("eval", eval, "Final scores, on the test prompts.");
    v.section(
        "numerics", numerics,
        "Quantised compute of every model of the run: the policy in all stages, the teachers, "
        "the reference model.");
    v.section("sandbox", sandbox, "Limits of model-written code.");
    v.section("log", log, "What the run directory's log.txt tells.");
  }

  // Makes of each domain with efforts one domain for each of them, also where mixtures and teachers
  // name it. A config that is resolved stays as it is.
  void resolve();
  std::optional<Problem> problem() const;

  // Of the student and, at most, of every method of `compare`.
  int64_t num_candidates() const;
  const DomainConfig* find_domain(const std::string& name) const;  // null: no such domain
  std::vector<std::string> tool_names() const;  // that a domain may use: built in, then `tools`
  // The teacher that prompts of the domain mean by this name: a [[teacher]], or the specialist of a
  // domain; the name of a domain with efforts means that of the prompts' effort. Empty: none.
  std::string find_teacher(const std::string& name, const DomainConfig& domain) const;
};

}  // namespace amalgam::configs
