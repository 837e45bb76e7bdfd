// A [[domain]] with several efforts, taken apart; and what is wrong with one.
#include <algorithm>
#include <set>

#include "configs/run_config.h"

namespace amalgam::configs {
namespace {

std::string part_name(const DomainConfig& d, const std::string& mode) {
  return d.group() + "-" + mode;
}

// Tables of one name that are resolved already, or were given one by one, have parts too.
std::vector<std::string> modes_of(const std::vector<DomainConfig>& resolved,
                                  const std::string& group) {
  std::vector<std::string> modes;
  for (const DomainConfig& d : resolved)
    if (d.group() == group && d.name != group) modes.push_back(d.effort_mode());
  return modes;
}

}  // namespace

void RunConfig::resolve() {
  std::vector<DomainConfig> resolved;
  for (const DomainConfig& d : domains) {
    if (d.efforts.modes.empty()) resolved.push_back(d);
    for (const std::string& mode : d.efforts.modes) {
      DomainConfig part = d;
      part.name = part_name(d, mode);
      part.efforts.modes = {mode};
      resolved.push_back(std::move(part));
    }
  }
  domains = std::move(resolved);

  Weights mixture;
  for (const auto& [name, weight] : base.mixture) {
    const std::vector<std::string> modes = modes_of(domains, name);
    if (modes.empty()) mixture[name] += weight;
    for (const std::string& mode : modes)
      mixture[name + "-" + mode] += weight / static_cast<double>(modes.size());
  }
  base.mixture = std::move(mixture);

  // On prompts of a mode a teacher with modes is its specialist for the same one.
  std::vector<TeacherRow> rows;
  for (const TeacherRow& row : distill.teachers) {
    const std::vector<std::string> modes = modes_of(domains, row.domain);
    if (modes.empty()) rows.push_back(row);
    for (const std::string& mode : modes) {
      TeacherRow part{.domain = row.domain + "-" + mode, .weight = {}};
      for (const auto& [teacher, weight] : row.weight) {
        const std::vector<std::string> others = modes_of(domains, teacher);
        const bool has_mode = std::find(others.begin(), others.end(), mode) != others.end();
        part.weight[has_mode ? teacher + "-" + mode : teacher] += weight;
      }
      rows.push_back(std::move(part));
    }
  }
  distill.teachers = std::move(rows);
}

std::string RunConfig::find_teacher(const std::string& name, const DomainConfig& domain) const {
  const auto is_it = [&](const auto& t) { return t.name == name; };
  if (find_domain(name) || std::any_of(teachers.begin(), teachers.end(), is_it)) return name;
  const std::string part = name + "-" + domain.effort_mode();
  return !domain.effort_mode().empty() && find_domain(part) ? part : "";
}

std::optional<Problem> DomainConfig::effort_problem() const {
  for (const auto& [effort, tokens] : windows)
    if (!is_effort_mode(effort))
      return Problem{"windows." + effort,
                     "is no effort; name none, low, high, max, a number from 1 to 100 or a band as "
                     "b21-40"};
  const std::vector<std::string>& modes = efforts.modes;
  if (modes.empty()) {
    if (specialists == Specialists::kOne)
      return Problem{"specialists", "is about efforts, and this domain has none"};
    return std::nullopt;
  }
  if (mode == Mode::kChat)
    return Problem{"mode", "efforts say whether answers start with reasoning; drop mode"};
  std::set<int> numbers;
  for (size_t i = 0; i < modes.size(); ++i) {
    const auto b = effort_number(modes[i]);
    const auto band = b ? EffortBand{*b, *b} : effort_band(modes[i]);
    bool is_new = std::find(modes.begin(), modes.begin() + static_cast<std::ptrdiff_t>(i),
                            modes[i]) == modes.begin() + static_cast<std::ptrdiff_t>(i);
    for (int n = band ? band->first : 1; is_new && band && n <= band->last; ++n)
      is_new = numbers.insert(n).second;
    if (!is_new) return Problem{"efforts", "'" + modes[i] + "' is there already; drop one"};
    if (effort_form == EffortForm::kEncoding && (band || modes[i] == "low"))
      return Problem{"efforts", "the encoding cannot write '" + modes[i] +
                                    "' (it writes none, high and max); effort_form = \"line\" "
                                    "writes every effort"};
  }
  return std::nullopt;
}

}  // namespace amalgam::configs
