#include "pipeline/identity/stage_plan.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>

#include "configs/error.h"
#include "configs/log/log.h"

namespace amalgam::pipeline {
namespace {

struct Difference {
  const Input* now = nullptr;  // null: it is no longer read
  std::string name, before;    // before: empty where it was not read
  bool was_read = true;
};

std::vector<Difference> compare(const std::vector<RecordedInput>& before,
                                const std::vector<Input>& now) {
  std::vector<Difference> all;
  const auto find = [](const auto& list, const std::string& name) {
    return std::find_if(list.begin(), list.end(), [&](const auto& i) { return i.name == name; });
  };
  for (const Input& input : now) {
    const auto old = find(before, input.name);
    if (old == before.end())
      all.push_back({&input, input.name, "", false});
    else if (old->value != input.value)
      all.push_back({&input, input.name, old->value});
  }
  for (const RecordedInput& input : before)
    if (find(now, input.name) == now.end()) all.push_back({nullptr, input.name, input.value});
  return all;
}

std::string describe(const Difference& d) {
  if (!d.now) return d.name + " is no longer there";
  if (!d.was_read) return d.name + " is new";
  if (d.now->is_key) return fmt::format("{} is {}, was {}", d.name, d.now->value, d.before);
  return d.name + " changed";
}

std::optional<int64_t> number(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Empty where the difference extends the stage; else what is said of it.
std::string no_extension(const StagePlan& plan, const Difference& d) {
  const auto key = plan.extensible.find(d.name);
  const std::string text = describe(d);
  if (key == plan.extensible.end() || !d.now || !d.was_read) return text;
  const auto before = number(d.before), now = number(d.now->value);
  if (!before || !now || *now < *before) return text;
  const std::string why = key->second(*before, *now);
  return why.empty() ? "" : text + " (" + why + ")";
}

// "", or " is at step 12 and": how far the stage is.
std::string progress_of(const RunStore& store, const std::string& stage) {
  const std::vector<MetricRow> metrics = store.metrics(stage);
  return metrics.empty() ? "" : fmt::format(" is at step {} and", metrics.back().step + 1);
}

void check_outputs(const StagePlan& plan, const RunStore& store, Digests& digests) {
  for (const RecordedInput& made : store.outputs(plan.name))
    for (const auto& [name, directory] : plan.outputs)
      if (name == made.name && digests.model(directory) != made.value)
        throw Error(fmt::format(
            "{} is not what stage {} made: its files were changed or damaged; put them back, or "
            "make it anew with --restart {}",
            directory, plan.name, plan.name));
}

bool is_finished(const RunStore& store, const std::string& stage) {
  for (const StageRow& row : store.stages())
    if (row.name == stage) return row.state == StageState::kFinished;
  return false;
}

// What is recorded of the stage is valid afterwards, or gone.
void prepare(const StagePlan& plan, std::set<std::string>* anew, RunStore& store) {
  const auto begin_anew = [&](const std::string& why) {
    log::say(log::Part::kRun, plan.name + ": " + why + "; it begins anew");
    if (plan.forget) plan.forget();
    store.forget_stage(plan.name);
    anew->insert(plan.name);
  };
  if (anew->contains(plan.name)) return begin_anew("--restart");
  if (is_finished(store, plan.name))
    for (const auto& [name, directory] : plan.outputs)
      if (!std::filesystem::exists(directory)) return begin_anew(directory + " is gone");
  const std::vector<RecordedInput> before = store.inputs(plan.name);
  if (before.empty() || (plan.has_begun && !plan.has_begun())) return;
  std::optional<bool> has_scores;  // known where it matters: it reads whole logs
  std::vector<std::string> refused, made_anew, extensions;
  for (const Difference& d : compare(before, plan.inputs)) {
    if (d.now && !d.now->made_by.empty()) {
      made_anew.push_back(describe(d));
      continue;
    }
    if (d.now && d.now->is_of_scoring) {
      if (!has_scores) has_scores = !plan.has_scores || plan.has_scores();
      if (!*has_scores) continue;
    }
    const std::string what = no_extension(plan, d);
    if (what.empty())
      extensions.push_back(describe(d));
    else
      refused.push_back(what);
  }
  const bool is_later = std::any_of(plan.inputs.begin(), plan.inputs.end(),
                                    [&](const Input& i) { return anew->contains(i.made_by); });
  if (!refused.empty() && (plan.is_done || is_later))
    return begin_anew(fmt::format("{}", fmt::join(refused, "; ")));
  if (!refused.empty())
    throw Error(
        fmt::format("{}{} was begun with other inputs: {}; put that back, or begin the stage anew "
                    "with --restart {}",
                    plan.name, progress_of(store, plan.name), fmt::join(refused, "; "), plan.name));
  if (!made_anew.empty()) return begin_anew(fmt::format("{}", fmt::join(made_anew, "; ")));
  if (extensions.empty()) return;
  log::say(log::Part::kRun,
           fmt::format("{}: {}; it goes on", plan.name, fmt::join(extensions, "; ")));
  // In this order: killed in between, it is extended again.
  if (!plan.is_done) store.start_stage(plan.name);
  if (plan.reopen) plan.reopen();
}

}  // namespace

StageOutcome run_stage(const StagePlan& plan, std::set<std::string>* anew, RunStore& store,
                       Digests& digests) {
  prepare(plan, anew, store);
  if (plan.is_done ? plan.is_done() : is_finished(store, plan.name)) {
    check_outputs(plan, store, digests);
    return StageOutcome::kWasDone;
  }
  std::vector<RecordedInput> read, made;
  for (const Input& input : plan.inputs) read.push_back({input.name, input.value});
  if (!plan.is_done) store.start_stage(plan.name);
  store.record_inputs(plan.name, read);
  try {
    plan.run();
  } catch (const std::exception&) {
    if (!plan.is_done) store.end_stage(plan.name, StageState::kFailed);
    throw;
  }
  for (const auto& [name, directory] : plan.outputs)
    made.push_back({name, digests.model(directory)});
  store.record_outputs(plan.name, made);
  if (!plan.is_done) store.end_stage(plan.name, StageState::kFinished);
  return StageOutcome::kRan;
}

}  // namespace amalgam::pipeline
