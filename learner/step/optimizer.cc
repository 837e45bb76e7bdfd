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
};

Optimizer::Optimizer(const configs::OptimConfig& config, const model::ModelConfig& model,
                     Trained trained)
    : config_(config) {
  struct Sort {
    Optimizer& o;
    Trained trained;
    int64_t offset = 0;
    void split(int64_t size, std::vector<Entry>& into) const {
      for (int64_t i = 0; i < size; i += kPieceElements)
        into.push_back({offset + i, 1, std::min(kPieceElements, size - i)});
    }
    bool moves(const std::string& name) const {
      return trained == Trained::kAll ||
             (name.starts_with("layers.") && name.find(".indexer.") != std::string::npos);
    }
    void operator()(const std::string& name, const kernels::Tensor& t, model::Role role) {
      if (name.starts_with("mtp.")) {  // one after the other in visiting order
        if (o.mtp_end_ == 0) o.mtp_begin_ = offset;
        o.mtp_end_ = offset + t.size();
      }
      if (moves(name)) split(t.size(), o.norm_pieces_);
      if (!moves(name) && role != model::Role::kBalanceBias)
        split(t.size(), o.frozen_);
      else if (role == model::Role::kBalanceBias)
        o.biases_.push_back({offset, 1, t.size()});
      else if (role == model::Role::kMatrix && o.config_.kind == configs::OptimKind::kMuon)
        o.matrices_.push_back({offset, t.rows, t.cols});
      else
        split(t.size(), o.elements_);
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

void Optimizer::gradient_norms(kernels::ThreadPool& pool, const float* gradients,
                               StepReport* report) {
  sum_squares(pool, gradients);
  double model = 0, mtp = 0;
  for (size_t i = 0; i < norm_pieces_.size(); ++i)
    (is_mtp(norm_pieces_[i]) ? mtp : model) += norm_sums_[i];
  report->grad_norm = std::sqrt(model);
  report->mtp_grad_norm = std::sqrt(mtp);
}

void Optimizer::step_matrices(kernels::ThreadPool& pool, const Blocks& b, double lr,
                              const Scales& scales) {
  const auto update = [&](const Entry& e, kernels::ThreadPool& gemm_pool,
                          NewtonSchulzScratch& scratch) {
    const Muon settings{lr, config_.momentum, config_.weight_decay,
                        is_mtp(e) ? scales.mtp : scales.model};
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
                              const Scales& scales, int64_t t) {
  pool.run(static_cast<int64_t>(elements_.size()), [&](int64_t i) {
    const Entry& e = elements_[static_cast<size_t>(i)];
    const AdamW settings{lr,
                         config_.beta1,
                         config_.beta2,
                         config_.eps,
                         config_.weight_decay,
                         t,
                         is_mtp(e) ? scales.mtp : scales.model};
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
  StepReport report;
  gradient_norms(pool, b.grad, &report);
  if (!std::isfinite(report.grad_norm) || !std::isfinite(report.mtp_grad_norm)) {
    report.outcome = StepOutcome::kNonFiniteGradient;
    report.tensor = first_non_finite(gradients.weights());
    return report;
  }
  const auto clip = [&](double norm) {
    return config_.grad_clip > 0 && norm > config_.grad_clip ? config_.grad_clip / norm : 1;
  };
  const Scales scales{clip(report.grad_norm), clip(report.mtp_grad_norm)};
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
