#include "pipeline/commands/convert.h"

#include <cstdio>
#include <filesystem>
#include <memory>

#include "configs/error.h"
#include "model/checkpoint/convert.h"
#include "pipeline/run_store/machine.h"
#include "pipeline/run_store/progress.h"
#include "pipeline/stages/model_files.h"

namespace amalgam::pipeline {
namespace {

model::Precision precision(const std::string& name) {
  if (name == "f32") return model::Precision::kF32;
  if (name == "bf16") return model::Precision::kBF16;
  if (name == "fp8") return model::Precision::kFp8;
  if (name == "fp4") return model::Precision::kFp4;
  throw Error("convert: --to is f32, bf16, fp8 or fp4, not '" + name + "'");
}

// What would be replaced is a model, or nothing.
void check_replaceable(const std::string& out) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!fs::exists(out, ignored) || fs::exists(out + "/config.json", ignored)) return;
  if (!fs::is_directory(out, ignored) || !fs::is_empty(out, ignored))
    throw Error(out + ": exists and is no model directory; give another --out");
}

void print_lossy(const model::ConvertReport& report) {
  constexpr size_t kMaxShown = 10;
  if (report.num_fp4_tiles == 0) return;
  std::printf("experts FP4 -> FP8: %zu of %lld tiles are not lossless\n", report.lossy.size(),
              static_cast<long long>(report.num_fp4_tiles));
  for (size_t i = 0; i < report.lossy.size() && i < kMaxShown; ++i) {
    const auto& [tensor, tile] = report.lossy[i];
    std::printf("  %s tile (%lld, %lld): scales differ by 2^%d, more than 2^%d\n", tensor.c_str(),
                static_cast<long long>(tile.row), static_cast<long long>(tile.col), tile.ratio_log2,
                kernels::kMaxLosslessRatioLog2);
  }
  if (report.lossy.size() > kMaxShown)
    std::printf("  and %zu more\n", report.lossy.size() - kMaxShown);
}

}  // namespace

void ConvertOptions::describe(OptionSet& options) {
  options.option("--model", model, "Hugging Face directory", Need::kRequired);
  options.option("--to", to, "f32, bf16, fp8 or fp4", Need::kRequired);
  options.option("--out", out, "directory to write", Need::kRequired);
  options.option("--threads", threads, "compute threads; 0 = all cores; changes no byte");
}

int run_convert(const ConvertOptions& options) {
  const model::Precision to = precision(options.to);
  check_replaceable(options.out);
  kernels::ThreadPool pool(num_threads(options.threads));
  model::ConvertReport report;
  {
    std::unique_ptr<Progress> progress;
    report = model::convert_model(options.model, options.out, pool,
                                  {.to = to,
                                   .save = {.add_files =
                                                [&](const std::string& directory) {
                                                  copy_tokenizer_files(options.model, directory);
                                                }},
                                   .progress = [&](int64_t done, int64_t total) {
                                     if (!progress)
                                       progress = std::make_unique<Progress>("convert", total);
                                     progress->update(done);
                                   }});
  }
  print_lossy(report);
  std::printf("%s: %lld weights, %.1f MB -> %.1f MB\n", options.out.c_str(),
              static_cast<long long>(report.num_weights),
              static_cast<double>(report.bytes_read) / 1e6,
              static_cast<double>(report.bytes_written) / 1e6);
  return 0;
}

}  // namespace amalgam::pipeline
