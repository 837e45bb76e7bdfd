#include "pipeline/stages/judged_answers.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/check.h"
#include "configs/error.h"
#include "pipeline/data/forms/row_reader.h"
#include "pipeline/stages/sampling.h"
#include "rewards/registry/scorer.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::ordered_json;

// A sample as it was before a judge had it: with the reward, if any, that the function gave it.
void forget_judge(proto::TrajectoryMetadata* meta) {
  std::vector<proto::RewardPart> kept;
  bool was_judged = meta->outcome() == proto::OUTCOME_JUDGE_FAILED;
  std::optional<double> audit;
  for (const proto::RewardPart& part : meta->reward_parts()) {
    was_judged = was_judged || part.name() == rewards::kJudgePart;
    if (part.name() == rewards::kAuditPart)
      audit = part.value();
    else if (part.name() != rewards::kJudgePart &&
             !part.name().starts_with(rewards::kCriterionPrefix))
      kept.push_back(part);
  }
  if (!was_judged) return;
  meta->mutable_reward_parts()->Assign(kept.begin(), kept.end());
  if (meta->outcome() == proto::OUTCOME_JUDGE_FAILED)
    meta->set_outcome(meta->finish_reason() == "length" ? proto::OUTCOME_TRUNCATED
                                                        : proto::OUTCOME_OK);
  meta->clear_failure(), meta->clear_failure_kind(), meta->clear_reward();
  if (audit) meta->set_reward(*audit);
}

void add_part(const std::string& name, double value, proto::TrajectoryMetadata* meta) {
  proto::RewardPart* part = meta->add_reward_parts();
  part->set_name(name);
  part->set_value(value);
}

bool has_part(const proto::TrajectoryMetadata& meta, const std::string& name) {
  return std::any_of(meta.reward_parts().begin(), meta.reward_parts().end(),
                     [&](const auto& part) { return part.name() == name; });
}

std::vector<double> labels_of(const proto::TrajectoryMetadata& meta, size_t num_criteria,
                              const std::string& where) {
  std::vector<double> labels;
  for (const proto::RewardPart& part : meta.reward_parts())
    if (part.name().starts_with(rewards::kLabelPrefix)) labels.push_back(part.value());
  if (!labels.empty() && labels.size() != num_criteria)
    throw Error(where + ": the reward function gave " + std::to_string(labels.size()) +
                " labels, and the row's rubric has " + std::to_string(num_criteria) +
                " criteria; return one for each");
  for (const double label : labels)
    if (!(label >= 0 && label <= 1))
      throw Error(
          where +
          ": the reward function gave a label that is not between 0 and 1; return 1, 0 or a share");
  return labels;
}

// [criterion]: the mean of the votes.
std::vector<double> mean_of(const std::vector<std::vector<double>>& votes) {
  std::vector<double> mean(votes[0].size(), 0);
  for (const auto& vote : votes)
    for (size_t c = 0; c < mean.size(); ++c) mean[c] += vote[c];
  for (double& m : mean) m /= static_cast<double>(votes.size());
  return mean;
}

}  // namespace

RubricPrompt rubric_prompt(const Row& row) {
  if (row.rubric.empty()) throw Error("the row has no rubric, and its answers are to be judged");
  RubricPrompt prompt{
      .question = {}, .rubric = rewards::rubric_from_json(row.rubric), .reference = {}};
  for (const model::Message& message : model::messages_from_json(row.prompt, "prompt"))
    if (message.role == model::MessageRole::kUser) prompt.question = message.content;
  if (prompt.question.empty())
    throw Error("the prompt has no user message, which the judge would be shown");
  const auto given = ordered_json::parse(row.json.empty() ? "{}" : row.json);
  const auto reference = given.value(kReferenceColumn, ordered_json());
  if (!reference.is_null() && !reference.is_string())
    throw Error("column \"reference\" is no text");
  if (reference.is_string()) prompt.reference = reference.get<std::string>();
  return prompt;
}

