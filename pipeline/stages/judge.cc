#include "pipeline/stages/judge.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>

#include "configs/check.h"
#include "configs/error.h"
#include "model/encoding/encoding.h"
#include "model/tokenizer/special_tokens.h"
#include "pipeline/data/rows.h"
#include "pipeline/stages/sampling.h"
#include "pipeline/stages/sft.h"
#include "rewards/judge/literal_line.h"
#include "rollout/episodes/messages.h"

namespace amalgam::pipeline {

rewards::VerdictForm verdict_form(configs::JudgeForm form) {
  switch (form) {
    case configs::JudgeForm::kPoints:
      return rewards::VerdictForm::kPoints;
    case configs::JudgeForm::kPairwise:
      return rewards::VerdictForm::kPairwise;
    case configs::JudgeForm::kYesNo:
    case configs::JudgeForm::kNone:
      break;
  }
  return rewards::VerdictForm::kYesNo;
}

rewards::JudgeTemplate judge_template(const configs::JudgeConfig& config) {
  const rewards::VerdictForm form = verdict_form(config.form);
  if (config.template_file.empty())
    return rewards::JudgeTemplate::built_in(form, config.max_points);
  const std::string path = config.template_file.string();
  std::ifstream file(path);
  if (!file) throw Error(path + ": cannot be read (judge.template)");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return rewards::JudgeTemplate::parse(text, path, form);
}

void require_same_tokenizer(const configs::JudgeConfig& config, const model::Tokenizer& tokenizer) {
  if (config.model.empty()) return;
  const std::string differs =
      tokenizer.first_difference(model::Tokenizer::load(config.model.string()));
  if (!differs.empty())
    throw Error("judge.model " + config.model.string() +
                " has another tokenizer than this run's models: " + differs);
}

std::string judge_stage(const std::string& stage) { return stage + "-judge"; }
std::string domain_answers(const std::string& stage, const std::string& domain) {
  return stage + "-" + domain;
}
std::string judge_measure_stage(const std::string& stage) { return stage + "-judge-measure"; }

std::string final_text(const model::Tokenizer& tokenizer, const proto::Trajectory& t,
                       bool thinking) {
  const auto ids = std::span(t.ids().data(), static_cast<size_t>(t.ids_size()));
  const auto turns = rollout::turn_messages(
      tokenizer, ids.subspan(static_cast<size_t>(t.meta().prompt_length())), from_assistant(t),
      thinking ? model::ThinkingMode::kThinking : model::ThinkingMode::kChat);
  for (auto turn = turns.rbegin(); turn != turns.rend(); ++turn)
    if (turn->role == model::MessageRole::kAssistant) return turn->content;
  return "";
}

Judge::Judge(RunContext& run, const configs::DomainConfig& domain)
    : run_(run),
      domain_(domain.name),
      config_(domain.judge),
      tokenizer_(model::Tokenizer::load(tokenizer_dir(run))),
      template_(judge_template(domain.judge)) {
  for (const std::string_view special : model::kSpecialTokens)
    special_strings_.emplace_back(special);
  require_same_tokenizer(config_, tokenizer_);
}

rewards::VerdictForm Judge::form() const { return verdict_form(config_.form); }

std::string Judge::shown(const std::string& answer, bool* is_cut) const {
  const auto ids = tokenizer_.encode(answer, model::SpecialText::kAsText);
  const auto most = static_cast<size_t>(config_.max_answer_tokens);
  if (is_cut) *is_cut = ids.size() > most;
  if (ids.size() <= most) return rewards::literal_line(answer, special_strings_);
  return rewards::literal_line(
      tokenizer_.decode(std::span(ids).first(most), model::SpecialIds::kSkip), special_strings_);
}

int64_t Judge::num_tokens(const std::string& answer) const {
  return static_cast<int64_t>(tokenizer_.encode(answer, model::SpecialText::kAsText).size());
}

std::string Judge::rubric_lines(const rewards::Rubric& rubric) const {
  return rewards::rubric_lines(rubric, special_strings_);
}

proto::SampleGroup Judge::group_of(const JudgeQuestion& question, int64_t number) const {
  Row row;
  row.tools = "[]";  // whatever its domain has
  row.prompt = nlohmann::ordered_json::array(
                   {{{"role", "user"}, {"content", template_.render(question.prompt)}}})
                   .dump();
  const bool thinking = config_.mode == configs::Mode::kThinking;
  model::EncodeOptions options;
  options.mode = thinking ? model::ThinkingMode::kThinking : model::ThinkingMode::kChat;
  const auto ids = model::prompt_ids(
      tokenizer_,
      model::encode_messages(model::messages_from_json(row.prompt, "the judge's prompt"), options));
  proto::SampleGroup g;
  auto& meta = *g.mutable_meta();
  meta.set_prompt_id(question.id);
  meta.set_domain(domain_);
  meta.set_effort(thinking ? "high" : "none");
  meta.set_group(number);
  g.mutable_prompt()->Assign(ids.begin(), ids.end());
  g.set_row(row.to_json());
  g.set_thinking(thinking);
  return g;
}

rewards::Verdict Judge::verdict_of(const proto::Trajectory& t, const JudgeQuestion& question,
                                   std::string* problem) const {
  if (t.meta().outcome() != proto::OUTCOME_OK) {
    *problem = "the message is cut at judge.max_response_length";
    return std::nullopt;
  }
  auto parsed = rewards::parse_verdict(
      final_text(tokenizer_, t, config_.mode == configs::Mode::kThinking),
      {.form = form(), .num_criteria = question.num_criteria, .max_points = config_.max_points});
  if (parsed.problem.empty()) return std::move(parsed.values);
  *problem = std::move(parsed.problem);
  return std::nullopt;
}

JudgeReplies Judge::ask(const JudgeCall& call, const std::vector<JudgeQuestion>& questions,
                        TrajectoryLog& log) const {
  CollectSpec spec;
  spec.stage = call.stage;
  spec.step = call.step;
  if (config_.is_policy())
    spec.weights = call.policy;
  else
    spec.weights.set_model_dir(config_.model.empty() ? base_dir(run_) : config_.model.string());
  spec.stream = stage_stream(call.stage, call.use);
  spec.temperature = call.temperature;
  spec.max_response_length = config_.max_response_length;
  spec.keep_experts = call.keep_experts, spec.keep_index = call.keep_index;
  spec.score = false;
  std::vector<proto::SampleGroup> prompts;
  int64_t longest = 0;
  for (size_t q = 0; q < questions.size(); ++q) {
    prompts.push_back(group_of(questions[q], static_cast<int64_t>(q)));
    longest = std::max<int64_t>(longest, prompts.back().prompt_size());
  }
  spec.max_positions = longest + config_.max_response_length;

  JudgeReplies replies;
  replies.all.resize(questions.size());
  // How many samples each question has had, and how many more it is asked for.
  std::vector<int64_t> had(questions.size(), 0), more;
  for (const JudgeQuestion& q : questions) more.push_back(std::max(q.num_asked, q.num_votes));
  for (int64_t round = 0;; ++round) {
    std::vector<proto::SampleGroup> groups;
    uint32_t episodes = 0;
    for (size_t q = 0; q < questions.size(); ++q) {
      if (more[q] == 0) continue;
      proto::SampleGroup g = prompts[q];
      for (int64_t i = had[q]; i < had[q] + more[q]; ++i, ++episodes) {
        g.add_sample_index(static_cast<int32_t>(i));
        g.add_seed(request_key(call.step, static_cast<int64_t>(q), i));
      }
      groups.push_back(std::move(g));
    }
    if (groups.empty()) break;
    spec.keep_weights = round < config_.retries || !config_.is_policy();
    const auto samples =
        run_.rollouts(tokenizer_dir(run_)).collect(spec, std::move(groups), log, &replies.figures);
    spec.first_episode += episodes;
    // All samples of the step come, by question and index; new are those that were asked for.
    std::vector<int64_t> next(questions.size(), 0);
    for (const proto::Trajectory& t : samples) {
      const auto q = static_cast<size_t>(t.meta().group());
      const int64_t index = t.meta().sample_index();
      CHECK_LT(q, questions.size());
      // A log that has verdicts on other questions was left behind.
      CHECK(std::equal(prompts[q].prompt().begin(), prompts[q].prompt().end(), t.ids().begin()));
      if (index < had[q] || index >= had[q] + more[q]) continue;
      JudgeReply& reply = replies.all[q];
      rewards::Verdict verdict = verdict_of(t, questions[q], &reply.problem);
      const bool counts = round > 0 || index < questions[q].num_votes;
      if (counts && verdict) reply.votes.push_back(*verdict);
      next[q] += counts && !verdict;
      if (round > 0) {
        reply.again.push_back(t);
        continue;
      }
      reply.samples.push_back(t);
      reply.verdicts.push_back(std::move(verdict));
    }
    for (size_t q = 0; q < questions.size(); ++q) had[q] += more[q];
    if (round == config_.retries) break;
    more = std::move(next);
    for (const int64_t m : more) replies.asked_again += m;
  }
  return replies;
}

}  // namespace amalgam::pipeline
