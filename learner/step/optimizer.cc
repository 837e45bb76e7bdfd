#include "learner/step/optimizer.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "configs/check.h"
#include "learner/optim/adamw.h"
#include "learner/optim/muon.h"
#include "learner/optim/sum_of_squares.h"
#include "learner/step/router_balance.h"

namespace amalgam::learner {
namespace {

// Matrices up to here are done whole by one thread each, and stay in its cache for all iterations;
// a larger one takes all threads.
constexpr int64_t kLaneElements = 1 << 20;

// Pieces of elementwise work. Part of the definition of the gradient norm's bits.
constexpr int64_t kPieceElements = 16384;

double newton_schulz_work(int64_t rows, int64_t cols) {
  const auto n = static_cast<double>(std::min(rows, cols));
  const auto k = static_cast<double>(std::max(rows, cols));
  return n * n * (2 * k + n);
}

// The name of the first tensor with a NaN or an infinity.
std::string first_non_finite(const model::Weights& weights) {
  struct Find {
    std::string found;
    void operator()(const std::string& name, const kernels::Tensor& t, model::Role) {
      if (found.empty() && !std::isfinite(sum_of_squares(t.data, t.size()))) found = name;
    }
    void operator()(const std::string&, const kernels::IntTensor&) {}
  } find;
  visit(weights, find);
  return find.found;
}

// The block that Weights::bind filled starts with the first visited tensor.
float* base_of(const model::Weights& weights) { return weights.embed.data; }

}  // namespace

struct Optimizer::Blocks {
  const float *grad, *w, *m, *v;
  float *w_next, *m_next, *v_next;

