#include "rewards/registry/scorer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/utf8.h"
#include "rewards/answers/words.h"
#include "rewards/registry/data_sources.h"

namespace amalgam::rewards {
namespace {

using configs::Incomplete;
using configs::RewardCompat;
using configs::VerifierRole;
using nlohmann::json;

// Of a row whose style and data_source say nothing.
const Verifier* verifier_of_columns(const json& row) {
  if (!row.is_object()) return nullptr;
  if (row.contains("instruction_id_list")) return find_verifier("instruct");
  for (const char* column : {"input_output", "public_test_cases", "private_test_cases",
                             "public_tests", "test_list", "verification_info"})
    if (row.contains(column)) return find_verifier("code");
  if (row.contains("test") && (row.contains("entry_point") || row.contains("test_info")))
    return find_verifier("code");
  return nullptr;
}

std::string no_verifier(const ScoreRequest& row) {
  return "reward_model.style \"" + shortened_utf8(row.style, 40) +
         "\" is no verifier of docs/REWARDS.md" +
         (row.data_source.empty()
              ? ""
              : ", and data_source \"" + shortened_utf8(row.data_source, 40) + "\" is not known") +
         "; give the domain a reward_file, or a [[domain.reward]] with a style";
}

std::string no_arguments(const Verifier& verifier) {
  return "the row's verifier " + std::string(verifier.name) + " does not take these arguments";
}

// A name of a part that means something here.
bool is_own_part(const std::string& name) {
  return name == kAuditPart || name == kJudgePart || name.starts_with(kCriterionPrefix) ||
         std::any_of(std::begin(kIncompleteKinds), std::end(kIncompleteKinds),
                     [&](const char* kind) { return name == kind; });
}

// The value at a dotted path of a row, as JSON text; empty: there is none.
std::string column_of(const std::string& row_json, const std::string& path) {
  const json row = json::parse(row_json, nullptr, /*allow_exceptions=*/false);
  const json* at = &row;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    if (!at->is_object() || !at->contains(name)) return "";
    at = &(*at)[name];
    begin = end + 1;
  }
  return at->is_null() ? "" : at->dump();
}

json updated(json arguments, const json& others) {
  arguments.update(others);
  return arguments;
}

// The settings of each verifier that takes these arguments. Throws Error where none does.
std::map<std::string, VerifierSettings> settings_of_any(const std::string& arguments_json,
                                                        const CodeTestOptions& code) {
  std::map<std::string, VerifierSettings> all;
  for (const Verifier& v : verifiers()) {
    try {
      all[v.name] = settings_of(v, arguments_json, code);
    } catch (const Error&) {  // said where a row needs it
    }
  }
  if (all.empty()) throw Error("no verifier takes the arguments " + arguments_json);
  return all;
}

}  // namespace

struct Scorer::Part {
  configs::VerifierConfig config;
  const Verifier* verifier = nullptr;  // null: the row's, or the plug-in
  VerifierSettings settings;
  // Of verifiers that rows name: those that take the arguments.
  std::map<std::string, VerifierSettings> by_row = {};
};

// What an incomplete answer gets, and the figure that counts it.
struct Scorer::Guard {
  double score;
  const char* name;
  bool replaces;  // else the verifier's word stands, and it is only counted
  bool skips;     // the verifier is not asked
};

const Verifier* verifier_of(const ScoreRequest& row) {
  if (const Verifier* v = find_verifier(row.style)) return v;
  if (const DataSource* source = find_data_source(row.data_source))
    return find_verifier(source->verifier);
  if (row.row.empty()) return nullptr;
  return verifier_of_columns(json::parse(row.row, nullptr, /*allow_exceptions=*/false));
}

Scorer::Scorer(ScorerOptions options) : options_(std::move(options)) {
  if (options_.plugin) plugin_ = std::make_unique<Plugin>(*options_.plugin);
  for (const Verifier& v : verifiers()) defaults_[v.name] = settings_of(v, "{}", options_.code);
  for (const configs::VerifierConfig& config : options_.reward.verifiers) {
    Part part{.config = config, .verifier = find_verifier(config.style), .settings = {}};
    if (part.verifier) {
      part.settings = settings_of(*part.verifier, config.arguments.json, options_.code);
      if (part.verifier->settings_problem)
        if (const auto why = part.verifier->settings_problem(part.settings)) throw Error(*why);
    } else if (config.style == configs::kRowStyle) {
      part.by_row = settings_of_any(config.arguments.json, options_.code);
    }
    if (config.style == configs::kFunctionStyle && !plugin_ && !options_.is_check_of_function)
      throw Error("a verifier has style \"function\" and the domain no reward_file");
    parts_.push_back(std::move(part));
  }
}

