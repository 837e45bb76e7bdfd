#include "pipeline/commands/data_check.h"

#include <algorithm>
#include <cstdio>

#include "configs/error.h"
#include "configs/printable.h"
#include "configs/reward_config.h"
#include "configs/utf8.h"
#include "kernels/device/thread_pool.h"
#include "model/encoding/encoding.h"
#include "pipeline/data/forms/form_report.h"
#include "pipeline/run_store/machine.h"
#include "pipeline/workers/domain_tools.h"

namespace amalgam::pipeline {
namespace {

RowUse parse_use(const std::string& use) {
  if (use == "rl") return RowUse::kPrompt;
  if (use == "sft") return RowUse::kExample;
  throw Error("--for must be rl (prompts to sample from) or sft (examples to imitate), not '" +
              printable(use) + "'");
}

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + printable(name);
  return text;
}

// What the model reads of a row; of an example its answers too.
std::string model_text(const Row& row) {
  if (!row.text.empty()) return row.text_prompt + row.text;
  auto messages =
      model::messages_from_json(row.prompt.empty() ? row.messages : row.prompt, "messages");
  model::EncodeOptions options;
  options.mode = row.mode == "chat" ? model::ThinkingMode::kChat : model::ThinkingMode::kThinking;
  options.old_reasoning = model::OldReasoning::kKeep;
  add_tools({.names = {}, .schemas = row_tool_schemas(row)}, &messages);
  return model::encode_messages(messages, options).text;
}

void print_rows(const FormReport& report) {
  constexpr size_t kMaxShown = 2000;  // bytes of a row
  for (const auto& [where, row] : report.shown()) {
    std::string text;
    try {
      text = model_text(row.row);
    } catch (const Error& e) {
      text = std::string("(cannot be encoded: ") + e.what() + ")";
    }
    std::printf("\n%s as the model sees it:\n%s\n", where.c_str(),
                shortened_utf8(text, kMaxShown).c_str());
    if (!row.row.ground_truth.empty())
      std::printf("  ground truth: %s\n", shortened_utf8(row.row.ground_truth, kMaxShown).c_str());
    if (!row.row.rubric.empty())
      std::printf("  rubric: %s\n", shortened_utf8(row.row.rubric, kMaxShown).c_str());
  }
}

void print_report(const FormReport& report, RowUse use) {
  constexpr size_t kMaxListed = 20;
  if (!report.refusal().empty()) {
    std::printf("%s\n", report.refusal().c_str());
    return;
  }
  const size_t num_bad = report.bad().size();
  std::printf("%lld rows, %zu of them cannot be used\n", static_cast<long long>(report.num_rows()),
              num_bad);
  if (!report.understood().empty()) std::printf("understood:\n");
  for (const auto& [field, paths] : report.understood())
    std::printf("  %-13s from %s\n", field.c_str(), list_of(paths).c_str());
  const std::string passed = list_of(report.passed()), ignored = list_of(report.ignored());
  if (use == RowUse::kPrompt)
    std::printf("handed to reward functions by name, beside these: %s\n",
                passed.empty() ? "nothing" : passed.c_str());
  std::printf("not used: %s\n", ignored.empty() ? "nothing" : ignored.c_str());
  print_rows(report);
  if (num_bad > 0) std::printf("\nbad rows:\n");
  for (size_t i = 0; i < std::min(kMaxListed, num_bad); ++i)
    std::printf("%s: %s\n", report.bad()[i].where().c_str(), report.bad()[i].why.c_str());
  if (num_bad > kMaxListed) std::printf("and %zu more; --json lists all\n", num_bad - kMaxListed);
}

}  // namespace

void DataCheckOptions::describe(OptionSet& options) {
  options.option("files", files, "files, globs, or folders of save_to_disk", Need::kRequired);
  options.option("--for", use, "what they are for: rl or sft", Need::kRequired);
  options.option("--python", python,
                 "interpreter with pyarrow for parquet and Arrow; without it that of reward "
                 "functions: $VIRTUAL_ENV/bin/python3, else /usr/bin/python3");
  options.flag("--json", json, "print one JSON object");
}

int run_data_check(const DataCheckOptions& options) {
  const RowUse use = parse_use(options.use);
  constexpr size_t kShown = 3;
  FormReport report(kShown);
  bool is_single = false;
  try {
    const InputFiles files = find_input_files(options.files);
    is_single = files.is_single;
    kernels::ThreadPool pool(num_threads(0));
    const std::string python =
        options.python.empty() ? configs::RewardConfig().interpreter() : options.python;
    report.finish(read_rows(files, {.use = use, .python = python}, pool,
                            [&](ReadRow&& row) { report.add(std::move(row)); }));
  } catch (const Error& e) {
    report.refuse(e.what());
  }
  if (options.json)
    std::printf("%s\n", report.to_json(is_single).c_str());
  else
    print_report(report, use);
  return report.ok() ? 0 : 1;
}

}  // namespace amalgam::pipeline