  void keep(const Entry& e) const {
    const int64_t n = e.rows * e.cols;
    std::copy_n(w + e.offset, n, w_next + e.offset);
    std::copy_n(m + e.offset, n, m_next + e.offset);
  }
};

Optimizer::Group Optimizer::group_of(const std::string& name) {
  if (name.find(".indexer.") != std::string::npos) return kIndexer;
  return name.starts_with("mtp.") ? kMtp : kModel;
}

Optimizer::Optimizer(const configs::OptimConfig& config, const model::ModelConfig& model,
                     Trained trained)
    : config_(config) {
  struct Sort {
    Optimizer& o;
    Trained trained;
    int64_t offset = 0;
    void split(int64_t size, Group group, std::vector<Entry>& into) const {
      for (int64_t i = 0; i < size; i += kPieceElements)
        into.push_back({offset + i, 1, std::min(kPieceElements, size - i), group});
    }
    bool moves(const std::string& name) const {
      return trained == Trained::kAll ||
             (name.starts_with("layers.") && name.find(".indexer.") != std::string::npos);
    }
    void operator()(const std::string& name, const kernels::Tensor& t, model::Role role) {
      const Group group = group_of(name);
      if (moves(name)) split(t.size(), group, o.norm_pieces_);
      if (!moves(name) && role != model::Role::kBalanceBias)
        split(t.size(), group, o.frozen_);
      else if (role == model::Role::kBalanceBias)
        o.biases_.push_back({offset, 1, t.size(), group});
      else if (role == model::Role::kMatrix && o.config_.kind == configs::OptimKind::kMuon)
        o.matrices_.push_back({offset, t.rows, t.cols, group});
      else
        split(t.size(), group, o.elements_);
      offset += t.size();
    }
    void operator()(const std::string&, const kernels::IntTensor&) const {}
  };
  const model::Weights shapes(model);
  visit(shapes, Sort{*this, trained});
  norm_sums_.resize(norm_pieces_.size());
  std::stable_sort(matrices_.begin(), matrices_.end(), [](const Entry& a, const Entry& b) {
    return newton_schulz_work(a.rows, a.cols) > newton_schulz_work(b.rows, b.cols);
  });
}

void Optimizer::sum_squares(kernels::ThreadPool& pool, const float* block) {
  pool.run(static_cast<int64_t>(norm_pieces_.size()), [&](int64_t i) {
    const Entry& piece = norm_pieces_[static_cast<size_t>(i)];
    norm_sums_[static_cast<size_t>(i)] = sum_of_squares(block + piece.offset, piece.cols);
  });
}

Optimizer::PerGroup Optimizer::gradient_norms(kernels::ThreadPool& pool, const float* gradients) {
  sum_squares(pool, gradients);
  PerGroup norms{};
  for (size_t i = 0; i < norm_pieces_.size(); ++i) norms[norm_pieces_[i].group] += norm_sums_[i];
  for (double& norm : norms) norm = std::sqrt(norm);
  return norms;
}

void Optimizer::step_matrices(kernels::ThreadPool& pool, const Blocks& b, double lr,
                              const PerGroup& scales) {
  const auto update = [&](const Entry& e, kernels::ThreadPool& gemm_pool,
                          NewtonSchulzScratch& scratch) {
    if (scales[e.group] == 0) return b.keep(e);
    const Muon settings{lr, config_.momentum, config_.weight_decay, scales[e.group]};
    scratch.reserve(e.rows, e.cols);
    muon_update(gemm_pool, settings,
                {e.rows, e.cols, b.w + e.offset, b.grad + e.offset, b.m + e.offset,
                 b.w_next + e.offset, b.m_next + e.offset},
                scratch);
  };
  const auto lanes = static_cast<size_t>(pool.num_threads());
  if (scratch_.size() < lanes) scratch_.resize(lanes);
  std::atomic<size_t> next_small{0};
  // Sorted by work, but a large matrix need not have more of it than every small one.
  for (const Entry& e : matrices_)
    if (e.rows * e.cols > kLaneElements) update(e, pool, scratch_[0]);
  pool.run(static_cast<int64_t>(lanes), [&](int64_t lane) {
    kernels::ThreadPool alone(1);
    for (;;) {
      const size_t i = next_small.fetch_add(1, std::memory_order_relaxed);
      if (i >= matrices_.size()) return;
      const Entry& e = matrices_[i];
      if (e.rows * e.cols <= kLaneElements) update(e, alone, scratch_[static_cast<size_t>(lane)]);
    }
  });
}

void Optimizer::step_elements(kernels::ThreadPool& pool, const Blocks& b, double lr,
                              const PerGroup& scales, int64_t t) {
  pool.run(static_cast<int64_t>(elements_.size()), [&](int64_t i) {
    const Entry& e = elements_[static_cast<size_t>(i)];
    if (scales[e.group] == 0) {
      std::copy_n(b.v + e.offset, e.cols, b.v_next + e.offset);
      return b.keep(e);
    }
    const AdamW settings{lr, config_.beta1,  config_.beta2, config_.eps, config_.weight_decay,
                         t,  scales[e.group]};
    adamw_update(settings,
                 {b.w + e.offset, b.grad + e.offset, b.m + e.offset, b.v + e.offset,
                  b.w_next + e.offset, b.m_next + e.offset, b.v_next + e.offset},
                 e.cols);
  });
}

StepReport Optimizer::step(kernels::ThreadPool& pool, const Gradients& gradients, double lr,
                           std::span<const int64_t> router_load, TrainingState& state) {
  int64_t num_biases = 0;
  for (const Entry& e : biases_) num_biases += e.cols;
  if (!router_load.empty()) CHECK_EQ(static_cast<int64_t>(router_load.size()), num_biases);
  const TrainingState::Slot &from = state.current(), &to = state.next();
  const Blocks b{base_of(gradients.weights()), base_of(from.params), base_of(from.first_moment),
                 base_of(from.second_moment),  base_of(to.params),   base_of(to.first_moment),
                 base_of(to.second_moment)};
  const PerGroup norms = gradient_norms(pool, b.grad);
  StepReport report;
  report.grad_norm = norms[kModel];
  report.mtp_grad_norm = norms[kMtp];
  report.index_grad_norm = norms[kIndexer];
  PerGroup scales;
  for (size_t g = 0; g < kNumGroups; ++g) {
    if (!std::isfinite(norms[g])) {
      report.outcome = StepOutcome::kNonFiniteGradient;
      report.tensor = first_non_finite(gradients.weights());
      return report;
    }
    scales[g] = config_.grad_clip > 0 && norms[g] > config_.grad_clip ? config_.grad_clip / norms[g]
                : g != kModel && norms[g] == 0                        ? 0
                                                                      : 1;
  }
  step_matrices(pool, b, lr, scales);
  step_elements(pool, b, lr, scales, state.step() + 1);

  pool.run(static_cast<int64_t>(frozen_.size()), [&](int64_t i) {
    const Entry& e = frozen_[static_cast<size_t>(i)];
    std::copy_n(b.w + e.offset, e.cols, b.w_next + e.offset);
  });

  const int64_t* load = router_load.data();
  for (const Entry& e : biases_) {
    if (router_load.empty()) {
      std::copy_n(b.w + e.offset, e.cols, b.w_next + e.offset);
    } else {
      update_router_bias(b.w + e.offset, load, e.cols, b.w_next + e.offset);
      load += e.cols;
    }
  }

  sum_squares(pool, b.w_next);
  if (!std::all_of(norm_sums_.begin(), norm_sums_.end(),
                   [](double s) { return std::isfinite(s); })) {
    report.outcome = StepOutcome::kNonFiniteWeight;
    report.tensor = first_non_finite(to.params);
  }
  return report;
}

}  // namespace amalgam::learner
