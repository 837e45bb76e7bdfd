#include "distill/merging/recipe.h"

#include <algorithm>
#include <cmath>

#include "configs/error.h"
#include "distill/merging/parameters.h"

namespace amalgam::distill {
namespace {

using Method = SparsifyStep::Method;
constexpr MergeReading kDefault = MergeReading::kDefault, kMergekit = MergeReading::kMergekit,
                       kPeft = MergeReading::kPeft, kAuthors = MergeReading::kAuthors,
                       kMergeLm = MergeReading::kMergeLm;

// The definition that a method and its reading come to; an Error where there is none.
MergeReading meant_reading(const MergeSpec& spec, const Parameters& p) {
  std::vector<MergeReading> has;
  switch (spec.method) {
    case MergeMethod::kTies:
      if (spec.reading == kDefault) return kMergekit;
      return spec.reading;
    case MergeMethod::kDare:  // DARE's authors wrote MergeLM
    case MergeMethod::kDareTies:
      return spec.reading == kMergeLm ? kAuthors : spec.reading;
    case MergeMethod::kTaskArithmetic:  // all agree
      return spec.reading;
    case MergeMethod::kMagnitudePrune:
      has = {kDefault, kPeft};
      break;
    default:
      has = {kDefault, kMergekit};
  }
  if (std::find(has.begin(), has.end(), spec.reading) == has.end())
    p.fail(std::string("is read in one way only, as ") + name_of(has[1]));
  return spec.reading == kDefault ? has[1] : spec.reading;
}

class Writer {
 public:
  explicit Writer(const MergeSpec& spec)
      : spec_(spec), p_(spec), reading_(meant_reading(spec, p_)), r_{} {}

  Recipe write() {
    switch (spec_.method) {
      case MergeMethod::kLinear:
        linear();
        break;
      case MergeMethod::kSlerp:
        slerp();
        break;
      case MergeMethod::kTaskArithmetic:
        r_.weights = p_.weights();
        lambda_and_divisor(false);
        break;
      case MergeMethod::kTies:
        ties();
        break;
      case MergeMethod::kMagnitudePrune:
        trim(TrimRule::kLargest);
        r_.weights = p_.weights();
        if (spec_.reading == kDefault) r_.lambda = p_.lambda();
        break;
      case MergeMethod::kDare:
        dare();
        break;
      case MergeMethod::kDareTies:
        dare_ties();
        break;
      case MergeMethod::kBreadcrumbs:
      case MergeMethod::kBreadcrumbsTies:
        breadcrumbs();
        break;
      case MergeMethod::kDella:
      case MergeMethod::kDellaLinear:
        della();
        break;
    }
    if (r_.is_random()) p_.seed();
    p_.finish();
    return std::move(r_);
  }

 private:
  void linear() {
    r_.form = Recipe::Form::kLinear;
    r_.weights = p_.weights();
    r_.normalize = p_.normalize(true);
    double sum = 0;
    for (const double w : r_.weights) sum += w;
    if (r_.normalize && std::abs(sum) < 1e-8)
      p_.fail("the weights sum to 0, so there is no mean; change one, or give --normalize=false");
  }

  void slerp() {
    r_.form = Recipe::Form::kSlerp;
    p_.no_weights();
    if (spec_.models.size() != 1)
      p_.fail("is between two models, --base and one --model, not " +
              std::to_string(spec_.models.size() + 1));
    r_.t = p_.t();
  }

  // Of all readings that have a lambda; `normalize` divides by the weights that are summed.
  void lambda_and_divisor(bool normalize) {
    r_.lambda = p_.lambda();
    if (p_.normalize(normalize))
      r_.divisor = r_.election ? Divisor::kAgreeingWeights : Divisor::kSumWeights;
  }

  void trim(TrimRule rule) {
    r_.steps.push_back({.density = p_.density(kTrimDensity), .rule = rule});
  }
  void trim_whole_model(TrimRule rule) {
    SparsifyStep step{.scope = Scope::kModel, .rule = rule};
    if (rule == TrimRule::kFromTop) {
      step.density = p_.density(kTrimDensity);
    } else {
      step.drop_rate = p_.drop_rate(1 - kTrimDensity);
    }
    r_.steps.push_back(std::move(step));
  }

