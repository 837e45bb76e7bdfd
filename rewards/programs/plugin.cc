#include "rewards/programs/plugin.h"

#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>

#include "configs/domain_config.h"
#include "configs/error.h"
#include "configs/format.h"
#include "configs/log/log.h"
#include "rewards/programs/plugin_program.h"
#include "rewards/programs/reasoning_gym_program.h"

namespace amalgam::rewards {
namespace {

using nlohmann::json;

Status parse_status(const std::string& name) {
  if (name == "scored") return Status::kScored;
  if (name == "wrong_type") return Status::kWrongType;
  if (name == "not_finite") return Status::kNotFinite;
  if (name == "no_reward") return Status::kNoReward;
  return Status::kVerifierFailed;
}

PluginForm parse_form(const std::string& name) {
  if (name == "trl") return PluginForm::kTrl;
  return name == "verl_batch" ? PluginForm::kVerlBatch : PluginForm::kVerl;
}

json parse_or_null(const std::string& text) { return text.empty() ? json() : json::parse(text); }

// Nothing that a function was not meant to see, as keys to services, reaches it by accident. The
// hash seed is fixed, for the order of Python's sets must not differ between runs.
std::vector<std::string> environment_of(const PluginOptions& options) {
  std::vector<std::string> environment = {"PYTHONHASHSEED=0"};
  for (const char* name : {"HOME", "LANG", "PATH", "TMPDIR", "VIRTUAL_ENV"})
    if (const char* value = std::getenv(name))
      environment.push_back(std::string(name) + "=" + value);
  for (const std::string& name : options.environment) {
    const char* value = std::getenv(name.c_str());
    if (!value) throw Error("reward.env names " + name + ", which is not set");
    log::hide(value);
    environment.push_back(name + "=" + value);
  }
  return environment;
}

// The scores of `count` samples, or nothing if that is no answer.
std::optional<std::vector<Score>> parse_scores(const std::string& reply, size_t count) {
  const auto answer = nlohmann::ordered_json::parse(reply, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object() || !answer.contains("scores") || answer["scores"].size() != count)
    return std::nullopt;
  std::vector<Score> scores;
  for (const auto& one : answer["scores"]) {
    const Status status = parse_status(one.at("status").get<std::string>());
    if (status != Status::kScored) {
      scores.push_back(failed(status, one.at("detail").get<std::string>()));
      continue;
    }
    Score score = scored(one.at("score").get<double>(), "plug-in");
    score.answer = one.value("answer", "");
    const auto parts = one.value("parts", nlohmann::ordered_json::object());
    for (const auto& [name, part] : parts.items())
      score.parts.emplace_back(name, part.get<double>());
    scores.push_back(std::move(score));
  }
  return scores;
}

}  // namespace

PluginOptions plugin_options(const configs::DomainConfig& domain) {
  if (domain.generator.source == configs::Generator::kReasoningGym)
    return {.path = domain.generator.text(),
            .function = "compute_score",
            .call_deadline_seconds = domain.reward.deadline_s,
            .python = domain.reward.interpreter(),
            .environment = domain.reward.env,
            .kwargs = json({{"task", domain.generator.data_set},
                            {"config", json::parse(domain.generator_config.json)}})
                          .dump(),
            .name = "reward " + domain.name,
            .source = kReasoningGymProgram};
  return {.path = domain.reward_file.string(),
          .function = domain.reward_function,
          .call_deadline_seconds = domain.reward.deadline_s,
          .python = domain.reward.interpreter(),
          .environment = domain.reward.env,
          .kwargs = domain.reward.kwargs.json,
          .name = "reward " + domain.name,
          .weights = domain.reward_weights};
}

Plugin::Plugin(PluginOptions options) : options_(std::move(options)) {
  Started first = start();
  form_ = first.form;
  facts_ = std::move(first.facts);
  idle_.push_back(std::move(first.child));
}

std::string Plugin::ask(ChildProcess* child, const std::string& line, double deadline_seconds,
                        Score* failure) {
  {
    const std::lock_guard lock(mutex_);
    busy_.insert(child);
    if (stopped_) child->cancel();
  }
  std::string reply;
  const ChildProcess::Outcome outcome = child->call(line, deadline_seconds, &reply);
  {
    const std::lock_guard lock(mutex_);
    busy_.erase(child);
  }
  if (outcome == ChildProcess::Outcome::kTimeout)
    *failure = failed(Status::kTimeout,
                      "no answer within " + configs::format_number(deadline_seconds) + " s");
  else if (outcome == ChildProcess::Outcome::kClosed)
    *failure =
        failed(Status::kVerifierFailed, "the function's process ended, " + child->how_it_ended());
  else
    *failure = {Status::kScored, 0, ""};
  if (outcome != ChildProcess::Outcome::kOk)
    log::info(log::Part::kReward,
              options_.name + ": " + failure->detail + "; the next call has a new process");
  return reply;
}

Plugin::Started Plugin::start() {
  const std::string what = options_.source.empty() ? "reward plug-in " + options_.path + ": " : "";
  auto child = std::make_unique<ChildProcess>(
      options_.name,
      std::vector<std::string>{options_.python, "-c", plugin_program(), std::to_string(::getpid())},
      environment_of(options_));
  const json setup = {{"path", options_.path},
                      {"source", options_.source},
                      {"functions", options_.function.all},
                      {"weights", options_.weights},
                      {"kwargs", json::parse(options_.kwargs)}};
  Score failure;
  const std::string reply =
      ask(child.get(), setup.dump(), options_.start_deadline_seconds, &failure);
  if (failure.status != Status::kScored) throw Error(what + "was not loaded: " + failure.detail);
  const json hello = json::parse(reply, nullptr, /*allow_exceptions=*/false);
  if (hello.contains("error")) throw Error(what + hello["error"].get<std::string>());
  if (!hello.contains("form")) throw Error(what + "broke its protocol");
  using Names = std::vector<std::string>;
  return {.child = std::move(child),
          .form = parse_form(hello["form"].get<std::string>()),
          .facts = {.python = options_.python,
                    .python_version = hello.value("python", ""),
                    .files = hello.value("files", Names()),
                    .function = hello.value("function", ""),
                    .columns = hello.value("columns", Names()),
                    .package = hello.value("package", "")}};
}

std::unique_ptr<ChildProcess> Plugin::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto child = std::move(idle_.back());
      idle_.pop_back();
      return child;
    }
  }
  return start().child;
}