JudgedAnswers::JudgedAnswers(const Judge& judge, const configs::DomainConfig& domain,
                             const std::function<PromptRow(int64_t)>& prompt_of,
                             std::vector<proto::Trajectory>* trajectories)
    : judge_(judge), config_(domain.reward), trajectories_(*trajectories) {
  std::map<int64_t, bool> thinking;
  for (size_t i = 0; i < trajectories_.size(); ++i) {
    proto::TrajectoryMetadata& meta = *trajectories_[i].mutable_meta();
    forget_judge(&meta);
    if (!is_answer(trajectories_[i])) continue;
    const std::string where = "prompt " + meta.prompt_id();
    if (!prompts_.contains(meta.group())) {
      const PromptRow row = prompt_of(meta.group());
      thinking[meta.group()] = row.thinking;
      prompts_[meta.group()] =
          rubric_prompt(row_from_json(row.row(), RowUse::kPrompt, meta.prompt_id()));
    }
    const RubricPrompt& prompt = prompts_[meta.group()];
    Answer a{.trajectory = i,
             .group = meta.group(),
             .text = {},
             .incomplete = nullptr,
             .labels = labels_of(meta, prompt.rubric.criteria.size(), where),
             .audit = {}};
    if (meta.has_reward()) a.audit = meta.reward();
    bool is_cut = false;
    a.text = judge.shown(final_text(judge.tokenizer(), trajectories_[i], thinking[meta.group()]),
                         &is_cut);
    if (config_.incomplete != configs::Incomplete::kVerify) {
      if (meta.outcome() == proto::OUTCOME_TRUNCATED)
        a.incomplete = "truncated";
      else if (a.text.empty())
        a.incomplete = "empty";
    }
    num_cut_ += is_cut && !a.incomplete;
    if (!a.incomplete) judged_.push_back(answers_.size());
    answers_.push_back(std::move(a));
  }
  if (judge.form() != rewards::VerdictForm::kPairwise) return;
  for (size_t begin = 0; begin < judged_.size();) {
    size_t end = begin;
    while (end < judged_.size() && answers_[judged_[end]].group == answers_[judged_[begin]].group)
      ++end;
    const auto pairs = pairs_of(begin, end);
    pairs_.insert(pairs_.end(), pairs.begin(), pairs.end());
    begin = end;
  }
}

// Each answer with those that follow it on a ring, as far as the config says, in both orders.
std::vector<JudgedAnswers::Pair> JudgedAnswers::pairs_of(size_t begin, size_t end) const {
  const size_t n = end - begin;
  const auto asked = static_cast<size_t>(judge_.config().opponents);
  const size_t reach = asked == 0 ? n : (asked + 1) / 2;
  std::vector<Pair> pairs;
  for (size_t i = 0; i < n; ++i)
    for (size_t j = i + 1; j < n; ++j)
      if (std::min(j - i, n - (j - i)) <= reach) {
        const size_t a = judged_[begin + i], b = judged_[begin + j];
        pairs.push_back({a, b}), pairs.push_back({b, a});
      }
  return pairs;
}

std::optional<double> JudgedAnswers::winner(const Pair& pair) const {
  const auto &a = answers_[pair.first].audit, &b = answers_[pair.second].audit;
  if (!a || !b) return std::nullopt;
  return *a > *b ? 1 : *a < *b ? 0 : 0.5;
}

std::vector<JudgeQuestion> JudgedAnswers::questions(int64_t votes, int64_t num_labelled) const {
  std::vector<JudgeQuestion> all;
  const auto question = [&](const Answer& a, bool has_labels) {
    const RubricPrompt& prompt = prompts_.at(a.group);
    const auto& meta = trajectories_[a.trajectory].meta();
    return JudgeQuestion{.id = meta.prompt_id() + " " + std::to_string(meta.sample_index()),
                         .prompt = {.question = prompt.question,
                                    .rubric = judge_.rubric_lines(prompt.rubric),
                                    .reference = judge_.shown(prompt.reference),
                                    .answer = a.text,
                                    .other_answer = {}},
                         .num_criteria = prompt.rubric.criteria.size(),
                         .num_asked = has_labels ? num_labelled : 0,
                         .num_votes = votes};
  };
  if (judge_.form() != rewards::VerdictForm::kPairwise) {
    for (const size_t a : judged_)
      all.push_back(question(answers_[a], !answers_[a].labels.empty()));
    return all;
  }
  for (const Pair& pair : pairs_) {
    JudgeQuestion q = question(answers_[pair.first], winner(pair).has_value());
    const Answer& other = answers_[pair.second];
    q.id += " against " + std::to_string(trajectories_[other.trajectory].meta().sample_index());
    q.prompt.other_answer = other.text;
    q.num_criteria = 1;
    all.push_back(std::move(q));
  }
  return all;
}

std::vector<LabelledQuestion> JudgedAnswers::labelled() const {
  std::vector<LabelledQuestion> all;
  const auto tokens = [&](size_t answer) -> int64_t {
    return trajectories_[answers_[answer].trajectory].meta().response_length();
  };
  for (size_t i = 0; i < pairs_.size(); ++i)
    if (const auto wins = winner(pairs_[i]))
      all.push_back({i, {*wins}, tokens(pairs_[i].first) + tokens(pairs_[i].second)});
  if (judge_.form() == rewards::VerdictForm::kPairwise) return all;
  for (size_t i = 0; i < judged_.size(); ++i)
    if (const Answer& a = answers_[judged_[i]]; !a.labels.empty())
      all.push_back({i, a.labels, tokens(judged_[i])});
  return all;
}

