#include "pipeline/commands/generate.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "configs/error.h"
#include "configs/format.h"
#include "configs/log/log.h"
#include "model/checkpoint/packed_model.h"
#include "model/encoding/encoding.h"
#include "model/network/network.h"
#include "model/tokenizer/special_tokens.h"
#include "pipeline/command_line/numerics_options.h"
#include "pipeline/commands/requested_effort.h"
#include "pipeline/commands/resumed_rows.h"
#include "pipeline/commands/token_rows.h"
#include "pipeline/data/jsonl.h"
#include "pipeline/data/unused_keys.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/run_store/machine.h"
#include "pipeline/run_store/progress.h"
#include "rollout/engine/engine.h"
#include "rollout/engine/streams.h"
#include "rollout/episodes/thinking_limit.h"

namespace amalgam::pipeline {
namespace {

constexpr int64_t kDefaultMaxTokens = 256;

struct Job {
  nlohmann::ordered_json id;
  std::vector<int32_t> prompt;
  uint64_t seed = 0;
  int64_t max_tokens = kDefaultMaxTokens;
  bool ignore_eos = false;
  int64_t max_thinking_tokens = 0;
  rollout::ThinkingLimit thinking = {};  // of a prompt that opens it
  std::vector<rollout::SampledToken> tokens;
  std::optional<size_t> forced;  // place in tokens of a </think> that was not sampled
  bool stopped = false;
};

template <class T>
T value_or(const nlohmann::ordered_json& row, const char* key, T fallback,
           const std::string& where) {
  const auto it = row.find(key);
  if (it == row.end() || it->is_null()) return fallback;
  try {
    return it->get<T>();
  } catch (const nlohmann::json::exception&) {
    throw Error(where + ": \"" + key + "\" has the wrong type");
  }
}

// A number or a word, as text.
std::string text_of(const nlohmann::ordered_json& row, const char* key, const std::string& where) {
  const auto it = row.find(key);
  return it != row.end() && it->is_number() ? it->dump()
                                            : value_or<std::string>(row, key, "", where);
}

// The prompt of a row with messages, as `amalgam encode` writes it. *known: the keys that it used.
std::vector<int32_t> messages_prompt(const nlohmann::ordered_json& row, const std::string& where,
                                     const model::Tokenizer& tokenizer,
                                     std::vector<std::string>* known, UnusedKeys* unused) {
  model::EncodeOptions options;
  options.old_reasoning = value_or<bool>(row, "drop_thinking", true, where)
                              ? model::OldReasoning::kDrop
                              : model::OldReasoning::kKeep;
  std::vector<model::UnusedMessageKey> keys;
  auto messages = model::messages_from_json(row["messages"].dump(), where, &keys);
  unused->add_messages(keys);
  try {
    const auto used = apply({.thinking_mode = text_of(row, "thinking_mode", where),
                             .reasoning_effort = text_of(row, "reasoning_effort", where),
                             .effort_form = text_of(row, "effort_form", where)},
                            &options, &messages);
    known->insert(known->end(), used.begin(), used.end());
  } catch (const Error& e) {
    throw Error(where + ": " + e.what());
  }
  known->push_back("messages");
  if (options.mode == model::ThinkingMode::kThinking) known->push_back("drop_thinking");
  return model::prompt_ids(tokenizer, model::encode_messages(messages, options));
}

Job read_job(const std::string& line, const std::string& where, size_t number,
             const model::ModelConfig& config, const std::optional<model::Tokenizer>& tokenizer,
             const std::string& model_dir, int64_t max_thinking_tokens, UnusedKeys* unused) {
  const nlohmann::ordered_json row = parse_object(line, where);
  std::vector<std::string> known = {"id", "seed", "max_tokens", "max_thinking_tokens",
                                    "ignore_eos"};
  Job job;
  if (row.contains("ids")) {
    known.push_back("ids");
    job.prompt = token_ids(row, where, config);
  } else {
    if (!tokenizer)
      throw Error(where + ": " + model_dir + " has no tokenizer.json; give the row as \"ids\"");
    if (row.contains("prompt")) {
      known.push_back("prompt");
      job.prompt = tokenizer->encode(value_or<std::string>(row, "prompt", "", where),
                                     model::SpecialText::kAsTokens);
    } else if (row.contains("messages")) {
      job.prompt = messages_prompt(row, where, *tokenizer, &known, unused);
    } else {
      throw Error(where + ": needs \"ids\", \"prompt\" or \"messages\"");
    }
    check_token_ids(job.prompt, where, config);
  }
  job.id = row.contains("id") ? row["id"] : nlohmann::ordered_json(number);
  job.seed = value_or<uint64_t>(row, "seed", number, where);
  job.max_tokens = value_or<int64_t>(row, "max_tokens", kDefaultMaxTokens, where);
  job.ignore_eos = value_or<bool>(row, "ignore_eos", false, where);
  if (job.max_tokens < 1) throw Error(where + ": max_tokens must be at least 1");
  job.max_tokens = std::min<int64_t>(
      job.max_tokens, config.max_position_embeddings - static_cast<int64_t>(job.prompt.size()));
  if (job.max_tokens < 1) throw Error(where + ": the prompt fills the model's context");
  job.max_thinking_tokens =
      value_or<int64_t>(row, "max_thinking_tokens", max_thinking_tokens, where);
  if (job.max_thinking_tokens < 0)
    throw Error(where + ": max_thinking_tokens must be at least 1, or 0 for no limit");
  if (job.max_thinking_tokens > 0) {
    if (!tokenizer)
      throw Error(where + ": max_thinking_tokens needs a tokenizer.json, which " + model_dir +
                  " has not");
    if (job.prompt.back() == tokenizer->added_token(model::kThinkStart)) {
      job.thinking = {job.max_thinking_tokens, tokenizer->require_added_token(model::kThinkEnd)};
      job.thinking.begin_turn();
    }
  }
  unused->add_row(key_names(row), known);
  return job;
}

nlohmann::ordered_json to_row(const Job& job, double temperature,
                              const std::optional<model::Tokenizer>& tokenizer) {
  nlohmann::ordered_json row;
  row["id"] = job.id;
  std::vector<int32_t> ids;
  for (const auto& t : job.tokens) ids.push_back(t.id);
  row["ids"] = ids;
  const auto add_logprobs = [&](const char* key, float rollout::SampledToken::*logprob) {
    row[key] = nlohmann::json::array();
    for (const auto& t : job.tokens) row[key].push_back(t.*logprob);
    if (job.forced) row[key][*job.forced] = nullptr;
  };
  add_logprobs("logprobs", &rollout::SampledToken::untempered_logprob);
  if (temperature != 0 && temperature != 1)
    add_logprobs("sampling_logprobs", &rollout::SampledToken::logprob);
  row["text"] = tokenizer ? nlohmann::json(tokenizer->decode(ids, model::SpecialIds::kSkip))
                          : nlohmann::json(nullptr);
  row["finish_reason"] = job.stopped ? "stop" : "length";
  if (job.max_thinking_tokens > 0) row["forced_thinking_end"] = job.forced.has_value();
  return row;
}

}  // namespace

void GenerateOptions::describe(OptionSet& options) {
  options.option("--model", model, "Hugging Face directory", Need::kRequired);
  options.option("--in", in, "JSONL rows, keys below; - is standard input", Need::kRequired);
  options.option("--out", out, "JSONL to write, one row each, in order; - is standard output",
                 Need::kRequired);
  options.option("--temperature", temperature, "0 = the most likely token");
  options.option("--max-thinking-tokens", max_thinking_tokens,
                 "tokens of reasoning where a prompt opens with <think>; then </think> is put "
                 "there; 0 = no limit; a row's max_thinking_tokens goes before it");
  options.option("--max-batch", max_batch, "sequences at a time; changes no result");
  options.option("--prefill-chunk", prefill_chunk, "prompt tokens per pass; changes no result");
  options.flag("--draft", draft,
               "speculative decoding with the model's multi-token prediction block; changes no "
               "result");
  options.option("--threads", threads, "compute threads; 0 = all cores; changes no result");
  options.flag("--resume", resume,
               "go on behind the rows that --out has whole; model, rows and options have to be the "
               "same");
  describe_numerics(options, numerics);
}

int run_generate(const GenerateOptions& options) {
  if (options.temperature != 0 && !(options.temperature >= 0.01 && options.temperature <= 100))
    throw Error("--temperature must be 0, or between 0.01 and 100");
  if (options.max_batch < 1 || options.prefill_chunk < 1)
    throw Error("--max-batch and --prefill-chunk must be at least 1");
  if (options.max_thinking_tokens < 0)
    throw Error("--max-thinking-tokens must be at least 1, or 0 for no limit");
  const model::PackedModel loaded = model::load_packed_model(options.model, options.numerics);
  const model::ModelConfig& config = loaded.config();
  if (options.draft && loaded.weights().mtp.empty())
    throw Error(options.model + " has no multi-token prediction block; leave --draft out");
  std::optional<model::Tokenizer> tokenizer;
  if (std::filesystem::exists(options.model + "/tokenizer.json"))
    tokenizer = model::Tokenizer::load(options.model);
  std::vector<Job> jobs;
  UnusedKeys unused(options.in);
  for_each_line(options.in, [&](const std::string& line, const std::string& where) {
    jobs.push_back(read_job(line, where, jobs.size(), config, tokenizer, options.model,
                            options.max_thinking_tokens, &unused));
  });
  unused.say();
  kernels::ThreadPool pool(num_threads(options.threads));
  auto made_from = rows_made_from("generate", pool, options.model, options.in, options.numerics);
  made_from.emplace_back("temperature", configs::format_number(options.temperature));
  if (options.max_thinking_tokens > 0)
    made_from.emplace_back("max_thinking_tokens", std::to_string(options.max_thinking_tokens));
  ResumedRows out(options.out, options.in, made_from, jobs.size(), options.resume);
  jobs.erase(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(out.num_there()));

  int64_t longest = 1, total = 0;
  for (const Job& j : jobs) {
    longest = std::max(longest, static_cast<int64_t>(j.prompt.size()) + j.max_tokens);
    total += j.max_tokens;
  }
  model::Network net(config, pool, options.numerics);
  rollout::Engine engine(net, loaded.weights(), longest,
                         {.max_batch = options.max_batch,
                          .prefill_chunk = options.prefill_chunk,
                          .draft = options.draft});
  Progress progress("generate", total);
  std::map<rollout::Engine::Id, Job*> open;
  std::vector<rollout::Engine::Sampled> sampled;
  size_t next = 0, written = 0;
  int64_t done = 0;
  std::vector<bool> finished(jobs.size());
  while (written < jobs.size()) {
    if (interrupted()) return kInterruptedExit;
    for (; next < jobs.size() && engine.has_room(1); ++next) {
      const rollout::SamplingParams params{options.temperature,
                                           {jobs[next].seed, rollout::kStreamGenerate, 0}};
      open[engine.open(jobs[next].prompt, {&params, 1})[0]] = &jobs[next];
    }
    sampled.clear();
    engine.step(&sampled);
    for (const auto& s : sampled) {
      Job& job = *open[s.id];
      job.tokens.push_back(s.token);
      ++done;
      job.stopped = !job.ignore_eos && config.eos_token_id == s.token.id;
      const int64_t room = job.max_tokens - static_cast<int64_t>(job.tokens.size());
      if (!job.stopped && room > 0) {
        // As in an episode: the last token that there is room for is the model's.
        if (job.thinking.is_due_after(s.token.id) && room > 1) {
          const int32_t think_end = job.thinking.think_end();
          job.forced = job.tokens.size();
          job.tokens.push_back({.id = think_end});
          ++done;
          engine.append(s.id, {&think_end, 1});
        } else {
          engine.resume(s.id);
        }
        continue;
      }
      done += job.max_tokens - static_cast<int64_t>(job.tokens.size());
      engine.close(s.id);
      open.erase(s.id);
      finished[static_cast<size_t>(&job - jobs.data())] = true;
    }
    for (; written < jobs.size() && finished[written]; ++written)
      out.write(to_row(jobs[written], options.temperature, tokenizer).dump());
    progress.update(done);
  }
  out.finish();
  if (const rollout::DraftCounters& d = engine.drafts(); d.proposed > 0)
    log::say(log::Part::kRollout,
             fmt::format("{} of {} drafts were right ({:.1f} %)", d.accepted, d.proposed,
                         100 * static_cast<double>(d.accepted) / static_cast<double>(d.proposed)));
  print_index_recall(net.indexer_counters());
  return 0;
}

}  // namespace amalgam::pipeline
