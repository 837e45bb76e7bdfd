#include "configs/run_config.h"

#include <algorithm>

namespace amalgam::configs {
namespace {

std::optional<Problem> tools_problem(const RunConfig& config) {
  const std::vector<std::string> known = config.tool_names();
  for (const ToolConfig& tool : config.tools)
    if (std::count(known.begin(), known.end(), tool.name) > 1)
      return Problem{"tool", "two tools are named '" + tool.name + "'; rename one"};
  for (const DomainConfig& domain : config.domains) {
    const std::string where = "tools of domain '" + domain.name + "': ";
    for (const std::string& name : domain.tools) {
      if (std::find(known.begin(), known.end(), name) == known.end())
        return Problem{"domain", where + no_such_tool(name, known)};
      if (std::count(domain.tools.begin(), domain.tools.end(), name) > 1)
        return Problem{"domain", where + "'" + name + "' stands there twice; drop one"};
    }
  }
  return std::nullopt;
}

std::optional<Problem> teachers_problem(const RunConfig& config) {
  for (const TeacherConfig& t : config.teachers) {
    const auto is_it = [&](const auto& other) { return other.name == t.name; };
    if (std::count_if(config.teachers.begin(), config.teachers.end(), is_it) > 1)
      return Problem{"teacher", "two teachers are named '" + t.name + "'; rename one"};
    for (const DomainConfig& d : config.domains)
      if (d.name == t.name || d.group() == t.name)
        return Problem{"teacher", "'" + t.name +
                                      "' is a domain, whose specialist has this name; "
                                      "rename the teacher"};
  }
  constexpr char kKey[] = "distill.teachers";
  std::vector<std::string> rows;
  for (const TeacherRow& row : config.distill.teachers) {
    const DomainConfig* domain = config.find_domain(row.domain);
    if (!domain) return Problem{kKey, "no [[domain]] is named '" + row.domain + "'"};
    if (std::find(rows.begin(), rows.end(), row.domain) != rows.end())
      return Problem{kKey, "two rows are for domain '" + row.domain + "'; merge them"};
    rows.push_back(row.domain);
    double sum = 0;
    for (const auto& [teacher, weight] : row.weight) {
      if (config.find_teacher(teacher, *domain).empty())
        return Problem{kKey, "row '" + row.domain +
                                 "': no [[domain]] and no [[teacher]] is named '" + teacher + "'"};
      sum += weight;
    }
    if (sum <= 0)
      return Problem{kKey, "row '" + row.domain + "' gives no teacher a weight above 0"};
  }
  return std::nullopt;
}

// Every method has at most the student's candidates, and the same samples and updates.
std::optional<Problem> candidates_problem(const RunConfig& config, const CompareConfig& c) {
  const auto key = [&](const std::string& k) { return "compare." + c.name + "." + k; };
  const int64_t most = config.num_candidates();
  const auto size = [](const std::vector<double>& list) {
    return std::max<int64_t>(1, static_cast<int64_t>(list.size()));
  };
  if (const int64_t n = size(c.scales) * size(c.densities) * size(c.ts); n > most)
    return Problem{key(c.ts.empty() ? c.scales.empty() ? "densities" : "scales" : "ts"),
                   std::to_string(n) + " candidates, and the student has " + std::to_string(most) +
                       " (validated steps of its learning rates): give as many at most"};
  if (!c.learning_rates.empty() && size(c.learning_rates) != size(config.distill.lr_candidates))
    return Problem{key("learning_rates"), "the student has " +
                                              std::to_string(size(config.distill.lr_candidates)) +
                                              " (distill.lr_candidates): give as many"};
  if (c.parameters.reward_coef > 0 && config.distill.rollout.n < 2)
    return Problem{key("reward_coef"),
                   "compares the rewards of a prompt's samples; give distill.rollout.n of at least "
                   "2"};
  if (c.method != Method::kMixedRl || config.distill.steps == 0) return std::nullopt;
  const int64_t samples = config.distill.data.train_batch_size * config.distill.rollout.n;
  const int64_t n = c.n == 0 ? config.rl.rollout.n : c.n;
  if (n < 2 || samples % n != 0)
    return Problem{key("n"), "a step of [distill] has " + std::to_string(samples) +
                                 " samples, which mixed_rl takes in groups of " +
                                 std::to_string(n) +
                                 " a prompt; give an n of at least 2 that divides them"};
  for (const DomainConfig& domain : config.domains)
    if (domain.judge.is_on())
      return Problem{key("method"), "domain '" + domain.name +
                                        "' has a judge, whose verdicts train only its own "
                                        "specialist; drop mixed_rl or the judge"};
  return std::nullopt;
}

std::optional<Problem> compare_problem(const RunConfig& config) {
  for (const CompareConfig& c : config.compare) {
    if (std::count_if(config.compare.begin(), config.compare.end(),
                      [&](const CompareConfig& other) { return other.name == c.name; }) > 1)
      return Problem{"compare",
                     "two comparisons are named '" + c.name + "'; give one another name"};
    if (auto problem = candidates_problem(config, c)) return problem;
  }
  return std::nullopt;
}

}  // namespace

const DomainConfig* RunConfig::find_domain(const std::string& name) const {
  for (const DomainConfig& domain : domains) {
    if (domain.name == name) return &domain;
  }
  return nullptr;
}

std::vector<std::string> RunConfig::tool_names() const {
  std::vector<std::string> names = builtin_tools();
  for (const ToolConfig& tool : tools) names.push_back(tool.name);
  return names;
}

int64_t RunConfig::num_candidates() const {
  const bool judged = std::any_of(domains.begin(), domains.end(),
                                  [](const DomainConfig& d) { return d.judge.is_on(); });
  // What a judge says chooses no step.
  return judged ? std::max<int64_t>(1, static_cast<int64_t>(distill.lr_candidates.size()))
                : distill.num_candidates();
}

std::optional<Problem> RunConfig::problem() const {
  if (domains.empty()) return Problem{"domain", "no domain; add a [[domain]] table"};
  for (const DomainConfig& domain : domains) {
    if (find_domain(domain.name) != &domain) {
      return Problem{"domain", "two domains are named '" + domain.name + "'; rename one"};
    }
  }
  for (const DomainConfig& a : domains)
    for (const DomainConfig& b : domains)
      if (a.group() == b.group() &&
          (a.effort_mode().empty() != b.effort_mode().empty() || a.specialists != b.specialists))
        return Problem{"domain", "two domains are named '" + a.group() +
                                     "', and differ in more than their efforts; rename one"};
  for (const DomainConfig& domain : domains)
    if (domain.generator == Generator::kNone && domain.data != data)
      return Problem{"domain", "data of domain '" + domain.name +
                                   "': counts rows of a generator; this domain's are its files'"};
  for (const DomainConfig& domain : domains)
    if (!domain.has_program() && domain.reward.calls_differ(reward))
      return Problem{"domain", "reward of domain '" + domain.name +
                                   "': processes, deadline_s, python, env and kwargs are about a "
                                   "reward_file, and this domain has none"};
  for (const DomainConfig& domain : domains)
    if (domain.reward_file.empty() && domain.reward.kwargs != reward.kwargs)
      return Problem{"domain", "reward.kwargs of domain '" + domain.name +
                                   "': are of a reward_file; a generator has its generator_config"};
  if (const auto problem = tools_problem(*this)) return problem;
  if (const auto problem = compare_problem(*this)) return problem;
  for (const auto& [name, weight] : base.mixture) {
    if (!find_domain(name)) {
      return Problem{"base.mixture." + name, "no [[domain]] has this name"};
    }
  }
  const bool new_without_mtp =
      model.path.empty() && model.config.empty() && model.num_nextn_predict_layers == 0;
  if (new_without_mtp) {
    constexpr char kNeeds[] = "needs model.num_nextn_predict_layers = 1";
    for (const DomainConfig& domain : domains) {
      if (domain.rl.rollout.draft) return Problem{"rl.rollout.draft", kNeeds};
    }
    if (distill.rollout.draft) return Problem{"distill.rollout.draft", kNeeds};
  }
  const bool judge_alone = std::any_of(
      domains.begin(), domains.end(),
      [](const DomainConfig& domain) { return domain.judge.is_on() && !domain.has_program(); });
  constexpr char kNothingCompares[] =
      "several candidates are compared by scores, and a domain's are those of a judge, who would "
      "choose by its own taste; give one, or a reward_file that audits";
  if (judge_alone && distill.lr_candidates.size() > 1)
    return Problem{"distill.lr_candidates", kNothingCompares};
  for (const DomainConfig& domain : domains) {
    if (!domain.judge.is_on()) continue;
    const std::string why = "a judge scores domain '" + domain.name +
                            "', and in a distillation there is none; drop one";
    if (distill.parameters.reward_coef > 0) return Problem{"distill.reward_coef", why};
    for (const CompareConfig& c : compare)
      if (c.parameters.reward_coef > 0) return Problem{"compare." + c.name + ".reward_coef", why};
  }
  return teachers_problem(*this);
}

}  // namespace amalgam::configs
