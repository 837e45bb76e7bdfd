#include "pipeline/commands/verify.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <vector>

#include "configs/error.h"
#include "kernels/gemm/gemm.h"
#include "kernels/head/head_policy.h"
#include "model/checkpoint/packed_model.h"
#include "model/network/mtp_rows.h"
#include "model/network/network.h"
#include "model/tensors/safetensors.h"
#include "pipeline/command_line/numerics_options.h"
#include "pipeline/run_store/machine.h"

namespace amalgam::pipeline {
namespace {

constexpr double kLogitsTolerance = 2e-5, kGradientTolerance = 1e-4;

struct Case {
  std::vector<int32_t> ids, cu_seqlens;
  std::vector<model::SequenceSlice> sequences;
};

Case read_case(const model::SafetensorsFile& reference, int64_t vocab_size) {
  Case c;
  const auto ints = [&](const char* name) {
    const auto& t = reference.at(name);
    std::vector<int32_t> v(static_cast<size_t>(t.num_elements));
    copy_ints(t, 0, t.num_elements, v.data());
    return v;
  };
  c.ids = ints("ids");
  c.cu_seqlens = ints("cu_seqlens");
  for (const int32_t id : c.ids)
    if (id < 0 || id >= vocab_size)
      throw Error(reference.path() + ": token id " + std::to_string(id) +
                  " is not in the vocabulary");
  for (size_t i = 0; i + 1 < c.cu_seqlens.size(); ++i) {
    if (c.cu_seqlens[i + 1] <= c.cu_seqlens[i])
      throw Error(reference.path() + ": cu_seqlens does not ascend");
    c.sequences.push_back({c.cu_seqlens[i], c.cu_seqlens[i + 1] - c.cu_seqlens[i], nullptr});
  }
  if (c.cu_seqlens.empty() || c.cu_seqlens.front() != 0 ||
      c.cu_seqlens.back() != static_cast<int32_t>(c.ids.size()))
    throw Error(reference.path() + ": cu_seqlens does not cover ids");
  return c;
}

class Comparison {
 public:
  explicit Comparison(const model::SafetensorsFile& reference) : reference_(reference) {}

  void add(const std::string& name, std::vector<int64_t> shape, const float* ours,
           double tolerance) {
    kept_.push_back({name, std::move(shape), {}});
    int64_t n = 1;
    for (const int64_t s : kept_.back().shape) n *= s;
    kept_.back().values.assign(ours, ours + n);
    const model::StoredTensor* r = reference_.find(name);
    if (!r) return;
    if (r->num_elements != n) throw Error(reference_.path() + ": " + name + " has another shape");
    std::vector<float> want(static_cast<size_t>(n));
    copy_floats(*r, 0, n, want.data());
    double largest = 0, difference = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double w = want[static_cast<size_t>(i)], d = std::abs(ours[i] - w);
      largest = std::max(largest, std::abs(w));
      difference = d > difference || std::isnan(d) ? d : difference;
    }
    const double relative = difference == 0 ? 0 : difference / std::max(largest, 1e-30);
    const bool ok = relative <= tolerance;  // false for NaN
    failed_ += !ok;
    ++compared_;
    std::printf("%.1e  %s%s\n", relative, name.c_str(), ok ? "" : "  ABOVE TOLERANCE");
  }
  int failed() const { return failed_; }
  int compared() const { return compared_; }
  void write(const std::string& path) const {
    std::vector<model::StoredTensor> tensors;
    for (const Kept& k : kept_)
      tensors.push_back({k.name, model::DType::kF32, k.shape,
                         reinterpret_cast<const std::byte*>(k.values.data()),
                         static_cast<int64_t>(k.values.size())});
    model::write_safetensors(path, std::move(tensors));
  }

 private:
  struct Kept {
    std::string name;
    std::vector<int64_t> shape;
    std::vector<float> values;
  };
  const model::SafetensorsFile& reference_;
  std::vector<Kept> kept_;
  int failed_ = 0, compared_ = 0;
};

// Gradients of one model, zeroed.
model::Model zero_gradients(const model::ModelConfig& config) {
  model::Model grads = model::allocate_model(config);
  std::fill(grads.floats.data(), grads.floats.data() + grads.floats.size(), 0.0f);
  return grads;
}

}  // namespace

void VerifyOptions::describe(OptionSet& options) {
  options.option("case", case_dir, "directory with config.json, weights and reference.safetensors",
                 Need::kRequired);
  options.option("--dump", dump,
                 "safetensors file to write what was computed to, under the reference's names");
  options.option("--threads", threads, "compute threads; 0 = all cores");
  describe_numerics(options, numerics);
}

namespace {

// One case in progress: the forward pass on a tape, and what the losses put into the gradients.
class Verification {
 public:
  Verification(const model::PackedModel& loaded, const model::SafetensorsFile& reference, Case c,
               kernels::ThreadPool& pool, const configs::NumericsConfig& numerics,
               Comparison& comparison)
      : loaded_(loaded),
        config_(loaded.config()),
        reference_(reference),
        case_(std::move(c)),
        net_(config_, pool, numerics),
        tape_(net_.arena()),
        grads_(zero_gradients(config_)),
        recording_{.tape = &tape_, .grads = &grads_.weights},
        comparison_(comparison) {}

