#include "pipeline/commands/score.h"

#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "kernels/head/head_policy.h"
#include "model/checkpoint/packed_model.h"
#include "model/network/network.h"
#include "pipeline/command_line/numerics_options.h"
#include "pipeline/commands/resumed_rows.h"
#include "pipeline/commands/token_rows.h"
#include "pipeline/data/jsonl.h"
#include "pipeline/data/unused_keys.h"
#include "pipeline/run_store/machine.h"
#include "pipeline/run_store/progress.h"

namespace amalgam::pipeline {
namespace {

constexpr int64_t kBatchTokens = 2048;  // a longer sequence is a batch of its own

}  // namespace

void ScoreOptions::describe(OptionSet& options) {
  options.option("--model", model, "Hugging Face directory", Need::kRequired);
  options.option("--in,--tokens", in, "JSONL rows {\"ids\": […]}; - is standard input",
                 Need::kRequired);
  options.option("--out", out, "JSONL to write, one row each, in order; - is standard output",
                 Need::kRequired);
  options.option("--threads", threads, "compute threads; 0 = all cores");
  options.flag("--resume", resume,
               "go on behind the rows that --out has whole; model, rows and options have to be the "
               "same");
  describe_numerics(options, numerics);
}

int run_score(const ScoreOptions& options) {
  const model::PackedModel loaded = model::load_packed_model(options.model, options.numerics);
  const model::ModelConfig& config = loaded.config();
  std::vector<std::vector<int32_t>> rows;
  UnusedKeys unused(options.in);
  for_each_line(options.in, [&](const std::string& line, const std::string& where) {
    const auto row = parse_object(line, where);
    unused.add_row(key_names(row), {"ids"});
    rows.push_back(token_ids(row, where, config));
  });
  unused.say();
  kernels::ThreadPool pool(num_threads(options.threads));
  ResumedRows out(options.out, options.in,
                  rows_made_from("score", pool, options.model, options.in, options.numerics),
                  rows.size(), options.resume);
  rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(out.num_there()));
  model::Network net(config, pool, options.numerics);
  std::vector<int32_t> ids, targets;
  std::vector<model::SequenceSlice> slices;
  std::vector<float> logprob, lse;
  Progress progress("score", static_cast<int64_t>(rows.size()));
  for (size_t begin = 0; begin < rows.size();) {
    ids.clear(), targets.clear(), slices.clear();
    size_t end = begin;
    for (; end < rows.size(); ++end) {
      const auto n = static_cast<int64_t>(rows[end].size());
      if (end > begin && static_cast<int64_t>(ids.size()) + n > kBatchTokens) break;
      slices.push_back({static_cast<int64_t>(ids.size()), n, nullptr});
      ids.insert(ids.end(), rows[end].begin(), rows[end].end());
      targets.insert(targets.end(), rows[end].begin() + 1, rows[end].end());
      targets.push_back(-1);
    }
    logprob.resize(ids.size()), lse.resize(ids.size());
    net.arena().reset();
    const model::Var hidden = net.run(loaded.weights(), {ids, slices}, nullptr);
    kernels::head_logprobs(
        pool, net.scratch(),
        {.head = {loaded.weights().head.data, config.vocab_size, config.hidden_size},
         .hidden = hidden.v.data,
         .targets = targets.data(),
         .tokens = static_cast<int64_t>(ids.size())},
        {.logprob = logprob.data(), .lse = lse.data()});
    for (const model::SequenceSlice& s : slices) {
      std::string row = "{\"logprobs\": [null";
      for (int64_t t = 0; t + 1 < s.num_rows; ++t)
        row += ", " + float_text(logprob[static_cast<size_t>(s.row + t)]);
      out.write(row + "]}");
    }
    begin = end;
    progress.update(static_cast<int64_t>(begin));
  }
  out.finish();
  print_index_recall(net.indexer_counters());
  return 0;
}

}  // namespace amalgam::pipeline