Scorer::~Scorer() = default;

ScoredBy Scorer::by() const {
  if (plugin_) return ScoredBy::kFunction;
  const bool reads_all = std::any_of(
      parts_.begin(), parts_.end(), [](const Part& p) { return p.config.style == "think_format"; });
  return reads_all ? ScoredBy::kVerifierOfAll : ScoredBy::kVerifier;
}

std::optional<Scorer::Guard> Scorer::guard(const ScoreRequest& r) const {
  const configs::RewardConfig& c = options_.reward;
  const bool replaces =
      c.incomplete == Incomplete::kScore || (c.incomplete == Incomplete::kAuto && !plugin_);
  if (r.state == MessageState::kTruncated)
    return Guard{c.truncated_score, "truncated", replaces, replaces};
  if (r.state == MessageState::kMalformed)
    return Guard{c.malformed_score, "malformed", replaces, replaces};
  if (stripped(r.content).empty()) return Guard{c.empty_score, "empty", replaces, false};
  return std::nullopt;
}

Score Scorer::score_by_row(const ScoreRequest& request, const SettingsByName& settings) const {
  const Verifier* verifier = verifier_of(request);
  if (!verifier) return failed(Status::kBadRow, no_verifier(request));
  const auto own = settings.find(verifier->name);
  if (own == settings.end()) return failed(Status::kBadRow, no_arguments(*verifier));
  const DataSource* source = theirs_of(request);
  if (!source) return verifier->score(request, own->second);
  VerifierSettings theirs = own->second;
  if (verifier->name == std::string(source->verifier))
    theirs.arguments = std::make_shared<const json>(
        updated(*own->second.arguments, json::parse(source->verl_arguments)));
  Score score = verifier->score(request, theirs);
  if (score.status == Status::kScored) score.reward = in_range(request, score.reward);
  return score;
}

const DataSource* Scorer::theirs_of(const ScoreRequest& request) const {
  if (options_.reward.compat != RewardCompat::kVerl) return nullptr;
  return find_data_source(request.data_source);
}

bool Scorer::asks_rows() const {
  if (parts_.empty()) return !plugin_;
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const Part& p) { return p.config.style == configs::kRowStyle; });
}

double Scorer::in_range(const ScoreRequest& request, double score) const {
  const DataSource* source = theirs_of(request);
  return source ? source->verl_wrong + (source->verl_right - source->verl_wrong) * score : score;
}

std::vector<Score> Scorer::call_plugin(const std::vector<ScoreRequest>& requests) const {
  std::vector<PluginRequest> samples;
  for (const ScoreRequest& r : requests)
    samples.push_back(
        {r.data_source, r.solution, r.ground_truth, r.extra_info, r.columns, r.completion_ids});
  // That of a batch is its prompt's: STAGE/STEP/GROUP.
  const std::string& id = requests.at(0).sample_id;
  std::vector<Score> scores =
      plugin_->score(plugin_->takes_batches() ? id.substr(0, id.rfind('/')) : id, samples);
  for (Score& score : scores)
    for (auto& [name, value] : score.parts)
      if (is_own_part(name)) name = "function/" + name;
  return scores;
}

std::vector<Score> Scorer::score_part(const Part& part,
                                      const std::vector<ScoreRequest>& requests) const {
  const bool is_function = part.config.style == configs::kFunctionStyle;
  if (part.config.truth.empty() && is_function) return call_plugin(requests);
  std::vector<ScoreRequest> own = requests;
  if (!part.config.truth.empty())
    for (ScoreRequest& r : own) r.ground_truth = column_of(r.row, part.config.truth);
  if (is_function) return call_plugin(own);
  std::vector<Score> scores;
  for (const ScoreRequest& r : own)
    scores.push_back(part.verifier ? part.verifier->score(r, part.settings)
                                   : score_by_row(r, part.by_row));
  return scores;
}