  void run() {
    model::Var streams;
    const model::Var hidden =
        net_.run(loaded_.weights(), {case_.ids, case_.sequences}, &recording_, &streams);
    compare_logits("logits", hidden);
    // A sequence's last token has no target.
    std::vector<int32_t> targets(case_.ids.begin() + 1, case_.ids.end());
    targets.push_back(-1);
    for (size_t i = 1; i < case_.cu_seqlens.size(); ++i)
      targets[static_cast<size_t>(case_.cu_seqlens[i] - 1)] = -1;
    const bool has_loss = compare_loss("loss", hidden, targets, 1);
    // Only a reference that has it counts the MTP loss into its gradients.
    if (!loaded_.weights().mtp.empty()) {
      const model::MtpRows rows = mtp_rows();
      if (!rows.empty()) {
        const model::Var mtp = net_.run_mtp(
            loaded_.weights(), rows.batch(streams, model::MtpGradient::kAll), &recording_);
        compare_logits("mtp_logits", mtp);
        const bool counts = reference_.find("mtp_loss") || !reference_.find("loss");
        compare_loss("mtp_loss", mtp, rows.targets(targets), counts ? kMtpLossWeight : 0);
      }
    }
    if (!has_loss || (reference_.find("loss") && !reference_.find("grad.embed.weight"))) return;
    tape_.backward();
    struct {
      Comparison& comparison;
      void operator()(const std::string& name, const model::Tensor& t, model::Role) {
        const auto shape =
            t.rank == 2 ? std::vector<int64_t>{t.rows, t.cols} : std::vector<int64_t>{t.rows};
        comparison.add("grad." + name, shape, t.data, kGradientTolerance);
      }
      void operator()(const std::string&, const model::IntTensor&) {}
    } compare{comparison_};
    model::visit(grads_.weights, compare);
  }
  const model::IndexerCounters& indexer_counters() { return net_.indexer_counters(); }

 private:
  static constexpr float kMtpLossWeight = 0.3f;

  // A sequence of two tokens has an MTP row that predicts nothing: the oracle leaves it out,
  // another reference may not.
  model::MtpRows mtp_rows() const {
    const model::StoredTensor* logits = reference_.find("mtp_logits");
    model::MtpRows all(case_.ids, case_.sequences);
    if (logits &&
        logits->num_elements == static_cast<int64_t>(all.rows.size()) * config_.vocab_size)
      return all;
    return {case_.ids, case_.sequences, 3};
  }

  void compare_logits(const std::string& name, const model::Var& hidden) {
    std::vector<int32_t> rows(static_cast<size_t>(hidden.v.rows));
    std::iota(rows.begin(), rows.end(), 0);
    std::vector<float> logits(rows.size() * static_cast<size_t>(config_.vocab_size));
    net_.logits(loaded_.weights(), hidden.v, rows, logits.data());
    comparison_.add(name, {hidden.v.rows, config_.vocab_size}, logits.data(), kLogitsTolerance);
  }

  // Mean cross-entropy over the rows with a target, its gradient times `weight`. False: no row has
  // one.
  bool compare_loss(const std::string& name, const model::Var& hidden,
                    const std::vector<int32_t>& targets, float weight) {
    const auto n = std::count_if(targets.begin(), targets.end(), [](int32_t t) { return t >= 0; });
    if (n == 0) return false;
    const std::vector<float> weights(targets.size(), weight / static_cast<float>(n));
    std::vector<float> logprob(targets.size()), lse(targets.size());
    kernels::head_cross_entropy(
        net_.pool(), net_.scratch(),
        {.head = {loaded_.weights().head.data, config_.vocab_size, config_.hidden_size},
         .hidden = hidden.v.data,
         .targets = targets.data(),
         .tokens = hidden.v.rows},
        weights.data(), {.logprob = logprob.data(), .lse = lse.data()},
        {.hidden = hidden.g, .weight = grads_.weights.head.data});
    double loss = 0;
    for (const float l : logprob) loss -= static_cast<double>(l);
    const auto mean = static_cast<float>(loss / static_cast<double>(n));
    comparison_.add(name, {}, &mean, kLogitsTolerance);
    return true;
  }

  const model::PackedModel& loaded_;
  const model::ModelConfig& config_;
  const model::SafetensorsFile& reference_;
  Case case_;
  model::Network net_;
  model::Tape tape_;
  model::Model grads_;
  model::Recording recording_;
  Comparison& comparison_;
};

}  // namespace

int run_verify(const VerifyOptions& options) {
  const model::PackedModel loaded = model::load_packed_model(options.case_dir, options.numerics,
                                                             model::Passes::kForwardAndBackward);
  const model::SafetensorsFile reference(options.case_dir + "/reference.safetensors");
  Case c = read_case(reference, loaded.config().vocab_size);
  kernels::ThreadPool pool(num_threads(options.threads));
  Comparison comparison(reference);
  Verification verification(loaded, reference, std::move(c), pool, options.numerics, comparison);
  verification.run();
  print_index_recall(verification.indexer_counters());
  if (!options.dump.empty()) comparison.write(options.dump);
  std::printf("%s: %d tensors compared, %d above tolerance (logits %.0e, gradients %.0e)\n",
              options.case_dir.c_str(), comparison.compared(), comparison.failed(),
              kLogitsTolerance, kGradientTolerance);
  return comparison.failed() ? 1 : 0;
}

}  // namespace amalgam::pipeline