void Plugin::give_back(std::unique_ptr<ChildProcess> child) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(child));
}

std::vector<Score> Plugin::score(const std::string& seed,
                                 const std::vector<PluginRequest>& samples) {
  json message = {{"seed", seed}, {"samples", json::array()}};
  for (const PluginRequest& s : samples) {
    json sample = {{"data_source", s.data_source},
                   {"solution", s.solution},
                   {"ground_truth", parse_or_null(s.ground_truth)},
                   {"extra_info", parse_or_null(s.extra_info)},
                   {"row", parse_or_null(s.row)}};
    if (form_ == PluginForm::kTrl) sample["completion_ids"] = s.completion_ids;
    message["samples"].push_back(std::move(sample));
  }
  // Sampled text may be cut inside a character.
  const std::string line = message.dump(-1, ' ', true, json::error_handler_t::replace);
  Score failure;
  std::optional<std::vector<Score>> scores;
  std::unique_ptr<ChildProcess> child;
  try {
    child = take();
    const std::string reply = ask(child.get(), line, options_.call_deadline_seconds, &failure);
    if (failure.status == Status::kScored) {
      scores = parse_scores(reply, samples.size());
      failure = failed(Status::kVerifierFailed, "the plug-in broke its protocol");
    }
  } catch (const std::exception& e) {
    failure = failed(Status::kVerifierFailed, e.what());
  }
  if (!scores) return std::vector<Score>(samples.size(), failure);
  give_back(std::move(child));
  return *scores;
}

std::string Plugin::request(const std::string& line, double deadline_seconds) {
  std::unique_ptr<ChildProcess> child = take();
  Score failure;
  const std::string reply = ask(child.get(), line, deadline_seconds, &failure);
  if (failure.status != Status::kScored) throw Error(options_.path + ": " + failure.detail);
  give_back(std::move(child));
  const json answer = json::parse(reply, nullptr, /*allow_exceptions=*/false);
  if (answer.is_object() && answer.contains("error"))
    throw Error(options_.path + ": " + answer["error"].get<std::string>());
  return reply;
}

void Plugin::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  for (ChildProcess* child : busy_) child->cancel();
}

}  // namespace amalgam::rewards