int64_t JudgedAnswers::num_audited() const {
  return std::count_if(judged_.begin(), judged_.end(),
                       [&](size_t a) { return answers_[a].audit.has_value(); });
}

double JudgedAnswers::incomplete_score(const char* kind) const {
  return kind == std::string("truncated") ? config_.truncated_score : config_.empty_score;
}

void JudgedAnswers::set_reward(const Answer& a, double reward,
                               const std::vector<double>& criteria) {
  proto::TrajectoryMetadata& meta = *trajectories_[a.trajectory].mutable_meta();
  meta.set_reward(reward);
  add_part(rewards::kJudgePart, reward, &meta);
  for (size_t c = 0; c < criteria.size(); ++c)
    add_part(rewards::kCriterionPrefix + std::to_string(c + 1), criteria[c], &meta);
}

void JudgedAnswers::Rewarded::require_some(const std::string& where) const {
  if (!problem.empty())
    throw NoVerdict(where + ": none of the judge's verdicts could be parsed, the last: " + problem +
                    "; see its messages with `amalgam samples`, and change judge.template, "
                    "judge.max_response_length or the model");
}

JudgedAnswers::Rewarded JudgedAnswers::reward(const JudgeReplies& replies) {
  const bool pairwise = judge_.form() == rewards::VerdictForm::kPairwise;
  CHECK_GE(replies.all.size(), pairwise ? pairs_.size() : judged_.size());
  std::vector<std::vector<double>> criteria(answers_.size());
  std::vector<std::optional<double>> scores(answers_.size());
  std::vector<std::string> problems(answers_.size());
  std::string problem;  // the last of them
  const auto note = [&](size_t answer, const JudgeReply& reply) {
    if (!reply.problem.empty()) problem = problems[answer] = reply.problem;
  };
  if (pairwise) {
    std::vector<rewards::Comparison> comparisons;
    for (size_t i = 0; i < pairs_.size(); ++i) {
      note(pairs_[i].first, replies.all[i]), note(pairs_[i].second, replies.all[i]);
      for (const auto& vote : replies.all[i].votes)
        comparisons.push_back({pairs_[i].first, pairs_[i].second, vote[0]});
    }
    scores = rewards::win_rates(answers_.size(), comparisons);
  } else {
    for (size_t i = 0; i < judged_.size(); ++i) {
      note(judged_[i], replies.all[i]);
      if (replies.all[i].votes.empty()) continue;
      const size_t a = judged_[i];
      criteria[a] = mean_of(replies.all[i].votes);
      scores[a] = rewards::rubric_score(prompts_.at(answers_[a].group).rubric, criteria[a]);
    }
  }
  // Alone in its group, an answer has nobody to win against.
  std::map<int64_t, int64_t> num_judged;
  for (const size_t a : judged_) ++num_judged[answers_[a].group];
  int64_t masked = 0;
  for (size_t i = 0; i < answers_.size(); ++i) {
    const Answer& a = answers_[i];
    proto::TrajectoryMetadata& meta = *trajectories_[a.trajectory].mutable_meta();
    meta.clear_reward();
    if (a.audit) add_part(rewards::kAuditPart, *a.audit, &meta);
    if (a.incomplete) {
      if (!has_part(meta, a.incomplete)) add_part(a.incomplete, 1, &meta);
      set_reward(a, incomplete_score(a.incomplete), {});
    } else if (scores[i]) {
      set_reward(a, *scores[i], criteria[i]);
    } else {
      ++masked;
      const bool is_alone = pairwise && num_judged[a.group] < 2;
      meta.set_outcome(proto::OUTCOME_JUDGE_FAILED);
      meta.set_failure_kind(is_alone ? "no_opponent" : "judge_unparsable");
      meta.set_failure(is_alone ? "no other answer to compare it with"
                                : "no verdict on it could be parsed: " + problems[i]);
    }
  }
  const bool is_none = !judged_.empty() && masked == static_cast<int64_t>(judged_.size());
  return {masked, is_none ? problem : ""};
}

std::vector<rewards::JudgedAnswer> judged_answers(const std::vector<LabelledQuestion>& labelled,
                                                  const JudgeReplies& replies) {
  std::vector<rewards::JudgedAnswer> all;
  for (const LabelledQuestion& l : labelled) {
    rewards::JudgedAnswer answer{.labels = l.labels, .votes = {}, .num_tokens = l.num_tokens};
    for (const rewards::Verdict& verdict : replies.all[l.question].verdicts)
      if (verdict) answer.votes.push_back(*verdict);
    all.push_back(std::move(answer));
  }
  return all;
}

}  // namespace amalgam::pipeline
