#include "pipeline/stages/row_teachers.h"

#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace amalgam::pipeline {

std::optional<configs::Weights> row_teachers(const configs::RunConfig& config,
                                             const configs::DomainConfig& domain, const Row& row) {
  constexpr double kMost = 1e6;
  if (row.extra_info.find("\"teachers\"") == std::string::npos) return std::nullopt;
  const auto info = nlohmann::json::parse(row.extra_info);
  const auto teachers = info.find("teachers");
  if (teachers == info.end()) return std::nullopt;
  if (!teachers->is_object())
    throw Error("extra_info.teachers gives no weights; write {\"NAME\": weight}");
  configs::Weights weights;
  double sum = 0;
  for (const auto& [name, weight] : teachers->items()) {
    const std::string teacher = config.find_teacher(name, domain);
    if (teacher.empty())
      throw Error("extra_info.teachers: no [[domain]] and no [[teacher]] is named '" + name + "'");
    if (!weight.is_number() || !(weight.get<double>() >= 0 && weight.get<double>() <= kMost))
      throw Error("extra_info.teachers: the weight of '" + name +
                  "' must be a number from 0 to 1e6");
    weights[teacher] += weight.get<double>();
    sum += weight.get<double>();
  }
  if (sum <= 0) throw Error("extra_info.teachers gives no teacher a weight above 0");
  return weights;
}

configs::Weights domain_teachers(const configs::RunConfig& config,
                                 const configs::DomainConfig& domain) {
  for (const configs::TeacherRow& row : config.distill.teachers) {
    if (row.domain != domain.name) continue;
    configs::Weights weights;
    for (const auto& [name, weight] : row.weight)
      weights[config.find_teacher(name, domain)] += weight;
    return weights;
  }
  return {{domain.name, 1.0}};
}

}  // namespace amalgam::pipeline