Score Scorer::combined(const std::vector<std::vector<Score>>& by_part, size_t i) const {
  double sum = 0, gates = 1;
  Score all = scored(0, "");
  for (size_t p = 0; p < parts_.size(); ++p) {
    const configs::VerifierConfig& config = parts_[p].config;
    const Score& score = by_part[p][i];
    if (score.status != Status::kScored) {
      if (config.role == VerifierRole::kAudit) continue;  // it takes no reward away
      return score;
    }
    const double value = std::clamp(score.reward, config.min, config.max);
    if (config.role == VerifierRole::kReward) sum += config.weight * value;
    if (config.role == VerifierRole::kGate) gates *= value;
    const std::string name = config.role == VerifierRole::kAudit ? kAuditPart : config.name;
    all.parts.emplace_back(name, value);
    if (config.role == VerifierRole::kAudit) continue;
    for (const auto& [part, x] : score.parts) all.parts.emplace_back(name + "/" + part, x);
    for (const auto& [list, verdicts] : score.verdicts)
      all.verdicts.emplace_back(name + "/" + list, verdicts);
    if (all.answer.empty()) all.answer = score.answer;
    all.detail += (all.detail.empty() ? "" : "; ") + name + ": " + score.detail;
  }
  // A gate never raises a reward.
  all.reward = sum > 0 ? sum * gates : sum;
  return all;
}

Score Scorer::score(const ScoreRequest& request) const { return score_batch({request})[0]; }

std::vector<Score> Scorer::score_batch(const std::vector<ScoreRequest>& requests) const {
  std::vector<std::optional<Guard>> guards;
  for (const ScoreRequest& r : requests) guards.push_back(guard(r));
  // An empty answer is cheap to verify, and what the verifier says of it is kept beside its score.
  const bool none_verified =
      std::all_of(guards.begin(), guards.end(), [](const auto& g) { return g && g->skips; });
  std::vector<Score> scores(requests.size(), scored(0, ""));
  // A batch is never a part of one: a function gets all samples, also those whose score is
  // replaced.
  if (!none_verified && !parts_.empty()) {
    std::vector<std::vector<Score>> by_part;
    for (const Part& part : parts_) by_part.push_back(score_part(part, requests));
    for (size_t i = 0; i < scores.size(); ++i) scores[i] = combined(by_part, i);
  } else if (!none_verified && plugin_) {
    scores = call_plugin(requests);
  } else if (!none_verified) {
    for (size_t i = 0; i < scores.size(); ++i)
      if (!guards[i] || !guards[i]->skips) scores[i] = score_by_row(requests[i], defaults_);
  }
  for (size_t i = 0; i < scores.size(); ++i)
    if (guards[i]) apply(*guards[i], requests[i], &scores[i]);
  return scores;
}

void Scorer::apply(const Guard& guard, const ScoreRequest& request, Score* score) const {
  if (guard.replaces) {
    // Of a row that cannot be scored, no answer can.
    if (parts_.empty() && !plugin_ && !verifier_of(request)) {
      *score = failed(Status::kBadRow, no_verifier(request));
      return;
    }
    if (score->status != Status::kScored && !guard.skips) return;
    if (guard.skips) *score = scored(0, "");
    score->reward = asks_rows() ? in_range(request, guard.score) : guard.score;
    score->detail = std::string(guard.name) + " answer";
    score->answer.clear();
    if (guard.skips && has_audit()) score->parts.emplace_back(kAuditPart, 0);
  }
  if (score->status == Status::kScored) score->parts.emplace_back(guard.name, 1);
}

bool Scorer::has_audit() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const Part& p) { return p.config.role == VerifierRole::kAudit; });
}

std::optional<std::string> Scorer::problem(const ScoreRequest& row) const {
  if (parts_.empty() && (plugin_ || options_.is_check_of_function)) return std::nullopt;
  const auto by_row = [](const ScoreRequest& r,
                         const SettingsByName& settings) -> std::optional<std::string> {
    const Verifier* verifier = verifier_of(r);
    if (!verifier) return no_verifier(r);
    const auto own = settings.find(verifier->name);
    if (own == settings.end()) return no_arguments(*verifier);
    if (!verifier->problem) return std::nullopt;
    return verifier->problem(r, own->second);
  };
  if (parts_.empty()) return by_row(row, defaults_);
  for (const Part& part : parts_) {
    if (part.config.style == configs::kFunctionStyle) continue;
    ScoreRequest own = row;
    if (!part.config.truth.empty()) own.ground_truth = column_of(row.row, part.config.truth);
    std::optional<std::string> why;
    if (!part.config.truth.empty() && own.ground_truth.empty())
      why = "there is no column " + part.config.truth;
    else if (!part.verifier)
      why = by_row(own, part.by_row);
    else if (part.verifier->problem)
      why = part.verifier->problem(own, part.settings);
    if (why) return part.config.name + ": " + *why;
  }
  return std::nullopt;
}

void Scorer::stop() {
  if (plugin_) plugin_->stop();
}

}  // namespace amalgam::rewards
