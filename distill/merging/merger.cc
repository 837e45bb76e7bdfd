#include "distill/merging/merger.h"

#include <cmath>
#include <numeric>

#include "configs/error.h"
#include "configs/printable.h"
#include "distill/merging/combine.h"
#include "distill/merging/thresholds.h"

namespace amalgam::distill {
namespace {

using Method = SparsifyStep::Method;

bool has_windows(const SparsifyStep& step) {
  return step.method == Method::kMagnitude || step.method == Method::kOutliers;
}

// In the order of the blocks, whatever thread they were summed by.
double in_order(const std::vector<double>& sums) {
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

// The weights of a and b, from their lengths and their product.
std::pair<double, double> slerp_weights(double t, double aa, double bb, double ab) {
  constexpr double kShort = 1e-8, kParallel = 0.9995;
  const auto length = [](double squares) {
    const double root = std::sqrt(squares);
    return root <= kShort ? 1 : root;
  };
  const double cosine = ab / (length(aa) * length(bb));
  if (std::abs(cosine) > kParallel) return {1 - t, t};
  const double angle = std::acos(cosine);
  return {std::sin((1 - t) * angle) / std::sin(angle), std::sin(t * angle) / std::sin(angle)};
}

}  // namespace

Merger::Merger(const Recipe& recipe, const std::vector<MergeTensor>& tensors, Draws draws,
               kernels::ThreadPool& pool, std::function<void(int64_t)> worked)
    : recipe_(recipe),
      tensors_(tensors),
      draws_(std::move(draws)),
      pool_(pool),
      worked_(std::move(worked)),
      scratch_(static_cast<size_t>(num_workers(pool))),
      states_(tensors.size()) {}

int64_t Merger::unit(size_t tensor) const {
  bool by_rows = false;
  for (const SparsifyStep& s : recipe_.steps) by_rows |= s.method == Method::kDella;
  return block_unit(tensors_[tensor], by_rows);
}

int64_t Merger::planned_work() const {
  int64_t work = 0;
  for (size_t t = 0; t < tensors_.size(); ++t) {
    int64_t passes = recipe_.form == Recipe::Form::kSlerp ? 2 : 1;
    for (const SparsifyStep& s : recipe_.steps)
      passes += (has_windows(s) ? kMaxKeyPasses : 0) + (s.rescale == Rescale::kL1 ? 1 : 0);
    if (recipe_.election && recipe_.election->zero != TieVote::kPlus) ++passes;
    work += passes * tensors_[t].size();
  }
  return work;
}

void Merger::worked(size_t tensor) {
  if (worked_) worked_(tensors_[tensor].size());
}

void Merger::read(const model::FloatSource& source, const Block& b, std::vector<float>& out) {
  out.resize(static_cast<size_t>(b.size()));
  if (!read_elements(source, b.begin, b.end, out.data())) not_finite_ = &source;
}

void Merger::check_finite() const {
  if (const model::FloatSource* s = not_finite_)
    throw Error(printable(s->name) + " holds a number that is not finite");
}

void Merger::compute(size_t tensor, const Block& b, size_t num_steps, Scratch& s) {
  const MergeTensor& t = tensors_[tensor];
  const auto n = static_cast<size_t>(b.size());
  s.v.resize(num_models() * n);
  s.keep.resize(num_models() * n);
  read(*t.base, b, s.base);
  for (size_t m = 0; m < num_models(); ++m) {
    double* v = s.v.data() + m * n;
    uint8_t* keep = s.keep.data() + m * n;
    read(t.models[m], b, s.x);
    for (size_t i = 0; i < n; ++i) v[i] = double{s.x[i]} - double{s.base[i]};
    std::fill_n(keep, n, uint8_t{1});
    for (size_t step = 0; step < num_steps; ++step) apply(tensor, b, step, m, s);
  }
}

void Merger::apply(size_t tensor, const Block& b, size_t step, size_t m, Scratch& s) {
  const SparsifyStep& how = recipe_.steps[step];
  const StepState& known = state(tensor, step, m);
  const auto n = static_cast<size_t>(b.size());
  double* v = s.v.data() + m * n;
  uint8_t* keep = s.keep.data() + m * n;
  if (has_windows(how)) {
    if (known.window.keeps_all()) return;
  } else {
    s.u.resize(n);
    draws_(tensor, m, b.begin, b.end, s.u.data());
  }
  s.step_keep.resize(n);
  kept_by(how, m, known.window, tensors_[tensor].cols, b.begin, b.end, v, s.u.data(), s.order,
          s.step_keep.data());
  for (size_t i = 0; i < n; ++i) {
    v[i] = s.step_keep[i] ? v[i] * known.factor : 0;
    keep[i] &= s.step_keep[i];
  }
}

void Merger::for_values(size_t tensor, size_t num_steps, const OnValues& f) {
  for_blocks(pool_, 0, tensors_[tensor].size(), unit(tensor), [&](const Block& b, int64_t worker) {
    Scratch& s = scratch_[static_cast<size_t>(worker)];
    compute(tensor, b, num_steps, s);
    for (size_t m = 0; m < num_models(); ++m)
      f(b, worker, m, s.v.data() + m * static_cast<size_t>(b.size()));
  });
  check_finite();
  const int64_t work = std::min(window_work_, tensors_[tensor].size());
  window_work_ -= work;
  if (worked_) worked_(work);
}

void Merger::prepare(size_t tensor) {
  if (recipe_.form == Recipe::Form::kSlerp) return find_angle(tensor);
  if (recipe_.form == Recipe::Form::kLinear) return;
  if (!recipe_.needs_whole_model()) {
    if (!states_[tensor].empty() || recipe_.steps.empty()) return;
    states_[tensor].resize(recipe_.steps.size() * num_models());
    for (size_t step = 0; step < recipe_.steps.size(); ++step) prepare_step(step, {tensor});
    return;
  }
  if (surveyed_) return;
  std::vector<size_t> all(tensors_.size());
  std::iota(all.begin(), all.end(), size_t{0});
  for (auto& states : states_) states.resize(recipe_.steps.size() * num_models());
  for (size_t step = 0; step < recipe_.steps.size(); ++step) prepare_step(step, all);
  if (recipe_.election && recipe_.election->zero != TieVote::kPlus) find_majority();
  surveyed_ = true;
}

void Merger::prepare_step(size_t step, const std::vector<size_t>& tensors) {
  const SparsifyStep& how = recipe_.steps[step];
  if (has_windows(how)) {
    if (how.scope == Scope::kModel)
      find_step_windows(step, tensors);
    else
      for (const size_t tensor : tensors) find_step_windows(step, {tensor});
  }
  for (const size_t tensor : tensors) {
    if (how.rescale == Rescale::kL1) find_l1_factors(step, tensor);
    if (how.rescale == Rescale::kDensity)
      for (size_t m = 0; m < num_models(); ++m)
        state(tensor, step, m).factor = how.density[m] > 0 ? 1 / how.density[m] : 1;
  }
}

void Merger::find_step_windows(size_t step, const std::vector<size_t>& tensors) {
  Field field{tensors, {0}};
  for (const size_t tensor : tensors)
    field.first.push_back(field.first.back() + tensors_[tensor].size());
  window_work_ = kMaxKeyPasses * field.size();
  const std::vector<Window> windows =
      find_windows(recipe_.steps[step], num_models(), num_workers(pool_), field,
                   [&](size_t tensor, const OnValues& f) { for_values(tensor, step, f); });
  for (size_t i = 0; i < tensors.size(); ++i)
    for (size_t m = 0; m < num_models(); ++m)
      state(tensors[i], step, m).window = windows[m].from(field.first[i]);
  if (worked_) worked_(window_work_);  // of passes that there was no need for
}

void Merger::find_l1_factors(size_t step, size_t tensor) {
  const int64_t n = tensors_[tensor].size();
  const auto blocks = static_cast<size_t>(num_blocks(n, unit(tensor)));
  std::vector<std::vector<double>> all(num_models(), std::vector<double>(blocks)), kept = all;
  for_blocks(pool_, 0, n, unit(tensor), [&](const Block& b, int64_t worker) {
    Scratch& s = scratch_[static_cast<size_t>(worker)];
    const auto size = static_cast<size_t>(b.size()), block = static_cast<size_t>(b.index);
    compute(tensor, b, step, s);
    for (size_t m = 0; m < num_models(); ++m) {
      const double* v = s.v.data() + m * size;
      for (size_t i = 0; i < size; ++i) all[m][block] += std::abs(v[i]);
      apply(tensor, b, step, m, s);  // its factor is still 1
      for (size_t i = 0; i < size; ++i) kept[m][block] += std::abs(v[i]);
    }
  });
  check_finite();
  constexpr double kSmall = 1e-7;
  for (size_t m = 0; m < num_models(); ++m) {
    const double before = in_order(all[m]), after = in_order(kept[m]);
    state(tensor, step, m).factor = before < kSmall || after < kSmall ? 1 : before / after;
  }
  worked(tensor);
}

void Merger::find_majority() {
  std::vector<int64_t> sums(scratch_.size());
  for (size_t tensor = 0; tensor < tensors_.size(); ++tensor) {
    for_blocks(pool_, 0, tensors_[tensor].size(), unit(tensor),
               [&](const Block& b, int64_t worker) {
                 Scratch& s = scratch_[static_cast<size_t>(worker)];
                 compute(tensor, b, recipe_.steps.size(), s);
                 int64_t sum = 0;
                 for (int64_t i = 0; i < b.size(); ++i)
                   sum += elected_sign(recipe_, s.v.data() + i, b.size());
                 sums[static_cast<size_t>(worker)] += sum;
               });
    check_finite();
    worked(tensor);
  }
  const int64_t total = std::accumulate(sums.begin(), sums.end(), int64_t{0});
  majority_ = (total > 0) - (total < 0);
}

void Merger::find_angle(size_t tensor) {
  if (angle_of_ == tensor) return;
  const MergeTensor& t = tensors_[tensor];
  const auto blocks = static_cast<size_t>(num_blocks(t.size(), unit(tensor)));
  std::vector<double> aa(blocks), bb(blocks), ab(blocks);
  for_blocks(pool_, 0, t.size(), unit(tensor), [&](const Block& block, int64_t worker) {
    Scratch& s = scratch_[static_cast<size_t>(worker)];
    read(t.models[0], block, s.base);
    read(t.models[1], block, s.x);
    const auto i = static_cast<size_t>(block.index);
    for (size_t k = 0; k < s.x.size(); ++k) {
      const double a = s.base[k], b = s.x[k];
      aa[i] += a * a, bb[i] += b * b, ab[i] += a * b;
    }
  });
  check_finite();
  std::tie(weight_a_, weight_b_) =
      slerp_weights(recipe_.t, in_order(aa), in_order(bb), in_order(ab));
  angle_of_ = tensor;
  worked(tensor);
}

void Merger::merge(size_t tensor, int64_t begin, int64_t end, const Take& take) {
  prepare(tensor);
  const MergeTensor& t = tensors_[tensor];
  // linear and slerp: sums of the models themselves.
  std::vector<double> weights = recipe_.weights;
  double divisor = 1;
  if (recipe_.form == Recipe::Form::kSlerp) weights = {weight_a_, weight_b_};
  if (recipe_.normalize) divisor = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (Scratch& s : scratch_) s.kept.assign(num_models(), 0);
  for_blocks(pool_, begin, end, unit(tensor), [&](const Block& b, int64_t worker) {
    Scratch& s = scratch_[static_cast<size_t>(worker)];
    const auto n = static_cast<size_t>(b.size());
    s.result.assign(n, 0);
    if (recipe_.form == Recipe::Form::kDeltas) {
      compute(tensor, b, recipe_.steps.size(), s);
      for (size_t m = 0; m < num_models(); ++m)
        for (size_t i = 0; i < n; ++i) s.kept[m] += s.keep[m * n + i];
      combine(recipe_, majority_, s.base.data(), s.v.data(), b.size(), s.result.data());
    } else {
      for (size_t m = 0; m < weights.size(); ++m) {
        read(t.models[m], b, s.x);
        for (size_t i = 0; i < n; ++i) s.result[i] += weights[m] * double{s.x[i]};
      }
      for (size_t i = 0; i < n; ++i) s.result[i] /= divisor;
    }
    take(b.begin, b.end, s.result.data());
  });
  check_finite();
  kept_.assign(num_models(), 0);
  for (const Scratch& s : scratch_)
    for (size_t m = 0; m < num_models(); ++m) kept_[m] += s.kept[m];
  if (worked_) worked_(end - begin);
}

}  // namespace amalgam::distill