  void ties() {
    if (reading_ == kMergekit) {
      trim(TrimRule::kAtLeastOne);
      r_.steps[0].rescale = p_.rescale(Rescale::kNone);
      if (r_.steps[0].rescale == Rescale::kDensity) p_.fail("--rescale is none or l1");
      r_.election = Election{Vote::kWeightedSum, TieVote::kPlus};
      r_.weights = p_.weights();
      lambda_and_divisor(true);
    } else if (reading_ == kPeft) {
      trim(TrimRule::kLargest);
      peft_election();
    } else {
      trim_whole_model(reading_ == kAuthors ? TrimRule::kFromTop : TrimRule::kFromBottom);
      authors_election();
    }
  }

  void peft_election() {
    r_.election = Election{p_.vote(Vote::kSum), TieVote::kPlus};
    if (r_.election->by == Vote::kWeightedSum) p_.fail("--vote is sum or count");
    r_.divisor = Divisor::kAgreeingCount;
    r_.weights = p_.weights();
  }
  void authors_election() {
    // Of TIES the authors fall back to minus, MergeLM to nobody.
    const bool minus = spec_.method == MergeMethod::kTies && reading_ == kAuthors;
    r_.election =
        Election{Vote::kSum, minus ? TieVote::kMajorityElseMinus : TieVote::kMajorityElseNone};
    r_.divisor = Divisor::kAgreeingCount;
    p_.no_weights();
    r_.weights = p_.weights();
    r_.lambda = p_.lambda();
  }

  void mask(std::vector<double> density) {
    const Rescale standard = reading_ == kMergekit ? Rescale::kL1 : Rescale::kDensity;
    const bool chosen = reading_ == kMergekit || reading_ == kDefault;
    r_.steps.push_back({.method = Method::kMask,
                        .density = std::move(density),
                        .rescale = chosen ? p_.rescale(standard) : standard});
  }

  void dare() {
    mask(p_.density_or_drop_rate(kMaskDensity));
    if (reading_ == kAuthors) p_.no_weights();
    r_.weights = p_.weights();
    if (reading_ != kPeft) lambda_and_divisor(false);
  }

  void dare_ties() {
    if (reading_ == kAuthors) {
      mask(p_.density(kMaskDensity));
      trim_whole_model(TrimRule::kFromBottom);
      return authors_election();
    }
    mask(p_.density_or_drop_rate(kMaskDensity));
    if (reading_ == kPeft) return peft_election();
    r_.election = Election{Vote::kWeightedSum, TieVote::kPlus};
    r_.weights = p_.weights();
    lambda_and_divisor(false);
  }

  void breadcrumbs() {
    SparsifyStep step{.method = Method::kOutliers, .density = p_.density(kBreadcrumbsDensity)};
    step.gamma = p_.gamma(0.01);
    r_.steps.push_back(std::move(step));
    if (spec_.method == MergeMethod::kBreadcrumbsTies)
      r_.election = Election{Vote::kWeightedSum, TieVote::kPlus};
    r_.weights = p_.weights();
    lambda_and_divisor(false);
  }

  void della() {
    SparsifyStep step{.method = Method::kDella, .density = p_.density(kMaskDensity)};
    step.epsilon = p_.epsilon(0.15);
    for (const double d : step.density)
      if (d < 1 && (d - step.epsilon <= 0 || d + step.epsilon >= 1))
        p_.fail("--density less and plus --epsilon must be between 0 and 1");
    step.rescale = p_.rescale(Rescale::kL1);
    if (step.rescale == Rescale::kDensity) p_.fail("--rescale is none or l1");
    r_.steps.push_back(std::move(step));
    if (spec_.method == MergeMethod::kDella)
      r_.election = Election{Vote::kWeightedSum, TieVote::kPlus};
    r_.weights = p_.weights();
    lambda_and_divisor(false);
  }

  static constexpr double kTrimDensity = 0.2, kMaskDensity = 0.5, kBreadcrumbsDensity = 0.9;

  const MergeSpec& spec_;
  Parameters p_;
  const MergeReading reading_;
  Recipe r_;
};

}  // namespace

bool Recipe::is_random() const {
  return std::any_of(steps.begin(), steps.end(), [](const SparsifyStep& s) {
    return s.method == Method::kMask || s.method == Method::kDella;
  });
}

bool Recipe::needs_whole_model() const {
  return (election && election->zero != TieVote::kPlus) ||
         std::any_of(steps.begin(), steps.end(),
                     [](const SparsifyStep& s) { return s.scope == Scope::kModel; });
}

Recipe recipe_of(const MergeSpec& spec) {
  if (spec.models.empty()) throw Error("merge: give at least one --model");
  return Writer(spec).write();
}

}  // namespace amalgam::distill
