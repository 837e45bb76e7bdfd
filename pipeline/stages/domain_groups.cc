#include "pipeline/stages/domain_groups.h"

#include <algorithm>

#include "configs/error.h"

namespace amalgam::pipeline {
namespace {

template <class F>
Domains domains_where(const configs::RunConfig& config, const F& is_wanted) {
  Domains all;
  for (const configs::DomainConfig& d : config.domains)
    if (is_wanted(d)) all.push_back(&d);
  return all;
}

bool is_one_policy(const configs::DomainConfig& d) {
  return d.specialists == configs::Specialists::kOne;
}

}  // namespace

Domains specialist_domains(const configs::RunConfig& config, const configs::DomainConfig& domain) {
  const std::string name = specialist_name(domain);
  return domains_where(config, [&](const auto& d) { return specialist_name(d) == name; });
}

std::string specialist_name(const configs::DomainConfig& domain) {
  return is_one_policy(domain) ? domain.group() : domain.name;
}

Domains one_of_each_specialist(const configs::RunConfig& config) {
  return domains_where(config,
                       [&](const auto& d) { return specialist_domains(config, d)[0] == &d; });
}

std::vector<std::string> student_groups(const configs::RunConfig& config) {
  std::vector<std::string> groups;
  for (const configs::DomainConfig& d : config.domains)
    if (const std::string group = student_group(config, d);
        std::find(groups.begin(), groups.end(), group) == groups.end())
      groups.push_back(group);
  return groups;
}

std::string student_group(const configs::RunConfig& config, const configs::DomainConfig& domain) {
  return config.distill.students == configs::Students::kOne ? "" : domain.group();
}

Domains domains_of(const configs::RunConfig& config, const std::string& group) {
  return domains_where(config, [&](const auto& d) { return group.empty() || d.group() == group; });
}

std::string merged_name(const std::string& model, const std::string& group) {
  return group.empty() ? model : model + "-" + group;
}

Domains named_domains(const configs::RunConfig& config, const std::string& name,
                      const std::string& effort) {
  const Domains of_name =
      domains_where(config, [&](const auto& d) { return d.name == name || d.group() == name; });
  if (of_name.empty()) throw Error("the config has no domain '" + name + "'");
  if (effort.empty()) return of_name;
  Domains found;
  std::string modes;
  for (const configs::DomainConfig* d : of_name) {
    if (d->effort_mode() == effort) found.push_back(d);
    if (!d->effort_mode().empty()) modes += (modes.empty() ? "" : ", ") + d->effort_mode();
  }
  if (found.empty())
    throw Error("domain '" + name + "' has no effort '" + effort + "'; " +
                (modes.empty() ? "its table lists no efforts" : "it has " + modes));
  return found;
}

}  // namespace amalgam::pipeline
