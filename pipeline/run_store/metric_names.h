// Every name that metrics.jsonl may have, with its meaning: the source of docs/METRICS.md.
#pragma once
#include <string>
#include <vector>

namespace amalgam::pipeline {

struct MetricName {
  // DOMAIN, TEACHER, SOURCE and N stand for what a run has there; "[/DOMAIN]" may be missing.
  std::string name;
  std::string stages;   // "rl, distill"
  std::string unit;     // "nats"; empty: none
  std::string meaning;  // one line
};
const std::vector<MetricName>& metric_names();
std::vector<MetricName> judge_metric_names();  // its part of stages with a judge

// Whether a name of metrics.jsonl is in the table.
bool is_documented_metric(const std::string& name);

// docs/METRICS.md.
std::string metrics_reference();

}  // namespace amalgam::pipeline
