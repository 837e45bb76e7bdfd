// The network against the float64 oracle's logits, losses and gradients (tests/golden/reference).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/network/mtp_rows.h"
#include "model/tensors/safetensors.h"
#include "tests/model/network/network_case.h"
#include "tests/paths.h"

namespace amalgam::model {
namespace {

struct GoldenCase {
  const char* name;
  bool gradients;  // false: the reference has none
};
void PrintTo(const GoldenCase& c, std::ostream* out) { *out << c.name; }

class NetworkGolden : public ::testing::TestWithParam<GoldenCase> {};

// Largest |ours - reference|, relative to the largest |reference|; infinite for a NaN.
double relative_error(const SafetensorsFile& reference, const std::string& name,
                      const float* ours) {
  const StoredTensor& t = reference.at(name);
  std::vector<float> want(static_cast<size_t>(t.num_elements));
  copy_floats(t, 0, t.num_elements, want.data());
  double error = 0, largest = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double e = std::abs(static_cast<double>(ours[i]) - static_cast<double>(want[i]));
    if (std::isnan(e)) return INFINITY;
    error = std::max(error, e);
    largest = std::max(largest, std::abs(static_cast<double>(want[i])));
  }
  return error == 0 ? 0 : error / largest;
}

// One golden case: a forward pass on a tape, compared as it goes.
struct GoldenRun {
  explicit GoldenRun(const std::string& directory)
      : model(load_packed_model(directory)),
        reference(directory + "/reference.safetensors"),
        net(model.config(), pool),
        grads(zero_gradients(model.config())),
        tape(net.arena()),
        recording{.tape = &tape, .grads = &grads.weights} {}

  Ids ints(const char* name) const {
    const StoredTensor& t = reference.at(name);
    Ids v(static_cast<size_t>(t.num_elements));
    copy_ints(t, 0, t.num_elements, v.data());
    return v;
  }
  void compare_logits(const std::string& name, const Var& hidden) {
    Ids rows(static_cast<size_t>(hidden.v.rows));
    std::iota(rows.begin(), rows.end(), 0);
    std::vector<float> logits(rows.size() * static_cast<size_t>(model.config().vocab_size));
    net.logits(model.weights(), hidden.v, rows, logits.data());
    EXPECT_LE(relative_error(reference, name, logits.data()), 2e-5) << name;
  }
  // The mean over rows with a target; its gradient, times `scale`, goes to the hidden states and
  // the head.
  void compare_loss(const std::string& name, const Var& hidden, const Ids& targets, float scale) {
    const auto n = static_cast<float>(
        std::count_if(targets.begin(), targets.end(), [](int32_t t) { return t >= 0; }));
    const std::vector<float> weight(targets.size(), scale / n);
    std::vector<float> logprob(targets.size()), lse(targets.size());
    kernels::head_cross_entropy(
        pool, net.scratch(),
        {.head = {model.weights().head.data, model.config().vocab_size, model.config().hidden_size},
         .hidden = hidden.v.data,
         .targets = targets.data(),
         .tokens = hidden.v.rows},
        weight.data(), {.logprob = logprob.data(), .lse = lse.data()},
        {.hidden = hidden.g, .weight = grads.weights.head.data});
    double loss = 0;
    for (const float x : logprob) loss -= static_cast<double>(x);
    const auto mean = static_cast<float>(loss / static_cast<double>(n));
    EXPECT_LE(relative_error(reference, name, &mean), 2e-5) << name;
  }

  PackedModel model;
  SafetensorsFile reference;
  kernels::ThreadPool pool{2};
  Network net;
  Model grads;
  Tape tape;
  Recording recording;
};

TEST_P(NetworkGolden, LogitsLossAndGradients) {
  GoldenRun run(tests::reference_model(GetParam().name));
  const Ids ids = run.ints("ids"), bounds = run.ints("cu_seqlens");
  std::vector<Ids> sequences;
  Ids targets;
  for (size_t i = 0; i + 1 < bounds.size(); ++i) {
    sequences.emplace_back(ids.begin() + bounds[i], ids.begin() + bounds[i + 1]);
    targets.insert(targets.end(), sequences.back().begin() + 1, sequences.back().end());
    targets.push_back(-1);
  }
  const Packed packed(sequences);
  Var streams;
  const Var hidden = run.net.run(run.model.weights(), packed.batch(), &run.recording, &streams);
  run.compare_logits("logits", hidden);
  if (ids.size() == sequences.size()) return;
  run.compare_loss("loss", hidden, targets, 1);
  EXPECT_EQ(run.reference.find("mtp_loss") != nullptr, !run.model.weights().mtp.empty());
  if (run.reference.find("mtp_loss")) {
    const MtpRows rows(packed.ids, packed.slices, 3);  // the reference leaves two tokens out
    const Var mtp = run.net.run_mtp(run.model.weights(), rows.batch(streams, MtpGradient::kAll),
                                    &run.recording);
    run.compare_logits("mtp_logits", mtp);
    run.compare_loss("mtp_loss", mtp, rows.targets(targets), 0.3f);
  }
  if (!GetParam().gradients) return;
  run.tape.backward();
  struct Compare {
    const SafetensorsFile& reference;
    int compared = 0;
    void operator()(const std::string& name, const Tensor& t, Role) {
      EXPECT_LE(relative_error(reference, "grad." + name, t.data), 1e-4) << name;
      ++compared;
    }
    void operator()(const std::string&, const IntTensor&) {}
  } compare{run.reference};
  visit(run.grads.weights, compare);
  EXPECT_GT(compare.compared, 20);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, NetworkGolden,
    ::testing::Values(GoldenCase{"clamp", true}, GoldenCase{"csa", true},
                      GoldenCase{"csa_all", true}, GoldenCase{"hca", true},
                      GoldenCase{"long", true}, GoldenCase{"mixed", true}, GoldenCase{"odd", true},
                      GoldenCase{"one_token", true}, GoldenCase{"packed", true},
                      GoldenCase{"sliding", true}, GoldenCase{"streams2", true},
                      GoldenCase{"wide_window", true}, GoldenCase{"mtp", true},
                      GoldenCase{"mtp_csa", true}, GoldenCase{"mtp_hca", true},
                      GoldenCase{"released", true}, GoldenCase{"released_quant", false},
                      GoldenCase{"hf_saved", true}, GoldenCase{"hf_memory", true}),
    [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace amalgam::model
