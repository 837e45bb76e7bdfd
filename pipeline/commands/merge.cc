#include "pipeline/commands/merge.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "configs/error.h"
#include "distill/merging/merge.h"
#include "distill/merging/merge_inputs.h"
#include "model/tensors/durable_file.h"
#include "pipeline/run_store/machine.h"
#include "pipeline/run_store/progress.h"
#include "pipeline/stages/model_files.h"

namespace amalgam::pipeline {
namespace {

using distill::MergeSpec;

std::optional<double> parse_number(const std::string& text) {
  double value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  return error == std::errc() && end == last ? std::optional(value) : std::nullopt;
}

double number(const char* option, const std::string& text) {
  if (const std::optional<double> value = parse_number(text)) return *value;
  throw Error("merge: --" + std::string(option) + " is a number, not '" + text + "'");
}

std::optional<double> optional_number(const char* option, const std::string& text) {
  if (text.empty()) return std::nullopt;
  return number(option, text);
}

template <class T>
std::optional<T> one_of(const char* option, const std::string& text,
                        std::initializer_list<std::pair<const char*, T>> names) {
  if (text.empty()) return std::nullopt;
  std::string all;
  for (const auto& [name, value] : names) {
    if (text == name) return value;
    all += (all.empty() ? "" : ", ") + std::string(name);
  }
  throw Error("merge: --" + std::string(option) + " is one of " + all + ", not '" + text + "'");
}

// DIR or DIR:WEIGHT; a directory may have a colon in its name.
MergeSpec::Input input(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || std::filesystem::is_directory(text)) return {text, 1};
  const std::optional<double> weight = parse_number(text.substr(colon + 1));
  if (!weight)
    throw Error("merge: --model is DIR or DIR:WEIGHT, and '" + text.substr(colon + 1) + "' in '" +
                text + "' is no number");
  return {text.substr(0, colon), *weight};
}

std::vector<double> numbers(const char* option, const std::string& text) {
  std::vector<double> values;
  for (size_t begin = 0; !text.empty() && begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    values.push_back(number(option, text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return values;
}

MergeSpec spec_of(const MergeOptions& o) {
  MergeSpec spec{.method = distill::merge_method(o.method),
                 .reading = distill::merge_reading(o.reading),
                 .base = o.base,
                 .models = {},
                 .out = o.out};
  for (const std::string& model : o.models) spec.models.push_back(input(model));
  spec.density = numbers("density", o.density);
  spec.lambda = optional_number("lambda", o.lambda);
  spec.gamma = optional_number("gamma", o.gamma);
  spec.epsilon = optional_number("epsilon", o.epsilon);
  spec.t = optional_number("t", o.t);
  spec.drop_rate = optional_number("drop-rate", o.drop_rate);
  spec.normalize = one_of<bool>(
      "normalize", o.normalize,
      {{"true", true}, {"false", false}, {"on", true}, {"off", false}, {"1", true}, {"0", false}});
  spec.rescale = one_of<distill::Rescale>("rescale", o.rescale,
                                          {{"none", distill::Rescale::kNone},
                                           {"density", distill::Rescale::kDensity},
                                           {"l1", distill::Rescale::kL1}});
  spec.vote = one_of<distill::Vote>("vote", o.vote,
                                    {{"weighted_sum", distill::Vote::kWeightedSum},
                                     {"sum", distill::Vote::kSum},
                                     {"count", distill::Vote::kCount}});
  if (const auto seed = optional_number("seed", o.seed)) {
    if (!(*seed >= 0 && *seed < 0x1p53) ||
        *seed != static_cast<double>(static_cast<uint64_t>(*seed)))
      throw Error("merge: --seed is a whole number from 0 to 2^53, not '" + o.seed + "'");
    spec.seed = static_cast<uint64_t>(*seed);
  }
  return spec;
}

}  // namespace

void MergeOptions::describe(OptionSet& options) {
  options.option("method", method, "mean, ties, dare, … (below)", Need::kRequired);
  options.option("--base", base, "directory that the models began as; of mean, may be absent");
  options.option("--model", models, "DIR or DIR:WEIGHT, once for each model", Need::kRequired);
  options.option("--out", out, "directory to write", Need::kRequired);
  options.option("--reading", reading,
                 "whose definition: mergekit, peft, authors, mergelm or default");
  options.option("--density", density,
                 "share of each delta that stays; one number, or one a model: 0.2,0.5");
  options.option("--drop-rate", drop_rate, "share that is dropped, instead of --density");
  options.option("--lambda", lambda, "factor of what is added to the base");
  options.option_or_bare("--normalize", normalize, "true",
                         "divide by the sum of weights: true or false");
  options.option("--gamma", gamma, "breadcrumbs: share of the largest that is dropped");
  options.option("--epsilon", epsilon, "della: how far its probabilities go from the density");
  options.option("--t", t, "slerp: from 0, the base, to 1, the model");
  options.option("--rescale", rescale, "of what stays of a delta: none, density or l1");
  options.option("--vote", vote, "who elects the sign: weighted_sum, sum or count");
  options.option("--seed", seed, "of dare's and della's masks; 0 if absent");
  options.option("--threads", threads, "compute threads; 0 = all cores; changes no byte");
}

int run_merge(const MergeOptions& options) {
  const MergeSpec spec = spec_of(options);
  const std::string tokenizer = distill::tokenizer_directory(spec);
  const std::string base =
      model::complete_directory(spec.base.empty() ? spec.models.at(0).directory : spec.base);
  kernels::ThreadPool pool(num_threads(options.threads));
  const auto start = std::chrono::steady_clock::now();
  distill::MergeReport report;
  {
    std::unique_ptr<Progress> progress;
    const auto add_files = [&](const std::string& out) {
      copy_tokenizer_files(base, out);
      if (tokenizer != base) copy_tokenizer_files(tokenizer, out);
    };
    const auto show = [&](int64_t done, int64_t total) {
      constexpr int64_t kMega = 1'000'000;
      if (!progress)
        progress =
            std::make_unique<Progress>("merge", std::max<int64_t>(1, total / kMega), 0, "Mweight");
      progress->update(done / kMega);
    };
    report = distill::merge_models(spec, pool, {.add_files = add_files, .progress = show});
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double megabytes = static_cast<double>(report.bytes_read + report.bytes_written) / 1e6;
  for (size_t m = 0; m < report.kept.size() && distill::drops(spec.method); ++m)
    std::printf(
        "%s: %.2f %% of its delta kept\n", spec.models[m].directory.c_str(),
        100.0 * static_cast<double>(report.kept[m]) / static_cast<double>(report.num_weights));
  std::printf("%s: %lld weights in %lld tensors, %.1f MB read, %.1f MB written, %.0f MB/s\n",
              options.out.c_str(), static_cast<long long>(report.num_weights),
              static_cast<long long>(report.num_tensors),
              static_cast<double>(report.bytes_read) / 1e6,
              static_cast<double>(report.bytes_written) / 1e6, megabytes / seconds);
  return 0;
}

}  // namespace amalgam::pipeline
