#include "pipeline/report/method_age.h"

#include <algorithm>
#include <map>
#include <set>

#include "configs/key_values.h"
#include "pipeline/run_store/results.h"
#include "pipeline/stages/compare.h"
#include "pipeline/stages/domain_groups.h"

namespace amalgam::pipeline {
namespace {

constexpr char kNumCandidates[] = "candidates of the student";
constexpr char kOtherSettings[] = "made with other settings; run without --methods";

using Values = std::map<std::string, std::string>;

// What the evaluation of the model on the domain read, and the model's digest apart.
struct EvalInputs {
  std::string model;
  Values others;
};
EvalInputs eval_inputs(const RunStore& store, const std::string& model, const std::string& domain) {
  EvalInputs inputs;
  for (const RecordedInput& i : store.inputs("eval of " + model + " on " + domain))
    (i.name == "model " + model ? inputs.model : inputs.others[i.name]) = i.value;
  return inputs;
}

// What a stage would read now. `unknown`: keys whose path leads to what was not read.
struct Now {
  Values values;
  std::set<std::string> unknown, specialists;
};
Now now(const RunStore& store, const configs::RunConfig& config) {
  Now all;
  for (const configs::KeyValue& k : configs::key_values(config)) {
    if (k.is_path) all.unknown.insert(k.key);
    if (!k.is_path) all.values[k.key] = k.value;
  }
  for (const configs::DomainConfig& d : config.domains) {
    const EvalInputs base = eval_inputs(store, kBase, d.name);
    for (const auto& [name, value] : base.others) all.values[name] = value, all.unknown.erase(name);
    all.values["model base"] = base.model;
    const std::string specialist = "model specialist-" + specialist_name(d);
    all.values[specialist] = eval_inputs(store, kSpecialist, d.name).model;
    all.specialists.insert(specialist);
  }
  all.values[kNumCandidates] = std::to_string(config.num_candidates());
  return all;
}

bool is_of_now(const RunStore& store, const std::string& stage, const Now& now) {
  const std::vector<RecordedInput> inputs = store.inputs(stage);
  std::set<std::string> missing = now.specialists;
  for (const RecordedInput& i : inputs) {
    missing.erase(i.name);
    if (now.unknown.contains(i.name)) continue;
    const auto it = now.values.find(i.name);
    if (it == now.values.end() || it->second != i.value) return false;
  }
  return inputs.empty() || missing.empty();
}

}  // namespace

std::string made_as(const configs::RunConfig& config, const std::string& method) {
  for (const configs::CompareConfig& c : config.compare)
    if (c.name == method && is_the_student(config, c)) return kStudent;
  return method;
}

std::string why_not_of_now(const RunStore& store, const configs::RunConfig& config,
                           const std::string& method) {
  const std::string model = made_as(config, method);
  const Now values = now(store, config);
  std::set<std::string> made;  // digests
  for (const std::string& group : student_groups(config)) {
    const std::string stage =
        merged_name(model == kStudent ? "distill" : "compare-" + model, group);
    for (const StageRow& row : store.stages())
      if (row.name == stage && row.state != StageState::kFinished)
        return "its stage is not finished; run without --methods";
    if (!is_of_now(store, stage, values)) return kOtherSettings;
    for (const RecordedInput& output : store.outputs(stage)) made.insert(output.value);
  }
  for (const configs::DomainConfig& d : config.domains) {
    const EvalInputs scored = eval_inputs(store, method, d.name);
    if (scored.model.empty()) continue;
    if (!made.contains(scored.model) || scored.others != eval_inputs(store, kBase, d.name).others)
      return kOtherSettings;
  }
  return "";
}

}  // namespace amalgam::pipeline
