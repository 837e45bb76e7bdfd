#include "distill/merging/parameters.h"

#include <cmath>
#include <sstream>

#include "configs/error.h"

namespace amalgam::distill {

void Parameters::fail(const std::string& what) const {
  const std::string reading = spec_.reading == MergeReading::kDefault
                                  ? ""
                                  : std::string(" (reading ") + name_of(spec_.reading) + ")";
  throw Error(name_of(spec_.method) + reading + ": " + what);
}

double Parameters::in_range(const char* name, double value, double low, double high) const {
  if (value >= low && value <= high) return value;  // a NaN is in no range
  std::ostringstream text;
  text << "--" << name << " is between " << low << " and " << high << ", not " << value;
  fail(text.str());
}

std::vector<double> Parameters::weights() {
  std::vector<double> weights;
  for (const MergeSpec::Input& model : spec_.models) {
    if (!std::isfinite(model.weight)) fail("the weight of " + model.directory + " is not finite");
    weights.push_back(model.weight);
  }
  return weights;
}

void Parameters::no_weights() {
  for (const MergeSpec::Input& model : spec_.models)
    if (model.weight != 1) fail("has no weights; leave :WEIGHT out of --model");
}

std::vector<double> Parameters::density(double standard) {
  take("density");
  std::vector<double> density = spec_.density;
  if (density.empty()) density = {standard};
  if (density.size() == 1) density.assign(spec_.models.size(), density[0]);
  if (density.size() != spec_.models.size())
    fail("--density is one number, or one for each of the " + std::to_string(spec_.models.size()) +
         " models, not " + std::to_string(density.size()));
  for (const double d : density) {
    in_range("density", d, 0, 1);
    if (d == 0) fail("--density 0 keeps nothing of a model; leave it out instead");
  }
  return density;
}

std::vector<double> Parameters::density_or_drop_rate(double standard) {
  if (!spec_.drop_rate) return density(standard);
  if (!spec_.density.empty()) fail("--drop-rate is 1 - density; give one of both");
  return std::vector<double>(spec_.models.size(), 1 - drop_rate(0));
}

double Parameters::drop_rate(double standard) {
  take("drop-rate");
  const double rate = in_range("drop-rate", spec_.drop_rate.value_or(standard), 0, 1);
  if (rate == 1) fail("--drop-rate 1 keeps nothing");
  return rate;
}

double Parameters::lambda() {
  take("lambda");
  const double lambda = spec_.lambda.value_or(1);
  if (!std::isfinite(lambda)) fail("--lambda is not finite");
  return lambda;
}

double Parameters::gamma(double standard) {
  take("gamma");
  return in_range("gamma", spec_.gamma.value_or(standard), 0, 1);
}
double Parameters::epsilon(double standard) {
  take("epsilon");
  return in_range("epsilon", spec_.epsilon.value_or(standard), 0, 0.5);
}
double Parameters::t() {
  take("t");
  if (!spec_.t) fail("needs --t, from 0 (the base) to 1 (the model)");
  return in_range("t", *spec_.t, 0, 1);
}
bool Parameters::normalize(bool standard) {
  take("normalize");
  return spec_.normalize.value_or(standard);
}
Rescale Parameters::rescale(Rescale standard) {
  take("rescale");
  return spec_.rescale.value_or(standard);
}
Vote Parameters::vote(Vote standard) {
  take("vote");
  return spec_.vote.value_or(standard);
}

void Parameters::finish() const {
  const auto refuse = [&](const char* name, bool given) {
    if (given && !used_.count(name)) fail(std::string("does not use --") + name);
  };
  refuse("density", !spec_.density.empty());
  refuse("lambda", spec_.lambda.has_value());
  refuse("gamma", spec_.gamma.has_value());
  refuse("epsilon", spec_.epsilon.has_value());
  refuse("t", spec_.t.has_value());
  refuse("drop-rate", spec_.drop_rate.has_value());
  refuse("normalize", spec_.normalize.has_value());
  refuse("rescale", spec_.rescale.has_value());
  refuse("vote", spec_.vote.has_value());
  refuse("seed", spec_.seed.has_value());
}

}  // namespace amalgam::distill
