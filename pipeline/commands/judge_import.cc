#include "pipeline/commands/judge_import.h"

#include <spdlog/fmt/fmt.h>

#include <charconv>
#include <map>
#include <optional>
#include <vector>

#include "configs/error.h"
#include "configs/log/log.h"
#include "configs/printable.h"
#include "pipeline/commands/judged_samples.h"
#include "pipeline/data/jsonl.h"

namespace amalgam::pipeline {
namespace {

// Takes "/N", or "+N", from the end of a text.
std::optional<int64_t> take_number(char before, std::string* text) {
  const size_t at = text->rfind(before);
  if (at == std::string::npos) return std::nullopt;
  int64_t number = -1;
  const char *begin = text->data() + at + 1, *end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(begin, end, number);
  if (error != std::errc() || stop != end || number < 0) return std::nullopt;
  text->resize(at);
  return number;
}

// What the run has under an id; nothing: there is no such answer.
std::optional<JudgeFormEntry> entry_of(const JudgedSamples& samples, const std::string& id) {
  std::string stage = id;
  const auto other = take_number('+', &stage), sample = take_number('/', &stage),
             group = take_number('/', &stage), step = take_number('/', &stage);
  if (!sample || !group || !step) return std::nullopt;
  const TrajectoryRow* const row = samples.find(stage, *step, *group, *sample);
  if (!row || samples.is_compared(*row) != other.has_value()) return std::nullopt;
  const auto entry = samples.entry(*row);
  if (!entry || !other) return entry;
  const TrajectoryRow* const second = samples.find(stage, *step, *group, *other);
  const auto second_entry = second && second != row ? samples.entry(*second) : std::nullopt;
  return second_entry ? std::optional(paired(*entry, *second_entry)) : std::nullopt;
}

}  // namespace

void JudgeImportOptions::describe(OptionSet& options) {
  options.option("form", form, "JSONL of `amalgam judge export`, filled in; - is standard input",
                 Need::kRequired);
  options.option("--run", run_dir, "directory of the run that it was made of", Need::kRequired);
  options.option("--out", out, "rows to write, JSONL; - is standard output", Need::kRequired);
}

int run_judge_import(const JudgeImportOptions& options) {
  const JudgedSamples samples(options.run_dir);
  std::vector<std::string> rows;
  std::map<std::string, std::string> places;  // by id
  int64_t num_blank = 0, num_partly = 0;
  const auto take = [&](const std::string& line, const std::string& where) {
    const std::string id = form_id(line);
    const auto [earlier, is_new] = places.emplace(id, where);
    if (!is_new) throw Error(printable(id) + " is in " + earlier->second + " already");
    const auto entry = entry_of(samples, id);
    if (!entry)
      throw Error("labels for answers that do not exist: the run has no answer " + printable(id));
    FormRow row = form_row(line, *entry);
    num_blank += row.state == FormState::kBlank;
    num_partly += row.state == FormState::kPartly;
    if (row.state == FormState::kFilled) rows.push_back(std::move(row.json));
  };
  for_each_line(options.form, [&](const std::string& line, const std::string& where) {
    try {
      take(line, where);
    } catch (const Error& e) {
      throw Error(where + ": " + e.what());
    }
  });
  if (rows.empty())
    throw Error(options.form + ": none of its " + std::to_string(places.size()) +
                " answers has all its labels; fill them in");
  RowWriter writer(options.out, options.form);
  for (const std::string& row : rows) writer.write(row);
  writer.finish();
  log::say(
      log::Part::kReward,
      fmt::format("{} rows with labels{}{}; name {} as judge.train_file or "
                  "judge.heldout_file",
                  rows.size(), num_blank > 0 ? fmt::format(", {} without left out", num_blank) : "",
                  num_partly > 0 ? fmt::format(", {} with some left out", num_partly) : "",
                  options.out));
  return 0;
}

}  // namespace amalgam::pipeline
