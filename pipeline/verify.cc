#include "pipeline/verify.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "configs/error.h"
#include "kernels/gemm.h"
#include "kernels/head_policy.h"
#include "model/network.h"
#include "model/packed_model.h"
#include "model/safetensors.h"
#include "pipeline/machine.h"

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
}

int run_verify(const VerifyOptions& options) {
  const model::PackedModel loaded = model::load_packed_model(options.case_dir);
  const model::ModelConfig& config = loaded.config();
  const model::SafetensorsFile reference(options.case_dir + "/reference.safetensors");
  const Case c = read_case(reference, config.vocab_size);
  kernels::ThreadPool pool(num_threads(options.threads));
  model::Network net(config, pool);
  Comparison comparison(reference);

  model::Model grads = zero_gradients(config);
  model::Tape tape(net.arena());
  model::Recording recording{.tape = &tape, .grads = &grads.weights};
  const model::Var hidden = net.run(loaded.weights(), {c.ids, c.sequences}, &recording);
  const auto N = static_cast<int64_t>(c.ids.size());
  std::vector<int32_t> rows(c.ids.size());
  for (int64_t i = 0; i < N; ++i) rows[static_cast<size_t>(i)] = static_cast<int32_t>(i);
  std::vector<float> logits(static_cast<size_t>(N * config.vocab_size));
  net.logits(loaded.weights(), hidden.v, rows, logits.data());
  comparison.add("logits", {N, config.vocab_size}, logits.data(), kLogitsTolerance);

  // Mean next-token cross-entropy over all sequences; a sequence's last token has no target.
  const int64_t num_targets = N - static_cast<int64_t>(c.sequences.size());
  if (num_targets > 0 && reference.find("loss")) {
    std::vector<int32_t> targets(c.ids.begin() + 1, c.ids.end());
    targets.push_back(0);
    std::vector<float> weight(c.ids.size(), 1.0f / static_cast<float>(num_targets));
    for (size_t i = 1; i < c.cu_seqlens.size(); ++i)
      weight[static_cast<size_t>(c.cu_seqlens[i] - 1)] = 0;
    std::vector<float> logprob(c.ids.size());
    std::vector<float> lse(c.ids.size());
    kernels::head_cross_entropy(
        pool, net.scratch(),
        {.head = {loaded.weights().head.data, config.vocab_size, config.hidden_size},
         .hidden = hidden.v.data,
         .targets = targets.data(),
         .tokens = N},
        weight.data(), {.logprob = logprob.data(), .lse = lse.data()},
        {.hidden = hidden.g, .weight = grads.weights.head.data});
    double loss = 0;
    for (size_t i = 0; i < logprob.size(); ++i)
      if (weight[i] > 0) loss -= logprob[i];
    const float mean = static_cast<float>(loss / static_cast<double>(num_targets));
    comparison.add("loss", {}, &mean, kLogitsTolerance);
    tape.backward();
    struct {
      Comparison& comparison;
      void operator()(const std::string& name, const model::Tensor& t, model::Role) {
        const auto shape =
            t.rank == 2 ? std::vector<int64_t>{t.rows, t.cols} : std::vector<int64_t>{t.rows};
        comparison.add("grad." + name, shape, t.data, kGradientTolerance);
      }
      void operator()(const std::string&, const model::IntTensor&) {}
    } compare{comparison};
    if (reference.find("grad.embed.weight")) model::visit(grads.weights, compare);
  }
  if (!options.dump.empty()) comparison.write(options.dump);
  std::printf("%s: %d tensors compared, %d above tolerance (logits %.0e, gradients %.0e)\n",
              options.case_dir.c_str(), comparison.compared(), comparison.failed(),
              kLogitsTolerance, kGradientTolerance);
  return comparison.failed() ? 1 : 0;
}

}  // namespace amalgam::pipeline
